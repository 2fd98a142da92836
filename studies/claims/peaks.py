"""Losses at best peaks, each chosen by seeds that don't judge.

The seeds of a setting are those that at least two of its peaks have. A peak that lacks some of them is not
chosen; by the seeds that it has it says whether the best peak is an end of the grid.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from analysis.text import format_lr
from studies.best_peaks import best_by, is_end, others_of
from studies.claims.claim import PEAKS, Cell, Choice
from studies.claims.runs import Losses, Runs

FEWEST_SEEDS = 2  # one chooses, the other judges


def judged_together(runs: Runs, choices: Iterable[Choice]) -> list[Losses]:
    """Of what is compared, each judged by the seeds that all have: so all choose by the same evidence."""
    choices = list(choices)
    seeds = seeds_of_all(runs, choices)
    return [judged(runs, choice, seeds) for choice in choices]


def judged(runs: Runs, choice: Choice, seeds: list[int] | None = None) -> Losses:
    """Each seed's loss at what the others prefer; seeds that diverged there are left out.

    Args:
        seeds: default all that the choice has.
    """
    seeds = seeds_of(runs, choice) if seeds is None else seeds
    if len(seeds) < FEWEST_SEEDS:
        return {}
    losses = {seed: loss_by_others(runs, choice, seeds, seed) for seed in seeds}
    return {seed: loss for seed, loss in losses.items() if math.isfinite(loss)}


def loss_by_others(runs: Runs, choice: Choice, seeds: list[int], seed: int) -> float:
    others = others_of(seeds, seed)
    schedules = choice.schedules
    if choice.chosen_in:
        elsewhere = complete(runs, choice.cells(choice.chosen_in), seeds)
        schedules = (preferred(runs, elsewhere, others).schedule,)
    cells = complete(runs, choice.cells(schedules=schedules), seeds)
    return runs.of(preferred(runs, cells, others))[seed]


def preferred(runs: Runs, cells: list[Cell], seeds: list[int]) -> Cell:
    """The one with the lowest mean over these seeds, which all of them have."""
    return best_by({cell: runs.of(cell) for cell in cells}, seeds)


# -- seeds


def seeds_of(runs: Runs, choice: Choice) -> list[int]:
    """That each of its settings has."""
    return sorted(set.intersection(*(seeds_of_setting(runs, one) for one in settings(choice))))


def seeds_of_all(runs: Runs, choices: Iterable[Choice]) -> list[int]:
    """That each of these choices has: those by which they are compared."""
    return sorted(set.intersection(*(set(seeds_of(runs, choice)) for choice in choices)))


def settings(choice: Choice) -> list[list[Cell]]:
    """The cells of each schedule in each regime."""
    return [choice.cells(regime, (schedule,)) for regime in choice.regimes for schedule in choice.schedules]


def seeds_of_setting(runs: Runs, cells: list[Cell]) -> set[int]:
    """That at least two of its peaks have, in all averages; or its only one."""
    by_peak: dict[float, set[int]] = {}
    for cell in cells:
        seeds = set(runs.of(cell))
        by_peak[cell.peak_lr] = by_peak.get(cell.peak_lr, seeds) & seeds
    needed = min(2, len(by_peak))
    counted = [seed for seeds in by_peak.values() for seed in seeds]
    return {seed for seed in counted if counted.count(seed) >= needed}


def complete(runs: Runs, cells: list[Cell], seeds: list[int]) -> list[Cell]:
    return [cell for cell in cells if runs.of(cell).keys() >= set(seeds)]


def missing(runs: Runs, choices: Iterable[Choice]) -> list[str]:
    """Each setting with fewer than two seeds, in words, once."""
    found = {}
    for cells in (cells for choice in choices for cells in settings(choice)):
        seeds = seeds_of_setting(runs, cells)
        if len(seeds) < FEWEST_SEEDS or not complete(runs, cells, sorted(seeds)):
            found[describe(cells, len(seeds))] = None
    return list(found)


def describe(cells: list[Cell], seeds: int) -> str:
    first, peaks = cells[0], sorted({cell.peak_lr for cell in cells})
    average = " averaged" if first.average else ""
    return (
        f"{first.schedule}{average} ({first.regime.name}; peaks {', '.join(map(format_lr, peaks))}) "
        f"has {seeds or 'no'} seed{'' if seeds == 1 else 's'}"
    )


# -- peaks with fewer seeds


def neighbour(cell: Cell, cells: list[Cell]) -> Cell:
    """Of these the one whose peak lr is nearest, the lower of two."""
    same = [other for other in cells if replace(other, peak_lr=cell.peak_lr) == cell]
    return min(same, key=lambda other: (abs(math.log2(other.peak_lr / cell.peak_lr)), other.peak_lr))


def mean_losses(runs: Runs, choice: Choice, seeds: list[int] | None = None) -> dict[Cell, float]:
    """Over the setting's seeds; with fewer of them, the neighbour peak's mean plus the mean difference to it
    on the seeds that are there.

    Args:
        seeds: default all that the choice has.
    """
    seeds = seeds_of(runs, choice) if seeds is None else seeds
    cells = choice.cells()
    full = complete(runs, cells, seeds)
    means = {cell: float(np.mean([runs.of(cell)[seed] for seed in seeds])) for cell in full}
    for cell in (cell for cell in cells if cell not in means):
        near = neighbour(cell, full)
        if common := sorted(runs.of(cell).keys() & runs.of(near).keys()):
            means[cell] = means[near] + float(
                np.mean([runs.of(cell)[seed] - runs.of(near)[seed] for seed in common])
            )
    return means


def at_the_end(runs: Runs, choice: Choice) -> bool:
    """Whether no peak of the grid on one side of the best is worse; peaks that are not chosen count too."""
    seeds = seeds_of(runs, choice)
    best = preferred(runs, complete(runs, choice.cells(), seeds), seeds)
    peaks = {peak: runs.of(replace(best, peak_lr=peak)) for peak in PEAKS}
    return is_end(best.peak_lr, {**peaks, best.peak_lr: runs.of(best)})
