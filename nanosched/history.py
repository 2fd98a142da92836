"""What a run measured, step by step, and the CSV it is kept in."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

COLUMNS = ["step", "loss", "lr", "grad_norm", "step_s", "val_loss"]


@dataclass
class History:
    """A number for each step in every list, and (step, loss) pairs of the validation."""

    loss: list = field(default_factory=list)  # of the training batch before its update, nats per token
    lr: list = field(default_factory=list)
    grad_norm: list = field(default_factory=list)  # before clipping
    step_s: list = field(default_factory=list)  # seconds, validation left out
    val: list = field(default_factory=list)  # measured after the update of that 0-based step

    @property
    def finite(self) -> bool:
        """Whether the last step's loss and norm are numbers; a run ends at the first that aren't."""
        return not self.loss or math.isfinite(self.loss[-1]) and math.isfinite(self.grad_norm[-1])

    def to_csv(self, start: int = 0) -> str:
        """A row per step from `start` on, under a header if that is 0.

        Training losses and norms are float32, written with the digits that give back their bits.
        """
        val = dict(self.val)
        rows = [",".join(COLUMNS)] if start == 0 else []
        for step in range(start, len(self.loss)):
            loss, grad_norm = np.float32(self.loss[step]), np.float32(self.grad_norm[step])
            lr, step_s = repr(self.lr[step]), f"{self.step_s[step]:.6f}"
            rows.append(f"{step},{loss!s},{lr},{grad_norm!s},{step_s},{val.get(step, '')!s}")
        return "".join(row + "\n" for row in rows)


@dataclass(frozen=True)
class RunCurve:
    """What curve.csv holds, one float64 array (steps taken,) a column."""

    loss: np.ndarray  # of the training batch before its update, nats per token
    lr: np.ndarray
    grad_norm: np.ndarray  # before clipping
    step_s: np.ndarray  # seconds, validation left out
    val_loss: np.ndarray  # NaN where it was not measured


def parse_curve(text: str) -> RunCurve:
    """Read what `History.to_csv` wrote.

    Args:
        text: of a whole curve.csv.

    Returns:
        its columns.

    Raises:
        ValueError: it is something else.
    """
    rows = text.splitlines()[1:]
    columns = list(zip(*(row.split(",") for row in rows))) or [()] * len(COLUMNS)
    _, *measured, val_loss = columns
    known = [value or "nan" for value in val_loss]
    return RunCurve(*(np.array(column, dtype=np.float64) for column in (*measured, known)))
