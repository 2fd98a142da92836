"""The best of several peak lrs (or of other ways to train), chosen by seeds that don't judge."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import numpy as np

Way = TypeVar("Way")
Losses = Mapping[
    int, float
]  # seed -> final validation loss, nats per token; infinite for a run that diverged


def best_by(losses: Mapping[Way, Losses], seeds: list[int]) -> Way:
    """The one with the lowest mean over these seeds, which all of them have; of equals the first."""
    return min(losses, key=lambda way: np.mean([losses[way][seed] for seed in seeds]))


def others_of(seeds: list[int], seed: int) -> list[int]:
    """The seeds that choose for this one: all others; a single one chooses for itself."""
    return [other for other in seeds if other != seed] or seeds


def is_end(best: float, peaks: Mapping[float, Losses]) -> bool:
    """Whether no peak lr on one side of the best is worse, by the seeds that both have."""

    def worse(peak: float) -> bool:
        seeds = peaks[peak].keys() & peaks[best].keys()
        return sum(peaks[peak][seed] - peaks[best][seed] for seed in seeds) > 0

    lower, higher = [p for p in peaks if p < best], [p for p in peaks if p > best]
    return not any(map(worse, lower)) or not any(map(worse, higher))
