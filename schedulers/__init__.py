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

Or nanoGPT's idiom, a function in a file, with the file's name, that gives the learning rate itself:

    def get_lr(step, config):
        return config.peak_lr * min(1, (step + 1) / 100)
"""

from pathlib import Path

from schedulers.core import (
    Schedule,
    ScheduleInfo,
    checked_lr,
    describe_schedules,
    get_schedule,
    list_schedules,
    load_file,
    param,
    register,
    resolve,
    split_specs,
)
from schedulers.core.load import load_schedules

__all__ = [
    "Schedule",
    "ScheduleInfo",
    "checked_lr",
    "describe_schedules",
    "get_schedule",
    "list_schedules",
    "load_file",
    "param",
    "register",
    "resolve",
    "split_specs",
]

# every file of this folder is run, so a schedule dropped into it registers itself
for _file in sorted(Path(__file__).parent.glob("*.py")):
    if _file.name != "__init__.py":
        try:
            load_schedules(_file, f"schedulers/{_file.name}")
        except ValueError as error:
            raise ImportError(str(error)) from error
