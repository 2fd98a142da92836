from __future__ import annotations

from dataclasses import dataclass

from schedulers.core import Schedule, param, register


@register("linear")
@dataclass(frozen=True)
class Linear(Schedule):
    """A straight line from the peak to the final lr.

        lr/peak = 1 - (1 - f) p

    Args:
        final_lr_ratio: f, final lr over peak, from 0 to 1; default 0.

    Raises:
        ValueError: a final_lr_ratio outside its limits.

    References:
        Bergsma et al. 2025 ("decay to zero"), arXiv 2502.15938; SambaFlow's
        polynomial_decay_schedule_with_warmup; Hugging Face's linear_schedule_with_warmup.
    """

    final_lr_ratio: float = param(0.0, low=0, high=1)

    def scale(self, t):
        return 1 - (1 - self.final_lr_ratio) * self.progress(t)
