from __future__ import annotations

from dataclasses import dataclass

from schedulers.core import Schedule, register


@register("constant")
@dataclass(frozen=True)
class Constant(Schedule):
    """The peak lr from the end of the warmup on.

        lr/peak = 1

    Args:
        No parameters of its own.

    References:
        SambaFlow's fixed_lr; Hugging Face's constant_with_warmup.
    """

    def scale(self, t):
        return 1.0
