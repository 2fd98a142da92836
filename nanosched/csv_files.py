"""CSV files with a header: written whole or not at all, read as dicts of text."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from .files import atomic


def write_csv(path: Path, columns: list[str], rows: Iterable[dict]):
    """Write `rows`; a column that a row lacks, None and NaN are empty fields."""
    with atomic(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: tidy(row.get(name, "")) for name in columns} for row in rows)


def read_csv(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def tidy(value):
    """Numpy's numbers as Python's; no number at all as an empty field."""
    if isinstance(value, np.generic):
        value = value.item()
    return "" if value is None or (isinstance(value, float) and math.isnan(value)) else value
