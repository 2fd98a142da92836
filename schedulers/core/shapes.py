"""How a cooldown goes down, and where it starts; one place for every schedule that has one."""

from __future__ import annotations

import math

from nanosched.errors import not_allowed

# q runs from 0 to 1 over the cooldown; exp depends on the final value and is written out in `cool`
SHAPES = {
    "linear": lambda q: 1 - q,
    "sqrt": lambda q: 1 - math.sqrt(q),
    "cosine": lambda q: (1 + math.cos(math.pi * q)) / 2,
    "mirror_cosine": lambda q: 2 * (1 - q) - (1 + math.cos(math.pi * q)) / 2,
    "square": lambda q: 1 - q * q,
    "exp": None,
}


def cooldown_start(schedule, cooldown: float) -> int:
    """The step at which a cooldown over this fraction of all steps starts: never inside the warmup."""
    return max(schedule.warmup_steps, schedule.steps - round(cooldown * schedule.steps))


def cool(q: float, start: float, final: float, shape: str) -> float:
    """The value after the part q of a cooldown from `start` to `final`: final + (start - final) * shape(q).

    The shape exp is start * (final / start)^q. It never rises: one that starts at or below `final` holds
    its value.
    """
    if start <= final:
        return start
    if shape == "exp":
        return start * (final / start) ** q
    return final + (start - final) * SHAPES[shape](q)


def check_exp(shape: str, final_lr_ratio: float):
    """An exponential never reaches zero: refuse a final value of 0."""
    if shape == "exp" and final_lr_ratio == 0:
        raise not_allowed("final_lr_ratio", final_lr_ratio, "an exponential cooldown needs a number above 0")
