"""Which columns of a table a page of some width has room for, and how its names and headings fit."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, replace
from functools import cached_property

from analysis.short_labels import short_labels
from analysis.text_table import TextTable

GAP = 2  # characters between two columns
MIN_NAME = 12  # names are cut to this before a column of priority 0 goes,
FULL_NAME = 40  # and to this before another does


@dataclass(frozen=True)
class FittedColumn:
    heading: str
    cells: tuple[str, ...]
    priority: int
    is_name: bool

    @cached_property
    def cells_width(self) -> int:
        return max(map(len, self.cells), default=0)

    @cached_property
    def broken_heading(self) -> str:
        """The heading on two lines at most, as narrow as that allows."""
        width = max(self.cells_width, 1)
        while len(lines := textwrap.wrap(self.heading, width, break_long_words=False)) > 2:
            width += 1
        return "\n".join(lines)

    @property
    def width(self) -> int:
        return max(self.cells_width, *map(len, self.heading.split("\n")))

    @property
    def least_width(self) -> int:
        return replace(self, heading=self.broken_heading).width

    def shortened(self, width: int) -> FittedColumn:
        short = short_labels(self.cells, max(width, MIN_NAME))
        return replace(self, cells=tuple(short[cell] for cell in self.cells))


def fitted(table: TextTable, width: int) -> TextTable:
    """The table with the columns that there is room for.

    Names always stay, then columns come in the order of their priorities, and the left ones first among
    equals. Names are cut in their middles to what is left, and the headings
    that save the most by it take two lines.

    Args:
        table: of any width.
        width: of the page in characters; from 60 on no row is wider, unless names and the first columns are.

    Returns:
        a table that may have fewer columns, and a line end in its headings.
    """
    columns = with_room(columns_of(table), width)
    others = sum(column.least_width + GAP for column in columns if not column.is_name)
    columns = [column.shortened(width - others) if column.is_name else column for column in columns]
    for i in sorted(range(len(columns)), key=lambda i: columns[i].least_width - columns[i].width):
        if sum(column.width + GAP for column in columns) - GAP > width:
            columns[i] = replace(columns[i], heading=columns[i].broken_heading)
    names = tuple(column.heading for column in columns if column.is_name)
    rows = [list(cells) for cells in zip(*(column.cells for column in columns))]
    return TextTable([column.heading for column in columns], rows, names)


def columns_of(table: TextTable) -> list[FittedColumn]:
    priorities = table.priorities or (0,) * len(table.headings)
    cells = list(zip(*table.rows)) or [()] * len(table.headings)
    return [
        FittedColumn(heading, column, priority, heading in table.names)
        for heading, column, priority in zip(table.headings, cells, priorities)
    ]


def with_room(columns: list[FittedColumn], width: int) -> list[FittedColumn]:
    kept = []
    for column in sorted(columns, key=lambda column: (not column.is_name, column.priority)):
        longest = MIN_NAME if column.priority == 0 else FULL_NAME
        if column.is_name or needed([*kept, column], longest) <= width:
            kept.append(column)
    return [column for column in columns if column in kept]


def needed(columns: list[FittedColumn], longest_name: int) -> int:
    """Characters of the columns beside each other, with names up to so long."""
    widths = [min(c.least_width, longest_name) if c.is_name else c.least_width for c in columns]
    return sum(widths) + GAP * (len(widths) - 1)
