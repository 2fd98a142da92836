"""A plain function get_lr(step), nanoGPT's idiom, as a schedule."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from nanosched.errors import quoted
from schedulers.core.base import Schedule
from schedulers.core.evaluate import as_number


@dataclass(frozen=True)
class LrConfig:
    """What get_lr(step, config) is told of the run, under the names of nanoGPT and of others.

    Args:
        steps: of the run; also max_iters, max_steps and lr_decay_iters.
        peak_lr: also learning_rate and max_lr.
        warmup_steps: also warmup_iters.
    """

    steps: int
    peak_lr: float
    warmup_steps: int

    max_iters = max_steps = lr_decay_iters = property(lambda self: self.steps)
    learning_rate = max_lr = property(lambda self: self.peak_lr)
    warmup_iters = property(lambda self: self.warmup_steps)
    min_lr = property(lambda self: 0.1 * self.peak_lr)  # nanoGPT's rule, after Chinchilla


NAMES = [name for name in dir(LrConfig(1, 1.0, 0)) if not name.startswith("_")]


@dataclass(frozen=True)
class LrFunction(Schedule):
    """A user's function of the step that gives the learning rate itself.

    It defines its own rise: the warmup is not applied. Past the end the last value is held.
    """

    own_rise: ClassVar[bool] = True
    function: ClassVar[Callable]
    wants: ClassVar[tuple[str, ...]]  # names of its arguments after the step

    def __call__(self, step):
        t = min(self.checked_step(step), self.steps - 1)
        return as_number(self, t, self.function(t, **self._arguments))

    @cached_property
    def _arguments(self):
        config = LrConfig(self.steps, self.peak_lr, self.warmup_steps)
        return {name: config if name == "config" else getattr(config, name) for name in self.wants}


def class_of(function: Callable, module: str) -> type[LrFunction]:
    """The schedule's class, as if it stood in this module.

    Raises:
        ValueError: an argument that nobody can give it.
    """
    body = dict(function=staticmethod(function), wants=wanted(function), __module__=module)
    return type("_get_lr_schedule", (LrFunction,), body | {"__doc__": inspect.getdoc(function)})


def wanted(function: Callable) -> tuple[str, ...]:
    """The arguments after the step that have no default."""
    try:
        parameters = list(inspect.signature(function).parameters.values())[1:]
    except (TypeError, ValueError):  # a function of C
        return ()
    any_number = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    names = [p.name for p in parameters if p.default is p.empty and p.kind not in any_number]
    for name in names:
        if name not in ("config", *NAMES):
            raise ValueError(
                f"get_lr wants {quoted(name)}: beside the step it can have config, {', '.join(NAMES)}, "
                "and what has a default"
            )
    return tuple(names)


def name_after(stem: str) -> str:
    """The name of the schedule in the file: my_lr.py -> my_lr, wsd.v2.py -> wsd_v2."""
    name = re.sub(r"[^\w-]", "_", stem)
    return name if re.match(r"[A-Za-z_]", name) else f"_{name}"
