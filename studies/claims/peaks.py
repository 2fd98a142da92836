"""Losses at best peaks, each chosen by seeds that don't judge."""

from __future__ import annotations

import math

import numpy as np

from studies.claims.claim import Cell, Choice
from studies.claims.runs import Losses, Runs


def judged(runs: Runs, choice: Choice) -> Losses:
    """Each seed's loss at what the others prefer; seeds that diverged there are left out."""
    seeds = sorted(set().union(*(runs.of(cell) for cell in choice.cells())))
    losses = {seed: loss_by_others(runs, choice, seed) for seed in seeds}
    return {seed: loss for seed, loss in losses.items() if math.isfinite(loss)}


def loss_by_others(runs: Runs, choice: Choice, seed: int) -> float:
    schedules = choice.schedules
    if choice.chosen_in:
        elsewhere = preferred(runs, choice.cells(choice.chosen_in), seed)
        schedules = (elsewhere.schedule,) if elsewhere else ()
    cell = preferred(runs, choice.cells(schedules=schedules), seed) if schedules else None
    return runs.of(cell)[seed] if cell else math.nan


def preferred(runs: Runs, cells: list[Cell], seed: int) -> Cell | None:
    """The one with the lowest mean over the other seeds that have all which this seed has."""
    cells = [cell for cell in cells if seed in runs.of(cell)]
    if len(cells) < 2:
        return cells[0] if cells else None
    others = set.intersection(*(set(runs.of(cell)) for cell in cells)) - {seed}
    if not others:
        return None
    return min(cells, key=lambda cell: np.mean([runs.of(cell)[other] for other in sorted(others)]))
