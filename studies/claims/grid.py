"""Means of a grid of settings and peaks, the seeds' effects taken out, and drawn anew with their noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.basin import lowest
from studies.claims.claim import Cell, Choice
from studies.claims.runs import Runs

DRAWS = 20_000
KEY = 20261121  # of the random numbers


@dataclass(frozen=True)
class Grid:
    """Of one regime; the first row is as measured, the others are drawn."""

    column: dict[Cell, int]
    means: np.ndarray  # (1 + DRAWS, cells)
    seeds: int  # the fewest that a cell has
    df: int

    def of(self, choice: Choice) -> tuple[np.ndarray, np.ndarray]:
        """log2 of the peak lrs (peaks,), ascending, and the means (1 + DRAWS, peaks)."""
        cells = sorted((cell for cell in choice.cells() if cell in self.column), key=lambda c: c.peak_lr)
        x = np.log2([cell.peak_lr for cell in cells])
        return x, self.means[:, [self.column[cell] for cell in cells]]

    def best_peak(self, choice: Choice) -> np.ndarray:
        """log2 of it, (1 + DRAWS,)."""
        x, means = self.of(choice)
        return lowest(x, means) if len(x) > 2 else x[means.argmin(axis=1)]

    def best_loss(self, choice: Choice) -> np.ndarray:
        return self.of(choice)[1].min(axis=1)


def grid_of(runs: Runs, choices: list[Choice], stream: int) -> Grid:
    """A loss is its cell's mean plus its seed's effect plus noise: least squares.

    Args:
        choices: of one regime.
        stream: of the random numbers, another for each grid of a claim.
    """
    cells = list(dict.fromkeys(cell for choice in choices for cell in choice.cells()))
    cells = [cell for cell in cells if np.isfinite(list(runs.of(cell).values())).all()]
    rows = [(i, seed, loss) for i, cell in enumerate(cells) for seed, loss in sorted(runs.of(cell).items())]
    seeds = sorted({seed for _, seed, _ in rows})
    design = np.zeros((len(rows), len(cells) + len(seeds) - 1))
    for row, (cell, seed, _) in enumerate(rows):
        design[row, cell] = 1
        if seed != seeds[0]:
            design[row, len(cells) + seeds.index(seed) - 1] = 1
    losses = np.array([loss for *_, loss in rows])
    covariance = np.linalg.inv(design.T @ design)
    fitted = covariance @ design.T @ losses
    df = len(rows) - design.shape[1]
    variance = float(((losses - design @ fitted) ** 2).sum() / df)
    means, root = fitted[: len(cells)], np.linalg.cholesky(covariance[: len(cells), : len(cells)])
    rng = np.random.Generator(np.random.Philox(key=[KEY, stream]))
    scale = np.sqrt(variance * df / rng.chisquare(df, size=(DRAWS, 1)))
    draws = means + scale * (rng.standard_normal((DRAWS, len(cells))) @ root.T)
    column = {cell: i for i, cell in enumerate(cells)}
    return Grid(column, np.vstack([means, draws]), min(len(runs.of(cell)) for cell in cells), df)


def grids_of(runs: Runs, choices: tuple[Choice, ...]) -> dict:
    """regime -> its Grid."""
    regimes = list(dict.fromkeys(choice.regime for choice in choices))
    return {
        regime: grid_of(runs, [choice for choice in choices if choice.regime == regime], stream)
        for stream, regime in enumerate(regimes)
    }
