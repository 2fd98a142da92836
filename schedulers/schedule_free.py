from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from schedulers.core import Schedule, register


@register("schedule_free")
@dataclass(frozen=True)
class ScheduleFree(Schedule):
    """No decay: schedule-free AdamW trains at a constant lr and is judged by a mean of its weights.

        lr/peak = 1
        y(t) = (1 - beta1) z(t) + beta1 x(t)                the gradient's place
        z(t+1) = z(t) - lr (g(y) / (sqrt(v) + eps) + weight_decay y)
        x(t+1) = (1 - c) x(t) + c z(t+1),  c = lr^2 / sum of all lr^2 so far

    x is what is validated, also by averages of the weights; y is what is trained, kept in checkpoints, and
    what the training loss is of. The warmup is the comparison's, as every schedule's, so the package's own
    warmup_steps stays 0: W here is its warmup_steps = W + 1, number for number. beta1, beta2, weight_decay
    and grad_clip are the config's. It is no part of "all", since it needs the extra nanosched[schedulefree];
    neither a loss law nor the convex bound knows its optimizer, and it can't be stacked or carried over.

    Args:
        No parameters of its own.

    Raises:
        ValueError: from compare.py and train.py: the package is missing, or beta1 is 0.

    References:
        Defazio et al. 2024, The road less scheduled, arXiv 2405.15682; the package schedulefree,
        AdamWScheduleFree with r=0 and weight_lr_power=2.
    """

    optimizer: ClassVar[str] = "schedule_free"

    def scale(self, t):
        return 1.0
