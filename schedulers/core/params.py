"""The parameters of a schedule: a default, what is allowed, and the check of a value."""

from __future__ import annotations

import numbers
import re
import sys
from dataclasses import Field, dataclass, field

from nanosched.errors import not_allowed
from schedulers.core.messages import nearest
from schedulers.core.specs import freeze


@dataclass(frozen=True)
class Limits:
    """What a number or a word may be."""

    low: float | None = None  # may be reached
    high: float | None = None  # may be reached
    above: float | None = None  # may not be reached
    choices: tuple[str, ...] = ()

    def hold(self, value) -> bool:
        return not (
            (self.low is not None and value < self.low)
            or (self.high is not None and value > self.high)
            or (self.above is not None and value <= self.above)
        )

    def in_words(self, whole: bool) -> str:
        """'a number from 0 to 1'."""
        if self.low is not None and self.high is not None:
            bounds = f"from {self.low} to {self.high}"
        else:
            each = (("of at least", self.low), ("above", self.above), ("up to", self.high))
            bounds = " and ".join(f"{words} {limit}" for words, limit in each if limit is not None)
        noun = "a whole number" if whole else "a number" if bounds else "a finite number"
        return f"{noun} {bounds}".rstrip()


def param(default, low=None, high=None, above=None, choices=()):
    """A parameter of a schedule, a field of its dataclass.

    The annotation says whether a number must be whole (`int`) or a list is wanted (`tuple[float, ...]`,
    where the limits hold for each number).

    Args:
        default: a default of None allows None.
        low, high: limits that may be reached.
        above: a limit that may not.
        choices: the words allowed.

    Returns:
        A dataclass field.
    """
    return field(default=default, metadata=dict(limits=Limits(low, high, above, tuple(choices))))


def checked(f: Field, value):
    """The value to store for dataclass field f, or the ValueError that says why not."""
    limits, kind = f.metadata.get("limits", Limits()), str(f.type)
    if value is None and f.default is None:
        return None
    if limits.choices:
        return checked_choice(f.name, value, limits.choices)
    ints, floats = bool(re.search(r"\bint\b", kind)), "float" in kind
    whole = ints and not floats
    if re.search(r"tuple\[(int|float)", kind):
        return checked_list(f.name, value, limits, whole)
    if ints or floats or (isinstance(value, numbers.Real) and not isinstance(value, bool)):
        number = as_number(value, limits, whole)
        if number is None:
            raise not_allowed(f.name, value, f"give {limits.in_words(whole)}")
        return float(number) if floats and not ints else number  # int | float keeps what was given
    if re.search(r"\bbool\b", kind) and not isinstance(value, bool):
        raise not_allowed(f.name, value, "give True or False")
    return freeze(value)


def checked_choice(name: str, value, choices: tuple[str, ...]) -> str:
    if not isinstance(value, str) or value not in choices:
        raise not_allowed(name, value, f"give one of {', '.join(choices)}{nearest(value, choices)}")
    return value


def checked_list(name: str, value, limits: Limits, whole: bool) -> tuple:
    each = [as_number(v, limits, whole) for v in value] if isinstance(value, (list, tuple)) else [None]
    if None in each:
        raise not_allowed(name, value, f"give a list, each {limits.in_words(whole)}")
    return tuple(each)


def as_number(value, limits: Limits, whole: bool) -> int | float | None:
    """The value as a plain int or float if it is a finite (whole) number within the limits, else None."""
    kind = numbers.Integral if whole else numbers.Real
    if isinstance(value, bool) or not isinstance(value, kind) or not abs(value) <= sys.float_info.max:
        return None
    if not limits.hold(value):
        return None
    return int(value) if isinstance(value, numbers.Integral) else float(value)
