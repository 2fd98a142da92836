"""Learning-rate schedules: each a pure function of the step, in a file of its own.

    from schedulers import get_schedule
    schedule = get_schedule("wsd", steps=1000, peak_lr=6e-4, warmup_steps=100, cooldown=0.2)
    schedule(500), schedule.lrs(), schedule.plot(), schedule.to_torch(optimizer)

A schedule of your own is a few lines, in a file in this folder or anywhere else,
`get_schedule("path/to/mine.py", ...)`:

    from dataclasses import dataclass
    from schedulers import Schedule, param, register

    @register("halfway")
    @dataclass(frozen=True)
    class Halfway(Schedule):
        ratio: float = param(0.5, low=0, high=1)

        def scale(self, t):
            return 1.0 if self.progress(t) < 0.5 else self.ratio
"""

import importlib
import pkgutil

from schedulers.core import (
    Schedule,
    get_schedule,
    list_schedules,
    load_file,
    param,
    register,
    resolve,
    split_specs,
)
from schedulers.core.messages import reason

__all__ = [
    "Schedule",
    "get_schedule",
    "list_schedules",
    "load_file",
    "param",
    "register",
    "resolve",
    "split_specs",
]

# every file of this folder is imported, so a schedule dropped into it registers itself
for _name in sorted(module.name for module in pkgutil.iter_modules(__path__)):
    try:
        importlib.import_module(f"{__name__}.{_name}")
    except (Exception, SystemExit) as error:
        raise ImportError(f"schedulers/{_name}.py: {reason(error)}") from error
