"""What the arguments of the convex bound may be."""

from __future__ import annotations

import numbers
import reprlib

import numpy as np

from nanosched.errors import not_allowed

MAX_VALUE = 1e60  # of every argument, so that (lr * norm)^2 is finite


def checked_lrs(lrs) -> np.ndarray:
    """The learning rates as float64, shape (n,)."""
    array = numbers_in("lrs", lrs)
    if array.ndim != 1 or not len(array):
        allowed = "give a list of learning rates, one for each of at least one step"
        raise not_allowed("lrs.shape", array.shape, allowed)
    refuse_where(outside(array), "lrs", lrs, f"give learning rates from 0 to {MAX_VALUE:g}")
    return array


def checked_norms(grad_norms, steps) -> np.ndarray:
    """The gradient norms as float64, shape (steps,)."""
    array = numbers_in("grad_norms", grad_norms)
    if array.shape not in ((), (steps,)):
        allowed = f"give one number, or a list of {steps}, one per step"
        raise not_allowed("grad_norms.shape", array.shape, allowed)
    refuse_where(outside(array), "grad_norms", grad_norms, f"give norms from 0 to {MAX_VALUE:g}")
    return np.broadcast_to(array, steps)


def checked_distance(distance) -> float:
    if not is_number(distance) or not 0 < distance <= MAX_VALUE:
        raise not_allowed("distance", distance, f"give a number above 0 and up to {MAX_VALUE:g}")
    return float(distance)


def checked_steps(steps, longest=None) -> int:
    whole = isinstance(steps, numbers.Integral) and not isinstance(steps, bool)
    if not whole or not 1 <= steps <= (longest or steps):
        allowed = f"from 1 to {longest}, the length of lrs" if longest else "of at least 1"
        raise not_allowed("steps", steps, f"give a whole number {allowed}")
    return int(steps)


def is_number(value) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def numbers_in(name, values) -> np.ndarray:
    """A number or a list of them as a float64 array."""
    try:
        array = np.asarray(values)
    except ValueError:  # lists of different lengths
        array = np.empty(0, object)
    if array.dtype.kind not in "iuf":
        raise ValueError(f"{name}={' '.join(reprlib.repr(values).split())} is not allowed: give numbers")
    return array.astype(float)


def outside(array) -> np.ndarray:
    """Where a number is not in 0 .. MAX_VALUE, or not a number."""
    return ~((array >= 0) & (array <= MAX_VALUE))


def refuse_where(wrong, name, values, allowed):
    """The error for the first of the values that is wrong, if one is."""
    if wrong.any():
        at = int(np.argmax(wrong))  # 0 for a single number
        raise not_allowed(f"{name}[{at}]" if np.ndim(values) else name, np.ravel(values)[at].item(), allowed)
