"""Averages of a run's weights, written as text: `ema:decay=0.99,tail:fraction=0.2`.

They are read out beside the last weights and change nothing in training.

References:
    Izmailov et al. 2018, Averaging weights leads to wider optima and better generalization, arXiv:1803.05407
    (uniform means, torch.optim.swa_utils).
    Kingma and Ba 2015, Adam, arXiv:1412.6980 (the bias correction of an exponential mean).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass
from fractions import Fraction

from .errors import not_allowed

KINDS = "ema:decay=X, ema:tokens=N, tail:fraction=X or tail:tokens=N, with commas between them"


@dataclass(frozen=True)
class Ema:
    """The exponential mean of the weights after steps 1 to t, which count by decay^(t - s)."""

    decay: float  # per step, from 0 to 1: that of a window too long for a float below 1

    @property
    def name(self) -> str:
        return f"ema:decay={self.decay!r}"

    def share(self, step: int) -> float:
        """The part of the weights after `step` steps in the mean of those up to them, which makes it a true
        weighted mean: (1 - decay) / (1 - decay^step), whose limit for a decay of 1 is 1 / step.
        """
        return (1 - self.decay) / (1 - self.decay**step) if self.decay < 1 else 1 / step


@dataclass(frozen=True)
class Tail:
    """The uniform mean of the weights after each step from `start` on, counted from 0."""

    start: int

    @property
    def name(self) -> str:
        return f"tail:start={self.start}"

    def share(self, step: int) -> float:
        """As Ema's; 0 before the mean begins."""
        return 1 / (step - self.start) if step > self.start else 0.0


@dataclass(frozen=True)
class Average:
    """One average as it was asked for."""

    kind: str  # ema or tail
    window: str  # decay, fraction or tokens
    value: float | int

    @property
    def spec(self) -> str:
        return f"{self.kind}:{self.window}={self.value!r}"

    def mean(self, steps: int, tokens_per_step: int) -> Ema | Tail:
        """What a run of so many steps has to keep for it.

        A decay follows from a window by decay = 1 - tokens_per_step / tokens. A tail of a fraction begins at
        step ceil((1 - fraction) * steps); one in tokens is at most the whole run.
        """
        if self.kind == "ema":
            return Ema(self.value if self.window == "decay" else 1 - tokens_per_step / self.value)
        if self.window == "fraction":  # as it is written in decimals: 0.1 is a tenth
            start = math.ceil((1 - Fraction(repr(self.value))) * steps)
        else:
            start = steps - round(self.value / tokens_per_step)
        return Tail(min(max(start, 0), steps - 1))


def parse_averages(text: str, tokens_per_step: int) -> tuple[Average, ...]:
    """The averages of a text such as "ema:decay=0.99,tail:fraction=0.2".

    Args:
        text: with commas between them; "" for none.
        tokens_per_step: the shortest window in tokens.

    Returns:
        them in the order given.

    Raises:
        ValueError: one line on the first that can't be read, is out of range, or stands there twice.
    """
    averages = []
    for piece in text.split(",") if text.strip() else []:
        average = parse_average(piece, tokens_per_step)
        if average in averages:
            raise not_allowed("average", text, f"{average.spec} stands there twice; give it once")
        averages.append(average)
    return tuple(averages)


def parse_average(text: str, tokens_per_step: int) -> Average:
    kind, _, rest = text.strip().lower().partition(":")
    window, _, number = (part.strip() for part in rest.partition("="))
    if (kind, window) not in [("ema", "decay"), ("ema", "tokens"), ("tail", "fraction"), ("tail", "tokens")]:
        raise not_allowed("average", text, f"give {KINDS}")
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    if window == "tokens":
        if not (tokens_per_step <= value < math.inf and value == int(value)):
            least = f"a step's {tokens_per_step:,}"
            raise not_allowed("average", text, f"give a whole number of tokens, at least {least}")
        return Average(kind, window, int(value))
    if not (0 < value < 1 or window == "fraction" and value == 1):
        limit = "above 0 and below 1" if window == "decay" else "of the run above 0 and at most 1"
        raise not_allowed("average", text, f"give a {window} {limit}")
    return Average(kind, window, value)


def begun(means: Iterable[Ema | Tail], steps: int) -> list[str]:
    """The names of those that have taken in the weights of some step after `steps` steps."""
    return [mean.name for mean in means if steps and mean.share(steps)]


def start_means(kept: Iterable[Ema | Tail], model) -> dict:
    """Each of them with a tensor of zeros for each of the model's parameters."""
    import torch

    return {mean: [torch.zeros_like(p) for p in model.parameters()] for mean in kept}


def update_means(means: dict, weights: list, step: int):
    """Take the weights after `step` steps, from 1, into each mean, in place; nothing waits for the device.

    Args:
        means: Ema or Tail -> tensors shaped as the weights.
        weights: tensors.
    """
    from torch.optim.swa_utils import get_ema_multi_avg_fn

    for mean, tensors in means.items():
        if share := mean.share(step):
            get_ema_multi_avg_fn(1 - share)(tensors, weights, None)


def averaged_model(model, tensors: list):
    """A copy of the model with these tensors as its parameters."""
    import torch

    averaged = deepcopy(model)
    with torch.no_grad():
        for p, mean in zip(averaged.parameters(), tensors):
            p.copy_(mean)
    return averaged
