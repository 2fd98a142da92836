"""How a cooldown goes down, and where it starts; one place for every schedule that has one."""

from __future__ import annotations

import math

from nanosched.errors import not_allowed

# q runs from 0 to 1 over the cooldown; None: those that depend on more than q are written out in `cool`
SHAPES = {
    "linear": lambda q: 1 - q,
    "sqrt": lambda q: 1 - math.sqrt(q),
    "cosine": lambda q: (1 + math.cos(math.pi * q)) / 2,
    "mirror_cosine": lambda q: 2 * (1 - q) - (1 + math.cos(math.pi * q)) / 2,
    "square": lambda q: 1 - q * q,
    "power": None,
    "exp": None,
    "inverse": None,
}
EXPONENT = 1.2  # of the shape power


def cooldown_start(schedule, cooldown: float) -> int:
    """The step at which a cooldown over this fraction of all steps starts: never inside the warmup."""
    return max(schedule.warmup_steps, schedule.steps - round(cooldown * schedule.steps))


def cool(q: float, start: float, final: float, shape: str, exponent: float | None = None) -> float:
    """The value after the part q of a cooldown from `start` to `final`: final + (start - final) * shape(q).

    The shape power is (1 - q)^exponent; exp is start * (final / start)^q and inverse goes straight in 1 / lr,
    1 / (q / final + (1 - q) / start). It never rises: one that starts at or below `final` holds its value.
    """
    if start <= final:
        return start
    if shape == "exp":
        return start * (final / start) ** q
    if shape == "inverse":
        return start * final / (final + (start - final) * q)
    if shape == "power":
        return final + (start - final) * (1 - q) ** (EXPONENT if exponent is None else exponent)
    return final + (start - final) * SHAPES[shape](q)


def check_shape(shape: str, exponent: float | None, final_lr_ratio: float):
    """Refuse an exponent that the shape doesn't have, and a final value of 0 that it never reaches."""
    if exponent is not None and shape != "power":
        raise not_allowed("exponent", exponent, f"give it with shape=power only, not with {shape}")
    if shape in ("exp", "inverse") and final_lr_ratio == 0:
        kind = {"exp": "exponential", "inverse": "inverse"}[shape]
        raise not_allowed("final_lr_ratio", final_lr_ratio, f"an {kind} cooldown needs a number above 0")
