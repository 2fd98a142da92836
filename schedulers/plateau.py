from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from schedulers.core import Schedule, param, register


@register("plateau")
@dataclass(frozen=True)
class Plateau(Schedule):
    """The lr drops when the validation loss stops falling.

        lr/peak = factor^(plateaus seen by step t)

    A loss is better than the best one so far if loss < best (1 - threshold); a NaN never is. After more
    than `patience` losses in a row that are not better, the lr is multiplied by `factor` and the count
    starts again. Losses measured during the warmup don't count. It is `reactive`: the lr is a pure function
    of the step and of the losses seen, `schedule(step, [(step, loss), ...])`, where those measured after
    the step are ignored; `lrs()` is the array it follows while no plateau is seen.

    Args:
        factor: of the lr at a plateau, from 0 to 1; default 0.5.
        patience: losses, at least 0; default 2.
        threshold: relative, from 0 to 1; default 1e-4.

    Raises:
        ValueError: a parameter outside its limits.

    References:
        torch's ReduceLROnPlateau (mode min, relative threshold, no cooldown, eps 0).
    """

    reactive: ClassVar[bool] = True

    factor: float = param(0.5, low=0, high=1)
    patience: int = param(2, low=0)
    threshold: float = param(1e-4, low=0, high=1)

    def scale(self, t):
        return 1.0

    def __call__(self, step, val_losses=()):
        lr, best, bad = super().__call__(step), math.inf, 0
        for at, loss in sorted(val_losses, key=lambda pair: pair[0]):
            if not self.warmup_steps <= at <= step:
                continue
            if loss < best * (1 - self.threshold):
                best, bad = loss, 0
            else:
                bad += 1
            if bad > self.patience:
                lr, bad = lr * self.factor, 0
        return lr
