"""What a section of the report is made of; templates/blocks.html.j2 turns each kind into HTML."""

from __future__ import annotations

from dataclasses import dataclass

from analysis.text_table import TextTable


@dataclass(frozen=True)
class Schedule:
    """A table's cell that names a schedule, beside a piece of its line."""

    name: str
    setting: str = ""  # what follows the name: " @ 2e-3"


Cell = str | int | Schedule
PHONE = 48  # characters of a table's row
MAX_NAME = 16  # characters of a name on one line


def cell_width(cell: Cell) -> int:
    return min(len(cell.name + cell.setting), MAX_NAME) if isinstance(cell, Schedule) else len(str(cell))


@dataclass(frozen=True)
class Paragraph:
    text: str


@dataclass(frozen=True)
class Code:
    text: str


@dataclass(frozen=True)
class Plot:
    """A figure that report.js draws with its function `kind` from `data`."""

    kind: str
    finding: str  # what it shows, in a sentence
    caption: str
    data: dict
    series: tuple[str, ...] = ()  # what the reader may choose from


@dataclass(frozen=True)
class Table:
    caption: str
    headings: list[str]
    rows: list[list[Cell]]
    named: int = 0  # the column that says what a row is about

    @property
    def is_wide(self) -> bool:
        """Whether a phone has no room for the columns beside each other; a schedule's name wraps."""
        words = [max(map(len, heading.split())) for heading in self.headings]
        widths = [max(map(cell_width, column)) for column in zip(*self.rows)]
        return sum(max(pair) + 1 for pair in zip(words, widths)) > PHONE


@dataclass(frozen=True)
class MatrixCell:
    text: str
    title: str = ""  # the same in words
    kind: str = ""  # a class of report.css


@dataclass(frozen=True)
class MatrixRow:
    rank: int
    schedule: Schedule
    cells: list[MatrixCell]


@dataclass(frozen=True)
class Matrix:
    """Every schedule against every other; the columns are the rows' ranks."""

    finding: str
    caption: str
    rows: list[MatrixRow]


@dataclass(frozen=True)
class Folded:
    """What the reader opens to see."""

    summary: str
    block: Table


@dataclass(frozen=True)
class SideBySide:
    tables: list[Table]


Block = Paragraph | Code | Plot | Table | Matrix | Folded | SideBySide


def table_of(table: TextTable, caption: str, names: list[Schedule] | None = None) -> Table:
    """The same table with a piece of its line beside each schedule; names: default what stands there."""
    named = table.headings.index("schedule")
    names = names or [Schedule(row[named]) for row in table.rows]
    rows = [[*row[:named], name, *row[named + 1 :]] for name, row in zip(names, table.rows)]
    return Table(caption, table.headings, rows, named)
