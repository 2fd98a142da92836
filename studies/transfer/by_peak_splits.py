"""How well a candidate predicts runs that it was not fitted on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from studies.transfer.by_peak_models import Model
from studies.transfer.by_peak_runs import HORIZONS, PEAKS, Losses, Run


@dataclass(frozen=True)
class Split:
    """Runs to fit on, and those to judge on, by peak and horizon."""

    name: str
    seen: Losses
    cells: list[Losses]


def splits(losses: Losses) -> list[Split]:
    """Either horizon from the other one, then each peak at each horizon from all the rest."""

    def split(name: str, left_out: Callable[[Run], bool]) -> Split:
        seen = {run: loss for run, loss in losses.items() if not left_out(run)}
        cells = [
            {
                run: losses[run]
                for run in losses
                if left_out(run) and (run.peak_lr, run.steps) == (peak, steps)
            }
            for peak in PEAKS
            for steps in HORIZONS
        ]
        return Split(name, seen, [cell for cell in cells if cell])

    shorter, longer = HORIZONS
    return [
        split(f"{longer:,} steps", lambda run: run.steps == longer),
        split(f"{shorter:,} steps", lambda run: run.steps == shorter),
        *(
            split(f"{peak:g} at {steps:,}", lambda run, at=(peak, steps): (run.peak_lr, run.steps) == at)
            for steps in HORIZONS
            for peak in PEAKS
        ),
    ]


def pair_errors(model: Model, split: Split) -> np.ndarray:
    """Predicted minus measured differences: all pairs, within a cell, of settings that the model knows."""
    fitted = model.fit(split.seen)
    return np.array(
        [
            fitted.difference(run, other.setting) - (cell[run] - cell[other])
            for cell in split.cells
            for run, other in combinations([run for run in cell if run.setting in fitted.known], 2)
        ]
    )


def root_mean_square(errors) -> float:
    return float(np.sqrt(np.mean(np.square(errors))))


def score(model: Model, losses: Losses) -> float:
    """Over all pairs of all splits, nats per token."""
    return root_mean_square(np.concatenate([pair_errors(model, split) for split in splits(losses)]))
