"""Comparisons that get seeds in looks until they are decided, beside those with all seeds at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from analysis.differences import ALPHA
from analysis.looks import LOOKS, nominal_levels
from studies.decisions.batch import Intervals, against_baseline, against_best, pairs_of
from studies.decisions.noise import Noise

MARGIN = 0.005
AA, AB, CHUNK = 4_000, 2_000, 500
EFFECTS = (0.5, 1.0, 2.0, 4.0)  # standard deviations of a paired difference
FEW = 4  # methods
UNDECIDED, EQUIVALENT, WORSE, BETTER = range(4)
DESIGNS = {"looks": LOOKS, "fixed": LOOKS[-1:]}
RACE_COLUMNS = [
    "noise",
    "methods",
    "against",
    "effect",
    "design",
    "comparisons",
    "power",
    "wrong",
    "any_wrong",
]
RACE_COLUMNS += ["falsely_equivalent", "undecided", "runs", "seeds"]


@dataclass(frozen=True)
class Outcome:
    """Of many comparisons."""

    verdicts: np.ndarray  # (R, methods)
    seeds: np.ndarray  # that each method took: (R, methods)


@dataclass(frozen=True)
class Cell:
    noise: Noise
    methods: int
    against: str
    effect: float  # 0 is A/A
    design: str
    comparisons: int


def race_cells(noises: list[Noise], aa: int = AA, ab: int = AB) -> list[Cell]:
    """A/A and A/B, with looks and with all seeds at once: of the same losses."""
    return [
        Cell(noise, methods, against, effect, design, ab if effect else aa)
        for noise in noises
        for methods in (noise.methods, FEW)
        for against in ("baseline", "best")
        for effect in (0.0, *EFFECTS)
        for design in DESIGNS
    ]


def race_row(cell: Cell) -> dict:
    """What of its comparisons is right and wrong, and what they took."""
    worse = np.arange(cell.methods) % 2 == 1 if cell.effect else np.zeros(cell.methods, bool)
    outcomes = list(outcomes_of(cell, worse))
    verdicts = np.concatenate([outcome.verdicts for outcome in outcomes])
    seeds = np.concatenate([outcome.seeds for outcome in outcomes])
    wrong = wrong_verdicts(verdicts, worse)
    matters = cell.effect * cell.noise.pair_sd > MARGIN
    return vars(cell) | dict(
        noise=cell.noise.name,
        power=(verdicts[:, worse] == WORSE).mean() if cell.effect else np.nan,
        wrong=wrong.mean(),
        any_wrong=wrong.any(1).mean(),
        falsely_equivalent=(verdicts[:, worse] == EQUIVALENT).mean() if matters else np.nan,
        undecided=(verdicts == UNDECIDED).mean(),
        runs=seeds.sum(1).mean(),
        seeds=seeds.mean(),
    )


def outcomes_of(cell: Cell, worse: np.ndarray) -> Iterator[Outcome]:
    chunk = min(CHUNK, cell.comparisons)
    name = int.from_bytes(cell.noise.name.encode(), "big")
    for number in range(cell.comparisons // chunk):
        key = [name, cell.methods, cell.effect > 0, number]
        rng = np.random.Generator(np.random.Philox(np.random.SeedSequence(key)))
        losses = cell.noise.draw(rng, chunk, LOOKS[-1], cell.methods)
        losses = losses + worse * cell.effect * cell.noise.pair_sd
        yield race(losses, DESIGNS[cell.design], 0 if cell.against == "baseline" else None)


def wrong_verdicts(verdicts: np.ndarray, worse: np.ndarray) -> np.ndarray:
    """Those that say the opposite of the truth, or a difference where there is none; of the methods that
    aren't worse there are several.
    """
    return (verdicts == BETTER) | (~worse & (verdicts == WORSE))


def race(losses: np.ndarray, looks: tuple[int, ...], baseline: int | None) -> Outcome:
    """As analysis/race.py: at each look all losses so far are compared at its level; who is decided keeps the
    verdict, and gets no more seeds unless the others are compared with it.

    Args:
        losses: (R, seeds, methods).
        baseline: None is against the best.
    """
    comparisons, _, methods = losses.shape
    verdicts = np.full((comparisons, methods), UNDECIDED)
    seeds = np.zeros((comparisons, methods), int)
    running = np.ones((comparisons, methods), bool)
    for look, level in zip(looks, nominal_levels(looks, methods, ALPHA)):
        seeds = np.where(running, look, seeds)
        open_ones = np.flatnonzero(running.any(1))
        pairs = pairs_of(losses[open_ones], seeds[open_ones])
        found = against_best(pairs, level) if baseline is None else against_baseline(pairs, baseline, level)
        now = verdicts_of(found, baseline is None)
        kept = verdicts[open_ones]
        verdicts[open_ones] = np.where(running[open_ones], now, kept)
        reference = compared_with(losses[open_ones], seeds[open_ones], baseline)
        undecided = (verdicts[open_ones] == UNDECIDED) & running[open_ones] & ~reference
        running[open_ones] = (undecided | reference) & undecided.any(1, keepdims=True)
    if baseline is not None:
        verdicts[:, baseline] = EQUIVALENT  # to itself
    return Outcome(verdicts, seeds)


def compared_with(losses: np.ndarray, seeds: np.ndarray, baseline: int | None) -> np.ndarray:
    """Whether each method is the one that goes on for the others' sake: the baseline, or the lowest mean."""
    if baseline is not None:
        return np.broadcast_to(np.arange(losses.shape[2]) == baseline, seeds.shape)
    has = np.arange(losses.shape[1])[:, None] < seeds[:, None, :]
    means = (losses * has).sum(1) / seeds
    return means == means.min(1, keepdims=True)


def verdicts_of(found: Intervals, to_best: bool) -> np.ndarray:
    """Read off the intervals, as verdicts.verdict_of does."""
    low, high = found.low, found.high
    inside = (low >= -MARGIN) & (high <= MARGIN)
    near_best = to_best & (high >= 0) & (high <= MARGIN)
    verdicts = np.where(low > 0, WORSE, np.where(high < 0, BETTER, UNDECIDED))
    return np.where(inside | near_best, EQUIVALENT, verdicts)
