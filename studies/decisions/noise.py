"""What paired losses vary by: made up, and of real runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nanosched.csv_files import read_csv

PAIR_SD = 0.007  # of a paired difference, nats per token
BLOCK_SD = 0.016  # of what all methods of a seed have in common
METHODS = 20  # of the noise that is made up
REFERENCES = {  # name, which random numbers follow from -> where its runs are kept, peak lr
    "reference-cpu": ("low_tokens/common", 1e-3),
    "reference-tuned-cpu": ("low_tokens/tuned", 8e-3),
}


@dataclass(frozen=True)
class Noise:
    """The covariance of one seed's losses, over methods."""

    name: str
    covariance: np.ndarray  # (methods, methods)

    @property
    def methods(self) -> int:
        return len(self.covariance)

    @property
    def pair_sd(self) -> float:
        """The median over all pairs."""
        own = np.diag(self.covariance)
        variances = own[:, None] + own - 2 * self.covariance
        return float(np.sqrt(np.median(variances[np.triu_indices(self.methods, 1)])))

    def draw(self, rng: np.random.Generator, comparisons: int, seeds: int, methods: int) -> np.ndarray:
        """Losses of equal methods: (comparisons, seeds, methods), of methods drawn without replacement and in
        any order.
        """
        values, vectors = np.linalg.eigh(self.covariance)
        root = vectors * np.sqrt(np.maximum(values, 0))
        losses = rng.normal(size=(comparisons, seeds, self.methods)) @ root.T
        chosen = rng.permuted(np.tile(np.arange(self.methods), (comparisons, 1)), axis=1)[:, None, :methods]
        return np.take_along_axis(losses, chosen, axis=2)


def read_noises(results: Path) -> list[Noise]:
    """Independent noise, and that of the references, as found and half and half with an even one."""
    noises = [independent(METHODS)]
    for name, (folder, peak_lr) in REFERENCES.items():
        found = np.cov(read_losses(results / folder / "runs.csv", peak_lr), rowvar=False)
        noises += [Noise(name, found), Noise(f"{name}, half even", (found + even(found)) / 2)]
    return noises


def independent(methods: int) -> Noise:
    return Noise("independent", np.full((methods, methods), BLOCK_SD**2) + np.eye(methods) * PAIR_SD**2 / 2)


def even(covariance: np.ndarray) -> np.ndarray:
    """The one with equal variances and equal correlations, of the same means."""
    n = len(covariance)
    variance = np.trace(covariance) / n
    shared = (covariance.sum() - np.trace(covariance)) / (n * (n - 1))
    return np.full((n, n), shared) + np.eye(n) * (variance - shared)


def read_losses(runs: Path, peak_lr: float) -> np.ndarray:
    """Final validation losses (seeds, schedules) of those that completed every seed, identical ones once."""
    rows = [row for row in read_csv(runs) if float(row["peak_lr"]) == peak_lr]
    losses = {}
    for row in rows:
        if row["status"] == "complete":
            losses.setdefault(row["scheduler"], {})[int(row["seed"])] = float(row["final_val_loss"])
    seeds = sorted({int(row["seed"]) for row in rows})
    whole = {tuple(row[seed] for seed in seeds) for row in losses.values() if len(row) == len(seeds)}
    if len(whole) < 2 or len(seeds) < 2:
        raise ValueError(f"{runs} has no two schedules with two seeds at a peak lr of {peak_lr:g}")
    return np.array(sorted(whole)).T
