"""The bound that convex optimization gives for a learning-rate schedule: at one step count, at all of them, and its minimum.

    from theory.convex_bound import bound, bound_curve, optimal_peak_lr, optimal_schedule

For a convex f, a start at distance D of its minimum, T subgradient steps with learning rates eta_1 .. eta_T and gradient
norms G_1 .. G_T, Theorem 10 of Defazio et al. 2023 (arXiv 2310.07831; Schaipp et al. 2025, arXiv 2501.18965) says that the
expected f(x_T) is above the minimum by at most

    D^2/(2S) + Q/(2S) + 1/2 sum_{k<T} eta_k / (S_T - S_k) * (Q_T - Q_{k-1}) / (S_T - S_{k-1})

where S_k sums eta_t and Q_k sums c_t = eta_t^2 G_t^2 up to t = k, S = S_T and Q = Q_T. Since eta_k / (a b) = 1/a - 1/b for
a = S_T - S_k and b = S_T - S_{k-1}, summation by parts leaves positive terms only, in which no digits cancel:

    D^2/(2S) + 1/2 (eta_T G_T^2 + sum_{k<T} c_k / (S_T - S_k))

A learning rate of 0 adds nothing, except in the last step: the bound is inf exactly where eta_T = 0.
"""

from __future__ import annotations

import math
import numbers
import reprlib

import numpy as np

from nanosched.errors import not_allowed

SPACING = (
    0.3  # of the exponents in exponential_sum, in their logarithm: the error is 1e-13, and 3e-12 with 1/3
)
CHUNK = 512  # steps whose states are in memory at once
LIFT = 2.0**60  # in units this small, 35 / lr is finite for every positive lr
LARGEST = 1e60  # of every argument, so that (lr * norm)^2 is finite


def bound(lrs, grad_norms=1.0, distance=1.0, steps=None, split=False):
    """The bound on f(x_T) - min f after T = `steps` steps, by default all: a float in the units of f, in O(T).

    `lrs` holds the learning rate of each step, shape (n,); `grad_norms` one norm for all steps, or shape (n,); `distance`
    is that from x_1 to the minimum. With `split`, the three floats that the bound is the sum of: D^2/(2S), Q/(2S) (together
    the bound for the average iterate) and the sum over k. inf where the last learning rate is 0.
    Raises ValueError, naming the argument, its value and what is allowed. Source: Defazio et al. 2023, Theorem 10.
    """
    lrs, norms, distance = checked_lrs(lrs), checked_norms(grad_norms, len(lrs)), checked_distance(distance)
    steps = len(lrs) if steps is None else checked_steps(steps, len(lrs))
    terms = three_terms(lrs[:steps], norms[:steps], distance)
    return terms if split else sum(terms)


def bound_curve(lrs, grad_norms=1.0, distance=1.0):
    """The bound at every step count: float64, shape (n,), element i for T = i + 1. Arguments and errors are those of `bound`.

    O(n log(sum of lrs / smallest lr)) time, O(n) memory; the relative error is 1e-12 plus rounding, 1e-16 a step at worst.
    """
    lrs, norms, distance = checked_lrs(lrs), checked_norms(grad_norms, len(lrs)), checked_distance(distance)
    if not lrs.any():
        return np.full(len(lrs), np.inf)
    with np.errstate(divide="ignore", over="ignore"):
        curve = (
            distance**2 / 2 / np.cumsum(lrs) + lrs * norms**2 / 2 + cauchy_sums(lrs, (lrs * norms) ** 2 / 2)
        )
    return np.where(lrs > 0, curve, np.inf)


def optimal_peak_lr(lrs, grad_norms=1.0, distance=1.0, steps=None):
    """The peak at which the shape `lrs` has its lowest bound at T = `steps`: (peak_lr, that bound), two floats.

    The bound of gamma * lrs is A / gamma + B * gamma, with A and B those of `lrs`. It is lowest, 2 sqrt(A B), at
    gamma* = sqrt(A / B), which is peak_lr / max(lrs). (inf, 0.0) where the gradient norms are 0; (nan, inf) where the
    last learning rate is 0, as no peak helps. Arguments and errors are those of `bound`. Source: Schaipp et al. 2025.
    """
    a, *b = bound(lrs, grad_norms, distance, steps, split=True)
    b = sum(b)
    if math.isinf(a + b):
        return math.nan, math.inf
    if b == 0:
        return math.inf, 0.0
    return float(np.max(lrs)) * math.sqrt(a / b), 2 * math.sqrt(a) * math.sqrt(b)


