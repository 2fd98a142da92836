"""The tables of the simulations, read back, and what the protocol makes of them."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from pathlib import Path

from nanosched.csv_files import read_csv

ALLOWED, ALLOWED_HIGH = 0.05, 0.06  # A/A: the share that errs, and the upper end of its interval
LOW, HIGH = 0.94, 0.96  # coverage
EXACT = (("baseline", "equal"), ("best", "one better by far"))  # where it should be 95%, not at least


@dataclass(frozen=True)
class Coverage:
    against: str
    truth: str
    seeds: int
    methods: int
    comparisons: int
    coverage: float

    @property
    def exact(self) -> bool:
        return (self.against, self.truth) in EXACT

    @property
    def holds(self) -> bool:
        return self.coverage >= LOW and (self.coverage <= HIGH or not self.exact)


@dataclass(frozen=True)
class RaceRow:
    """A line of races.csv."""

    noise: str
    methods: int
    against: str
    effect: float
    design: str
    comparisons: int
    power: float
    wrong: float
    any_wrong: float
    falsely_equivalent: float
    undecided: float
    runs: float
    seeds: float

    @property
    def interval(self) -> tuple[float, float]:
        """Of the share of comparisons with an error: 95%, Wilson 1927."""
        p, n, z = self.any_wrong, self.comparisons, 1.96
        centre, half = p + z**2 / (2 * n), z * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
        return (centre - half) / (1 + z**2 / n), (centre + half) / (1 + z**2 / n)

    @property
    def holds(self) -> bool:
        """Whether an A/A comparison errs as seldom as it should."""
        return self.any_wrong <= ALLOWED and self.interval[1] <= ALLOWED_HIGH


@dataclass(frozen=True)
class Tables:
    coverage: list[Coverage]
    races: list[RaceRow]

    def aa(self, against: str, design: str = "looks") -> list[RaceRow]:
        return [r for r in self.races if not r.effect and (r.against, r.design) == (against, design)]

    def ab(self, against: str, design: str, effect: float, all_methods: bool = True) -> list[RaceRow]:
        """Of each noise, with all of its methods or with few."""
        most = {noise: max(r.methods for r in self.races if r.noise == noise) for noise in self.noises}
        return [
            r
            for r in self.races
            if (r.against, r.design, r.effect) == (against, design, effect)
            and (r.methods == most[r.noise]) == all_methods
        ]

    @property
    def noises(self) -> list[str]:
        return list(dict.fromkeys(r.noise for r in self.races))

    @property
    def effects(self) -> list[float]:
        return sorted({r.effect for r in self.races if r.effect})


def read_tables(out: Path) -> Tables:
    """coverage.csv and races.csv of a folder."""
    return Tables(read_rows(out / "coverage.csv", Coverage), read_rows(out / "races.csv", RaceRow))


def read_rows(path: Path, row: type) -> list:
    kinds = {"int": int, "float": lambda text: float(text or "nan"), "str": str}
    return [row(**{f.name: kinds[f.type](line[f.name]) for f in fields(row)}) for line in read_csv(path)]
