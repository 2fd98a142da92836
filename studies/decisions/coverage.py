"""How often all intervals of a comparison hold at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.differences import ALPHA
from studies.decisions.batch import against_baseline, against_best, pairs_of
from studies.decisions.noise import independent

SEEDS = (3, 5, 8, 20)
METHODS = (2, 4, 8, 21, 25)
COMPARISONS, CHUNK = 10_000, 1_000
FAR = 1.0  # nats per token: how much better a clear best is
COVERAGE_COLUMNS = ["against", "truth", "seeds", "methods", "comparisons", "coverage"]
CASES = [("baseline", "equal"), ("best", "one better by far"), ("best", "equal")]


@dataclass(frozen=True)
class Cell:
    against: str
    truth: str
    seeds: int
    methods: int
    comparisons: int = COMPARISONS


def coverage_cells() -> list[Cell]:
    return [Cell(*case, seeds, methods) for case in CASES for seeds in SEEDS for methods in METHODS]


def coverage_row(cell: Cell) -> dict:
    chunk = min(CHUNK, cell.comparisons)
    held = [holds(cell, chunk, number) for number in range(cell.comparisons // chunk)]
    return vars(cell) | dict(coverage=float(np.mean(held)))


def holds(cell: Cell, comparisons: int, number: int) -> np.ndarray:
    """Whether all intervals of each comparison hold: (comparisons,)."""
    case = CASES.index((cell.against, cell.truth))
    rng = np.random.Generator(
        np.random.Philox(np.random.SeedSequence([case, cell.seeds, cell.methods, number]))
    )
    means = np.zeros(cell.methods)
    means[0] = 0.0 if cell.truth == "equal" else -FAR
    losses = means + independent(cell.methods).draw(rng, comparisons, cell.seeds, cell.methods)
    pairs = pairs_of(losses, np.full((comparisons, cell.methods), cell.seeds))
    if cell.against == "baseline":
        found, true = against_baseline(pairs, 0, ALPHA), means - means[0]
    else:
        found, true = against_best(pairs, ALPHA), means - lowest_other(means)
    missed = (found.low > true) | (found.high < true)  # the baseline's NaN is never missed
    return ~missed.any(1)


def lowest_other(means: np.ndarray) -> np.ndarray:
    """For each method the lowest mean of the others."""
    return np.array([np.delete(means, i).min() for i in range(len(means))])