def optimal_schedule(steps, grad_norms=1.0, distance=1.0):
    """The learning rates with the lowest bound of all at T = `steps`: float64, shape (steps,), positive; exact, in O(T).

    With one G for all steps the bound is about 2 D G / sqrt(T), for nearly a linear decay, but a last step 1 + sqrt(2) times
    the one before: the schedule `bound_optimal`. `grad_norms` as in `bound`, but not 0: a step that costs nothing could be
    endless. Raises ValueError as `bound` does. Source: `lowest_bound_lrs`, from Theorem 10.
    """
    norms, distance = checked_norms(grad_norms, checked_steps(steps)), checked_distance(distance)
    refuse_where(
        norms < 1 / LARGEST, "grad_norms", grad_norms, f"give norms from {1 / LARGEST:g} to {LARGEST:g}"
    )
    return distance * lowest_bound_lrs(norms)


def lowest_bound_lrs(norms):
    """The learning rates with the lowest bound of all for these gradient norms and a distance of 1, in O(T).

    In A_k = eta_{k+1} + .. + eta_T, twice the bound is 1/A_0 + sum_{k<T} G_k^2 (A_{k-1} - A_k)^2 / A_k + G_T^2 A_{T-1}.
    What is added after step k is at best v_k A_k with v_{T-1} = G_T^2, and the best A_k / A_{k-1} is G_k / sqrt(G_k^2 + v_k),
    which makes v_{k-1} = 2 G_k (sqrt(G_k^2 + v_k) - G_k). So A_0 = 1 / sqrt(v_0) and the bound is sqrt(v_0).

    Args:
        norms: float64, shape (T,), positive; T is at least 1.

    Returns:
        float64, shape (T,), positive.
    """
    values = values_ahead(norms)
    roots = np.hypot(norms[:-1], np.sqrt(values[1:]))
    kept = norms[:-1] / roots
    spent = values[1:] / (roots * (roots + norms[:-1]))  # 1 - kept, all digits
    return np.cumprod(np.append(1, kept)) * np.append(spent, 1) / math.sqrt(values[0])


def values_ahead(norms):
    """v_0 .. v_{T-1} of `lowest_bound_lrs`, shape (T,)."""
    norms = norms.tolist()
    values = [norms[-1] ** 2]
    for norm in norms[-2::-1]:
        values.append(2 * norm * values[-1] / (norm + math.sqrt(norm * norm + values[-1])))
    return np.array(values[::-1])


def grad_norm_shape(steps, alpha):
    """t^alpha for t = 1 .. steps: float64, shape (steps,). ValueError unless `steps` is at least 1 and `alpha` finite."""
    steps = checked_steps(steps)
    if not is_number(alpha) or not math.isfinite(alpha):
        raise not_allowed("alpha", alpha, "give a finite number")
    return np.arange(1, steps + 1) ** float(alpha)


# --- sums ---------------------------------------------------------------------------------------------------------------


@np.errstate(over="ignore")
def three_terms(lrs, norms, distance):
    """D^2/(2S), Q/(2S) and the sum over k; twice that is eta_T G_T^2 S_{T-1}/S + sum_{k<T} c_k S_k / (S (S_T - S_k))."""
    total = lrs.sum()
    if total == 0:
        return math.inf, 0.0, 0.0  # the last two as the limit of ever smaller learning rates
    charges, done = (lrs * norms) ** 2 / 2, np.cumsum(lrs) / total
    average = distance**2 / 2 / total, charges.sum() / total
    if lrs[-1] == 0:
        return *map(float, average), math.inf
    ahead = np.cumsum(lrs[:0:-1])[::-1]  # S_T - S_k for k = 1 .. T-1
    last_iterate = (charges[:-1] * done[:-1] / ahead).sum() + lrs[-1] * norms[-1] ** 2 / 2 * lrs[
        :-1
    ].sum() / total
    return *map(float, average), float(last_iterate)


