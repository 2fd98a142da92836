from __future__ import annotations

from dataclasses import dataclass

from schedulers.core import Schedule, param, register


@register("step")
@dataclass(frozen=True)
class Step(Schedule):
    """Multiply by gamma every so many steps.

        lr/peak = gamma^floor((t - W) / step_size)

    Args:
        step_size: whole steps, counted from the end of the warmup, at least 1; default a quarter of T - W.
        gamma: from 0 to 1; default 0.5.

    Raises:
        ValueError: a parameter outside its limits.

    References:
        torch's StepLR; SambaFlow's custom example (0.5 every 100).
    """

    step_size: int | None = param(None, low=1)
    gamma: float = param(0.5, low=0, high=1)

    def scale(self, t):
        size = self.step_size or max(self.steps - self.warmup_steps, 1) / 4
        return self.gamma ** ((t - self.warmup_steps) // size)
