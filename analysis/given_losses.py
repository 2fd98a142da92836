"""Losses that somebody's training script wrote: a CSV file with the columns method, seed and loss.

Two more are known: `step`, where the file has whole curves, of which each run's last step counts; and `pair`,
where runs are paired by something else than their seed. Other columns are left alone. A loss that is empty,
nan or inf is that of a run that did not complete. What a file does wrong is one line: where, what, and what
to do instead.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from analysis.noise import Losses
from analysis.text import listed
from nanosched.csv_files import as_given
from nanosched.errors import quoted

NEEDED = "a CSV file with the columns method, seed and loss"


@dataclass(frozen=True)
class Row:
    """A line of the file."""

    where: str  # file and line
    method: str
    pair: str  # what is compared with the same of another method: the seed, if nothing else is given
    step: int  # 0 where the file has none
    loss: float  # NaN if the run did not complete


def read_losses(path: Path) -> dict[str, Losses]:
    """method -> seed -> final loss, NaN for a run that did not complete; seeds numbered as the file has them.

    Raises:
        ValueError: what is wrong, in one line with file and line number.
    """
    last: dict[tuple[str, str], Row] = {}
    lines: dict[tuple[str, str, int], str] = {}
    numbers: dict[str, int] = {}
    for row in rows_of(path):
        key = row.method, row.pair, row.step
        if key in lines:
            step = f" at step {row.step}" * bool(row.step)
            raise ValueError(
                f"{row.where}: {quoted(row.method)} has {quoted(row.pair)} a second time{step}, after "
                f"{lines[key]}: keep one line of each run"
            )
        lines[key] = row.where.rpartition(", ")[2]
        numbers.setdefault(row.pair, len(numbers))
        if row.step >= last.get(key[:2], row).step:
            last[key[:2]] = row
    refuse_other_ends(list(last.values()))
    losses: dict[str, Losses] = {}
    for (method, pair), row in last.items():
        losses.setdefault(method, {})[numbers[pair]] = row.loss
    if len(losses) < 2:
        raise ValueError(f"{path} has {len(losses)} method: nothing to compare; give at least two")
    return losses


def refuse_other_ends(runs: list[Row]):
    """A run that stopped earlier than the others, but for one that diverged, is no final loss."""
    completed = [run for run in runs if not math.isnan(run.loss)]
    end = max((run.step for run in completed), default=0)
    for run in completed:
        if run.step < end:
            raise ValueError(
                f"{run.where}: {quoted(run.method)} with {quoted(run.pair)} ends at step {run.step}, others "
                f"at {end}: give all runs to the same step, or an empty loss where one did not complete"
            )


def rows_of(path: Path) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(text_of(path), newline=""), strict=True)
    try:
        header = [name.strip().lower() for name in next(reader)]
        check_header(path, header)
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield row_of(f"{path}, line {reader.line_num}", header, cells)
    except csv.Error as e:
        raise ValueError(f"{path}, line {reader.line_num} is no CSV ({e}): give {NEEDED}") from None


def text_of(path: Path) -> str:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except IsADirectoryError:
        raise ValueError(f"{path} is a folder: give {NEEDED}") from None
    except FileNotFoundError:
        raise ValueError(f"{path} does not exist: give {NEEDED}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{path} is no text in UTF-8: give {NEEDED}") from None
    if "\0" in text:
        raise ValueError(f"{path} is a binary file: give {NEEDED}")
    if not text.strip():
        raise ValueError(f"{path} is empty: give {NEEDED}")
    return text


def check_header(path: Path, header: list[str]):
    seed = "pair" if "pair" in header else "seed"
    missing = [name for name in ("method", seed, "loss") if name not in header]
    if missing:
        found = quoted(", ".join(header))
        raise ValueError(f"{path}, line 1 has no column {listed(missing)}, but {found}: give {NEEDED}")
    for name in header:
        if name and header.count(name) > 1:
            raise ValueError(f"{path}, line 1 has the column {quoted(name)} twice: keep one")


def row_of(where: str, header: list[str], cells: list[str]) -> Row:
    if len(cells) != len(header):
        raise ValueError(f"{where} has {len(cells)} cells, line 1 has {len(header)}: give each column one")
    given = {name: as_given(cell).strip() for name, cell in zip(header, cells)}
    if not given["method"]:
        raise ValueError(f"{where} has no method: give its name")
    pair = given["pair"] if "pair" in given else str(whole_number(where, "seed", given["seed"]))
    if not pair:
        raise ValueError(f"{where} has no pair: give what the run is paired by")
    step = whole_number(where, "step", given["step"]) if "step" in given else 0
    return Row(where, given["method"], pair, step, loss_of(where, given["loss"]))


def whole_number(where: str, column: str, text: str) -> int:
    """Also of "3.0", as tables with gaps are written."""
    try:
        number = float(text)
        if number == int(number) >= 0:
            return int(number)
    except (ValueError, OverflowError):
        pass
    raise ValueError(f"{where}: {column} is {quoted(text)}: give a whole number, 0 or above")


def loss_of(where: str, text: str) -> float:
    try:
        loss = float(text or "nan")
    except ValueError:
        raise ValueError(
            f"{where}: loss is {quoted(text)}: give a number, or leave it empty if the run did not complete"
        ) from None
    return loss if math.isfinite(loss) else math.nan
