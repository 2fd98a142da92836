"""Any class of torch.optim.lr_scheduler by name: torch:OneCycleLR:max_lr=6e-4,total_steps=1000."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from nanosched.errors import quoted
from schedulers.core.base import Schedule
from schedulers.core.evaluate import empty_lrs
from schedulers.core.guard import guarded, still
from schedulers.core.messages import nearest
from schedulers.core.specs import format_spec

# these are made from functions or other schedulers, which can't be written as text
WITHOUT_SPEC = ("LambdaLR", "MultiplicativeLR", "SequentialLR", "ChainedScheduler")


@dataclass(frozen=True)
class FromTorch(Schedule):
    """What a torch scheduler does to an optimizer that starts with lr = `peak_lr`, read off once for T steps.

    The array is torch's own: `warmup_steps` is not applied, and classes that set the lr themselves
    (OneCycleLR's max_lr) leave `peak_lr` unused. Past the end it holds its last value.

    Args:
        torch_class: name of a class of torch.optim.lr_scheduler.
        kwargs: its arguments, a tuple of (name, value).

    Raises:
        ValueError: an unknown class, wrong arguments, or one that stops before T steps, with torch's reason.

    References:
        torch.optim.lr_scheduler.
    """

    own_rise: ClassVar[bool] = True

    torch_class: str = ""
    kwargs: tuple = ()

    name = property(lambda self: f"torch:{self.torch_class}")
    params = property(lambda self: dict(self.kwargs))
    spec = property(lambda self: format_spec(self.name, self.params))

    def check(self):
        _ = self._table  # torch's own errors belong here, before any training

    def __call__(self, step):
        return float(self._table[min(self.checked_step(step), self.steps - 1)])

    @cached_property
    def _table(self) -> np.ndarray:
        import torch

        cls = find_torch_class(self.torch_class)
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(()))], lr=self.peak_lr)
        table, t = empty_lrs(self.steps), 0
        with (
            still(lambda: f"evaluating {self.name} at step {t:,} of {self.steps:,}"),
            guarded(lambda: self.name),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")  # torch misses the optimizer.step() calls
            scheduler = cls(optimizer, **self.params)
            for t in range(self.steps):
                table[t] = float(optimizer.param_groups[0]["lr"])
                if t + 1 < self.steps:
                    scheduler.step()
        return table


def find_torch_class(name: str) -> type:
    from torch.optim import lr_scheduler

    if name == "ReduceLROnPlateau":
        raise ValueError("torch:ReduceLROnPlateau reacts to the validation loss: use the schedule 'plateau'")
    if name in WITHOUT_SPEC:
        raise ValueError(
            f"torch:{name} is made from functions or other schedulers, so it can't be written as text"
        )
    base = lr_scheduler.LRScheduler
    known = {
        key: value
        for key, value in vars(lr_scheduler).items()
        if isinstance(value, type) and issubclass(value, base) and value is not base and key[0] != "_"
    }
    if name not in known:
        raise ValueError(f"torch.optim.lr_scheduler has no class {quoted(name)}{nearest(name, known)}")
    return known[name]