def cauchy_sums(lrs, charges):
    """sum_{k<T} charges_k / (S_T - S_k) for every T, shape (n,); where lrs is 0, any number.

    With 1/x = sum_j w_j exp(-s_j x) each sum is sum_j w_j F_j(T), F_j(T) = exp(-s_j eta_T) (F_j(T-1) + charges_{T-1}):
    only learning rates enter, never a difference of sums.
    """
    lrs = lrs * LIFT
    exponents, weights = exponential_sum(lrs[lrs > 0].min(), lrs.sum())
    sums, state = np.empty(len(lrs)), np.zeros(len(exponents))
    for start in range(0, len(lrs), CHUNK):
        chunk = slice(start, start + CHUNK)
        rows = np.exp(np.outer(lrs[chunk], -exponents))
        for row, charge in zip(rows, charges[chunk].tolist()):
            np.multiply(row, state, out=row)
            np.add(row, charge, out=state)
        sums[chunk] = rows @ weights
    return sums * LIFT


def exponential_sum(low, high):
    """Exponents s and weights w with sum_j w_j exp(-s_j x) = 1/x to 2e-13 for low <= x <= high.

    The trapezoidal rule for 1/x = integral of exp(u - x exp(u)) du. Exponents below 1e-4 / high are joined in their mean.
    """
    exponents = np.exp(np.arange(math.log(1e-4 / high), math.log(35 / low) + SPACING, SPACING))
    weights, ratio = SPACING * exponents, math.exp(-SPACING)
    exponents[0], weights[0] = exponents[0] / (1 + ratio), weights[0] / (1 - ratio)
    return exponents, weights


# --- checks -------------------------------------------------------------------------------------------------------------


def checked_lrs(lrs):
    """The learning rates as float64, shape (n,)."""
    array = numbers_in("lrs", lrs)
    if array.ndim != 1 or not len(array):
        raise not_allowed(
            "lrs.shape", array.shape, "give a list of learning rates, one for each of at least one step"
        )
    refuse_where(outside(array), "lrs", lrs, f"give learning rates from 0 to {LARGEST:g}")
    return array


def checked_norms(grad_norms, steps):
    """The gradient norms as float64, shape (steps,)."""
    array = numbers_in("grad_norms", grad_norms)
    if array.shape not in ((), (steps,)):
        raise not_allowed(
            "grad_norms.shape", array.shape, f"give one number, or a list of {steps}, one a step"
        )
    refuse_where(outside(array), "grad_norms", grad_norms, f"give norms from 0 to {LARGEST:g}")
    return np.broadcast_to(array, steps)


def checked_distance(distance):
    if not is_number(distance) or not 0 < distance <= LARGEST:
        raise not_allowed("distance", distance, f"give a number above 0 and up to {LARGEST:g}")
    return float(distance)


def checked_steps(steps, longest=None):
    if (
        isinstance(steps, bool)
        or not isinstance(steps, numbers.Integral)
        or not 1 <= steps <= (longest or steps)
    ):
        allowed = f"from 1 to {longest}, the length of lrs" if longest else "of at least 1"
        raise not_allowed("steps", steps, f"give a whole number {allowed}")
    return int(steps)


def is_number(value):
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def numbers_in(name, values):
    """A number or a list of them as a float64 array."""
    try:
        array = np.asarray(values)
    except ValueError:  # lists of different lengths
        array = np.empty(0, object)
    if array.dtype.kind not in "iuf":
        raise ValueError(f"{name}={' '.join(reprlib.repr(values).split())} is not allowed: give numbers")
    return array.astype(float)


def outside(array):
    """Where a number is not in 0 .. LARGEST, or not a number."""
    return ~((array >= 0) & (array <= LARGEST))


def refuse_where(wrong, name, values, allowed):
    """The error for the first of the values that is wrong, if one is."""
    if wrong.any():
        at = int(np.argmax(wrong))  # 0 for a single number
        raise not_allowed(f"{name}[{at}]" if np.ndim(values) else name, np.ravel(values)[at].item(), allowed)
