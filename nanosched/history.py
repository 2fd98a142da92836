"""What a run measured, step by step, and the CSV it is kept in."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

COLUMNS = ["step", "loss", "lr", "grad_norm", "step_s", "val_loss"]


@dataclass
class History:
    """A number for each step in every list, and (step, loss) pairs of the validation."""

    loss: list = field(default_factory=list)  # of the training batch before its update, nats a token
    lr: list = field(default_factory=list)
    grad_norm: list = field(default_factory=list)  # before clipping
    step_s: list = field(default_factory=list)  # seconds, validation left out
    val: list = field(default_factory=list)  # measured after the update of that 0-based step

    @property
    def finite(self) -> bool:
        """Whether the last step's loss and norm are numbers; a run ends at the first that aren't."""
        return not self.loss or math.isfinite(self.loss[-1]) and math.isfinite(self.grad_norm[-1])

    def to_csv(self, start: int = 0) -> str:
        """A row a step from `start` on, under a header if that is 0.

        Training losses and norms are float32, written with the digits that give back their bits.
        """
        val = dict(self.val)
        rows = [",".join(COLUMNS)] if start == 0 else []
        for step in range(start, len(self.loss)):
            loss, grad_norm = np.float32(self.loss[step]), np.float32(self.grad_norm[step])
            rows.append(
                f"{step},{loss!s},{self.lr[step]!r},{grad_norm!s},{self.step_s[step]:.6f},{val.get(step, '')!s}"
            )
        return "".join(row + "\n" for row in rows)


def read_curve(path: Path) -> dict[str, np.ndarray]:
    """A run's curve.csv as one float64 array (steps taken,) a column; val_loss is NaN where it was not measured."""
    table = np.genfromtxt(path, delimiter=",", skip_header=1, ndmin=2)
    return dict(zip(COLUMNS, table.T))
