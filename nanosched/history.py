"""What a run measured, step by step, and the CSV it is kept in."""

from __future__ import annotations

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

    def to_csv(self) -> str:
        """A row a step; training losses and norms are float32, written with the digits that give back their bits."""
        val = dict(self.val)
        rows = [",".join(COLUMNS)]
        for step, (loss, lr, grad_norm, step_s) in enumerate(zip(self.loss, self.lr, self.grad_norm, self.step_s)):
            rows.append(f"{step},{np.float32(loss)!s},{lr!r},{np.float32(grad_norm)!s},{step_s:.6f},{val.get(step, '')!s}")
        return "\n".join(rows) + "\n"


def read_curve(path: Path) -> dict[str, np.ndarray]:
    """A run's curve.csv as one float64 array (steps taken,) a column; val_loss is NaN where it was not measured."""
    table = np.genfromtxt(path, delimiter=",", skip_header=1, ndmin=2)
    return dict(zip(COLUMNS, table.T))
