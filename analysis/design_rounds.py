"""The rounds of an active design: what was predicted before a design was trained, and what came out.

<out>/design.csv             a row for each round, its prediction written before its training
<out>/design/law_1.json      the law that round 1 designed with
<out>/design/held_out_1.csv  what its predictions are worth
"""

from __future__ import annotations

import math
import re
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from analysis.design_promise import Trust
from nanosched.csv_files import read_csv, write_csv
from schedulers.core.registry import REGISTRY, spelling
from schedulers.core.specs import split_name

OWN = re.compile(r"forecast_optimal:law=.*[/\\]design[/\\]law_\d+\.json")  # in this folder or before a move


@dataclass(frozen=True)
class Prediction:
    """Of a design, before it is trained; losses in nats per token, of what the law was fitted on."""

    round: int
    steps: int
    peak_lr: float
    mean_lr: float
    best: str  # the schedule with the lowest measured loss, no design
    predicted: float
    low: float  # 95% interval
    high: float
    predicted_gain: float  # over the best, by the law
    slope: float  # as in Trust
    residual: float
    held_out: int
    promised_gain: float  # over the best; NaN is no promise
    further_gain: float  # promised over the best of all, earlier designs too; NaN is none

    @property
    def trust(self) -> Trust:
        return Trust(self.slope, self.residual, self.held_out)


@dataclass(frozen=True)
class Outcome:
    """Of a trained design, over the seeds of the comparison; nats per token."""

    measured: float  # mean of what was predicted
    seeds: int
    over: str  # the schedule with the lowest final validation loss, no design
    gain: float  # over it in the final validation loss, paired by seed
    gain_low: float  # simultaneous interval of all designs against the best of the other schedules
    gain_high: float
    verdict: str


@dataclass(frozen=True)
class Round:
    """One row of design.csv."""

    prediction: Prediction
    outcome: Outcome | None = None  # None as long as the design isn't trained

    @property
    def number(self) -> int:
        return self.prediction.round

    @property
    def wanted(self) -> bool:
        """Whether the design is worth training: the first tells the law most, whatever it promises."""
        return self.number == 1 or not math.isnan(self.prediction.further_gain)


COLUMNS = [field.name for kind in (Prediction, Outcome) for field in fields(kind)]


def law_path(out: Path, number: int) -> Path:
    return out / "design" / f"law_{number}.json"


def held_out_path(out: Path, number: int) -> Path:
    return out / "design" / f"held_out_{number}.csv"


def label_of(out: Path, number: int) -> str:
    """The schedule of a round as compare.py takes it."""
    return f"forecast_optimal:law={law_path(out, number)}"


def is_own(label: str) -> bool:
    """Whether it is the design of a round, wherever the folder lay."""
    return OWN.fullmatch(label) is not None


def is_design(label: str) -> bool:
    """Whether a schedule comes from a law, this folder's or another one."""
    known = REGISTRY.get(spelling(split_name(label)[0]))
    return known is not None and getattr(known, "needs_law", False)


def write_rounds(out: Path, rounds: list[Round]) -> Path:
    rows = (asdict(each.prediction) | (asdict(each.outcome) if each.outcome else {}) for each in rounds)
    write_csv(path := out / "design.csv", COLUMNS, rows)
    return path


def read_rounds(out: Path) -> list[Round]:
    """Those of an earlier call, none where there was none.

    Raises:
        ValueError: a file that is no such table, or a law that is gone.
    """
    path = out / "design.csv"
    if not path.is_file():
        return []
    try:
        rounds = [read_round(row) for row in read_csv(path)]
    except (KeyError, TypeError, ValueError):
        raise ValueError(f"{path} has no rounds of a design: delete it, and they begin anew") from None
    for each in rounds:
        for needed in (law_path(out, each.number), held_out_path(out, each.number)):
            if not needed.is_file():
                raise ValueError(f"{path} has a round {each.number}, but {needed} is gone: delete {path}")
    return rounds


def read_round(row: dict[str, str]) -> Round:
    return Round(parsed(Prediction, row), parsed(Outcome, row) if row["seeds"] else None)


def parsed(kind: type, row: dict[str, str]):
    """A dataclass of ints, floats and texts; an empty number is NaN."""
    kinds = {"int": int, "float": lambda text: float(text or "nan"), "str": str}
    return kind(**{field.name: kinds[field.type](row[field.name]) for field in fields(kind)})
