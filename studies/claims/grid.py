"""Means of a grid of settings and peaks, the seeds' effects taken out, and drawn anew with their noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.basin import lowest
from studies.claims.claim import Cell, Choice
from studies.claims.peaks import complete, neighbour, seeds_of
from studies.claims.runs import Runs

DRAWS = 20_000
KEY = 20261121  # of the random numbers


@dataclass(frozen=True)
class Grid:
    """Of one regime; the first row is as measured, the others are drawn."""

    column: dict[Cell, int]
    means: np.ndarray  # (1 + DRAWS, cells)
    seeds: int  # the fewest that a setting has

    def of(self, choice: Choice) -> tuple[np.ndarray, np.ndarray]:
        """log2 of the peak lrs (peaks,), ascending, and the means (1 + DRAWS, peaks)."""
        cells = sorted((cell for cell in choice.cells() if cell in self.column), key=lambda c: c.peak_lr)
        x = np.log2([cell.peak_lr for cell in cells])
        return x, self.means[:, [self.column[cell] for cell in cells]]

    def best_peak(self, choice: Choice) -> np.ndarray:
        """log2 of it, (1 + DRAWS,)."""
        x, means = self.of(choice)
        return lowest_peak(x, means)

    def best_loss(self, choice: Choice) -> np.ndarray:
        return self.of(choice)[1].min(axis=1)


def lowest_peak(x: np.ndarray, means: np.ndarray) -> np.ndarray:
    """By a parabola; of two peaks the lower one. (rows,) from x (peaks,) and means (rows, peaks)."""
    return lowest(x, means) if len(x) > 2 else x[means.argmin(axis=1)]


def grid_of(runs: Runs, choices: list[Choice], stream: int) -> Grid:
    """A loss is its cell's mean plus its seed's effect plus noise: least squares. A peak that lacks seeds of
    its setting is the neighbour peak's mean plus the mean difference to it on the seeds that are there.

    Args:
        choices: of one regime and one schedule each.
        stream: of the random numbers, another for each grid of a claim.
    """
    full, partial = by_seeds(runs, choices)
    rows = [(cell, seed) for cell in (*full, *partial) for seed in sorted(runs.of(cell))]
    place = {row: i for i, row in enumerate(rows)}
    losses = np.array([runs.of(cell)[seed] for cell, seed in rows])
    design = additive([row for row in rows if row[0] not in partial], full)
    fitted, solve = len(design), np.linalg.pinv(design)
    residuals = losses[:fitted] - design @ (solve @ losses[:fitted])
    df = fitted - design.shape[1]
    weights = np.zeros((len(full) + len(partial), len(rows)))  # of the losses in each mean
    weights[: len(full), :fitted] = solve[: len(full)]
    for i, (cell, near) in enumerate(partial.items(), len(full)):
        weights[i] = weights[full.index(near)]
        common = runs.of(cell).keys() & runs.of(near).keys()
        for seed in common:
            weights[i, place[cell, seed]] += 1 / len(common)
            weights[i, place[near, seed]] -= 1 / len(common)
    means = weights @ losses
    rng = np.random.Generator(np.random.Philox(key=[KEY, stream]))
    scale = np.sqrt(residuals @ residuals / rng.chisquare(df, size=(DRAWS, 1)))
    draws = means + scale * (rng.standard_normal((DRAWS, len(rows))) @ weights.T)
    column = {cell: i for i, cell in enumerate((*full, *partial))}
    return Grid(column, np.vstack([means, draws]), min(len(runs.of(cell)) for cell in full))


def by_seeds(runs: Runs, choices: list[Choice]) -> tuple[list[Cell], dict[Cell, Cell]]:
    """Cells that have all seeds of their setting, and those with fewer, each with its neighbour peak; none
    where a run diverged."""
    full, partial = [], {}
    for choice in dict.fromkeys(choices):
        cells = [cell for cell in choice.cells() if np.isfinite(list(runs.of(cell).values())).all()]
        here = complete(runs, cells, seeds_of(runs, choice))
        full += here
        for cell in (cell for cell in cells if cell not in here):
            near = neighbour(cell, here)
            if runs.of(cell).keys() & runs.of(near).keys():
                partial[cell] = near
    return full, partial


def additive(rows: list[tuple[Cell, int]], cells: list[Cell]) -> np.ndarray:
    """The design: float64 (rows, cells and all seeds but the first)."""
    seeds = sorted({seed for _, seed in rows})
    design = np.zeros((len(rows), len(cells) + len(seeds) - 1))
    for row, (cell, seed) in enumerate(rows):
        design[row, cells.index(cell)] = 1
        if seed != seeds[0]:
            design[row, len(cells) + seeds.index(seed) - 1] = 1
    return design


def grids_of(runs: Runs, choices: tuple[Choice, ...]) -> dict:
    """regime -> its Grid."""
    regimes = list(dict.fromkeys(choice.regime for choice in choices))
    return {
        regime: grid_of(runs, [choice for choice in choices if choice.regime == regime], stream)
        for stream, regime in enumerate(regimes)
    }
