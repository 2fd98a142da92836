"""Any class of torch.optim.lr_scheduler by name: torch:OneCycleLR:max_lr=6e-4,total_steps=1000."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from schedulers.core.base import Schedule
from schedulers.core.specs import nearest, reason, spell

# these are made from functions or other schedulers, which have no spelling
UNSPELLABLE = ("LambdaLR", "MultiplicativeLR", "SequentialLR", "ChainedScheduler")


@dataclass(frozen=True)
class FromTorch(Schedule):
    """What a torch scheduler does to an optimizer that starts with lr = `peak_lr`, read off once for `steps` steps.

    The array is torch's own: `warmup_steps` is not applied, and classes that set the lr themselves (OneCycleLR's max_lr)
    leave `peak_lr` unused. Past the end it holds its last value. Raises ValueError with torch's reason if the class is
    unknown, its arguments are wrong, or it stops before `steps` steps. Source: torch.optim.lr_scheduler.
    """

    own_rise: ClassVar[bool] = True

    torch_class: str = ""
    kwargs: tuple = ()  # of (name, value)

    name = property(lambda self: f"torch:{self.torch_class}")
    params = property(lambda self: dict(self.kwargs))
    spec = property(lambda self: spell(self.name, self.params))

    def check(self):
        self._table  # torch's own errors belong here, before any training

    def __call__(self, step):
        return self._table[min(self.checked_step(step), self.steps - 1)]

    @cached_property
    def _table(self):
        import torch

        cls = _find(self.torch_class)
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(()))], lr=self.peak_lr)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch misses the optimizer.step() calls
            try:
                scheduler = cls(optimizer, **self.params)
                table = [float(optimizer.param_groups[0]["lr"])]
                while len(table) < self.steps:
                    scheduler.step()
                    table.append(float(optimizer.param_groups[0]["lr"]))
            except Exception as error:
                raise ValueError(f"{self.name}: {reason(error)}") from error
        return table


def _find(name):
    from torch.optim import lr_scheduler

    if name == "ReduceLROnPlateau":
        raise ValueError("torch:ReduceLROnPlateau reacts to the validation loss: use the schedule 'plateau'")
    if name in UNSPELLABLE:
        raise ValueError(
            f"torch:{name} is made from functions or other schedulers, so it can't be written as text"
        )
    base = lr_scheduler.LRScheduler
    known = {
        k: v
        for k, v in vars(lr_scheduler).items()
        if isinstance(v, type) and issubclass(v, base) and v is not base and not k.startswith("_")
    }
    if name not in known:
        raise ValueError(f"torch.optim.lr_scheduler has no class {name!r}{nearest(name, known)}")
    return known[name]
