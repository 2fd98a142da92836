from __future__ import annotations

from dataclasses import dataclass

from schedulers.core import Schedule, param, register


@register("step")
@dataclass(frozen=True)
class Step(Schedule):
    """Multiply by `gamma` (0.5) every `step_size` steps: lr/peak = gamma^floor((t - W) / step_size).

    `step_size` is a whole number of steps, counted from the end of the warmup; by default a quarter of T - W.
    ValueError for a step_size below 1 or a gamma outside [0, 1]. Source: torch's StepLR; SambaFlow's custom example
    (0.5 every 100).
    """

    step_size: int | None = param(None, low=1)
    gamma: float = param(0.5, low=0, high=1)

    def scale(self, t):
        size = self.step_size or max(self.steps - self.warmup_steps, 1) / 4
        return self.gamma ** ((t - self.warmup_steps) // size)
