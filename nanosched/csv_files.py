"""CSV files with a header: written whole or not at all, read as dicts of text.

A text that a spreadsheet would take for a formula, such as "=1+1", stands behind an apostrophe in the file;
`read_csv` takes it off again, so that every text comes back as it was. Numbers stay as they are.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

import numpy as np

from .files import atomic

# what a spreadsheet begins a formula with, the wide forms of = + - @ too
FORMULA = re.compile("'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")


def write_csv(path: Path, columns: list[str], rows: Iterable[dict]):
    """Write `rows`; a column that a row lacks, None and NaN are empty fields."""
    with atomic(path) as temporary, open_csv(temporary, "w") as file:
        file.write(csv_line(columns))
        file.writelines(csv_line([row.get(name, "") for name in columns]) for row in rows)


def open_csv(path: Path, mode: str = "r") -> TextIO:
    """The file as csv wants it; a file name that is no UTF-8 keeps its bytes."""
    return open(path, mode, newline="", encoding="utf-8", errors="surrogateescape")


def csv_line(values: Iterable) -> str:
    """One line of a CSV file, with its end."""
    line = io.StringIO()
    csv.writer(line).writerow(map(tidy, values))  # with its own line end, else it would not quote a "\r"
    return line.getvalue().removesuffix("\r\n") + "\n"


def read_csv(path: Path) -> list[dict[str, str]]:
    with open_csv(path) as file:
        return [{name: as_given(cell) for name, cell in row.items()} for row in csv.DictReader(file)]


def tidy(value):
    """Numpy's numbers as Python's; no number at all as an empty field; no text as a formula."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, str):
        return "'" + value if FORMULA.match(value) and not is_number(value) else value
    return "" if value is None or (isinstance(value, float) and math.isnan(value)) else value


def as_given(cell: str) -> str:
    """The text that `tidy` was given."""
    return cell[1:] if isinstance(cell, str) and cell[:1] == "'" and FORMULA.match(cell) else cell


def is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
