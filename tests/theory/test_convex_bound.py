"""The bound against Theorem 10 as printed, summed exactly or in long doubles; closed forms; the optimum."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schedulers import get_schedule, split_specs
from theory.cauchy_sums import exponential_sum
from theory.convex_bound import (
    bound,
    bound_curve,
    grad_norm_shape,
    optimal_peak_lr,
    optimal_schedule,
)

CURVE = dict(rtol=1e-11, atol=0)
SIZES = st.one_of(st.just(0.0), st.floats(1e-12, 1))
LIST = st.lists(SIZES, min_size=1, max_size=10)
TINY = st.lists(st.one_of(SIZES, st.floats(0, 1e-300)), min_size=1, max_size=10)  # subnormal too
POSITIVE = st.lists(st.floats(1e-6, 1), min_size=2, max_size=10)


# --- the theorem, a second time -------------------------------------------------------------------


def as_float(number):
    try:
        return float(number)
    except OverflowError:
        return math.inf


def exact_terms(lrs, norms, distance):
    """The three terms for T = len(lrs) in fractions, O(T^2)."""
    lrs, norms, distance = (
        [Fraction(lr) for lr in lrs],
        [Fraction(norm) for norm in norms],
        Fraction(distance),
    )
    charges, total = [(lr * norm) ** 2 for lr, norm in zip(lrs, norms)], sum(lrs)
    if total == 0:
        return math.inf, 0.0, 0.0
    average = distance**2 / (2 * total), sum(charges) / (2 * total)
    if lrs[-1] == 0:
        return *map(as_float, average), math.inf
    last = sum(lrs[k] / sum(lrs[k + 1 :]) * sum(charges[k:]) / sum(lrs[k:]) for k in range(len(lrs) - 1)) / 2
    return *map(as_float, average), as_float(last)


def exact_bound(lrs, norms, distance):
    a, q, k = exact_terms(lrs, norms, distance)
    return as_float(sum(map(Fraction, (a, q, k)))) if math.isfinite(a + q + k) else math.inf


def long_bound(lrs, norms, distance, T):
    """The printed sum at T in np.longdouble, which has 64 bits on x86."""
    lrs = np.asarray(lrs[:T], np.longdouble)
    if lrs[-1] == 0:
        return math.inf
    charges = (lrs * np.broadcast_to(norms, T if np.ndim(norms) == 0 else len(norms))[:T]) ** 2
    from_k, charges_from_k = np.cumsum(lrs[::-1])[::-1], np.cumsum(charges[::-1])[::-1]
    last = lrs[:-1] / from_k[1:] * charges_from_k[:-1] / from_k[:-1]
    return float((np.longdouble(distance) ** 2 + charges_from_k[0]) / (2 * from_k[0]) + last.sum() / 2)


def check_curve(lrs, norms, distance, at):
    expected = [long_bound(lrs, norms, distance, T) for T in at]
    np.testing.assert_allclose(bound_curve(lrs, norms, distance)[np.array(at) - 1], expected, **CURVE)
    np.testing.assert_allclose([bound(lrs, norms, distance, int(T)) for T in at], expected, **CURVE)


@settings(max_examples=150)
@given(TINY, st.data())
def test_exact(lrs, data):
    norms = data.draw(
        st.lists(st.one_of(st.just(0.0), st.floats(1e-3, 10)), min_size=len(lrs), max_size=len(lrs))
    )
    distance, counts = data.draw(st.floats(1e-3, 1e3)), range(1, len(lrs) + 1)
    expected = [exact_bound(lrs[:T], norms[:T], distance) for T in counts]
    np.testing.assert_allclose(bound_curve(lrs, norms, distance), expected, **CURVE)
    np.testing.assert_allclose([bound(lrs, norms, distance, T) for T in counts], expected, rtol=1e-13)


@given(LIST, st.floats(1e-3, 10), st.floats(1e-3, 1e3))
def test_exact_terms(lrs, norm, distance):
    terms = bound(lrs, norm, distance, split=True)
    np.testing.assert_allclose(terms, exact_terms(lrs, [norm] * len(lrs), distance), rtol=1e-14)
    assert sum(terms) == bound(lrs, norm, distance)


def test_every_pattern_of_zeros():
    for lrs in itertools.product((0.0, 0.3, 1e-12), repeat=5):
        expected = [exact_bound(lrs[:T], [2.0] * T, 0.7) for T in range(1, 6)]
        np.testing.assert_allclose(bound_curve(lrs, 2.0, 0.7), expected, **CURVE)
        np.testing.assert_allclose([bound(lrs, 2.0, 0.7, T) for T in range(1, 6)], expected, rtol=1e-14)
        assert [value == math.inf for value in expected] == [lr == 0 for lr in lrs]


def test_a_zero_in_the_middle_adds_nothing():
    with_zeros, without = [0, 0, 0.5, 0, 1, 0.2, 0, 0, 0.1], [0.5, 1, 0.2, 0.1]
    assert bound(with_zeros) == pytest.approx(bound(without), rel=1e-15)
    assert bound([0.0, 0.0], split=True) == (math.inf, 0.0, 0.0)


@pytest.mark.parametrize("distance", (1e-5, 1.0))  # small: the sum over k counts, large: D^2/(2S)
@pytest.mark.parametrize("name", split_specs("all"))
def test_every_schedule(name, distance):
    lrs = get_schedule(name, steps=3000, peak_lr=1e-3, warmup_steps=150).lrs()
    check_curve(lrs, 1.0, distance, [1, 2, 149, 150, 151, 1500, 2700, 2999, 3000])


def hostile():
    rng, t = np.random.default_rng(0), np.arange(20000)
    blocks = 10 ** rng.uniform(-12, 0, 20000)
    blocks[:7] = blocks[9000:11000] = 0
    return dict(
        tenths=0.1 ** (t // 500),
        down=10 ** (-12 * t / 20000),
        up=10 ** (12 * t / 20000 - 12),
        any_size=10 ** rng.uniform(-12, 0, 20000),
        zeros=rng.random(20000) * (rng.random(20000) < 0.7),
        blocks=blocks,
        restarts_from_zero=np.cos(np.pi * (t % 1000) / 1998) ** 2 * (t % 1000 > 0),
        warmup_from_tiny=np.minimum(1, 1e-9 + t / 2000),
    )


@pytest.mark.parametrize("name", hostile())
def test_hostile_arrays(name):
    lrs, rng = hostile()[name], np.random.default_rng(1)
    at = [1, 8, 9, 511, 512, 513, 20000, *rng.integers(1, 20001, 30)]
    check_curve(lrs, 1.0, 1e-3, at)
    check_curve(lrs, np.exp(rng.normal(size=20000)), 1.0, at)


def test_exponential_sum():
    x = np.exp(np.linspace(0, math.log(1e20), 5000))
    exponents, weights = exponential_sum(1.0, 1e20)
    np.testing.assert_allclose(np.exp(-np.outer(x, exponents)) @ weights, 1 / x, rtol=2e-13)


# --- closed forms ---------------------------------------------------------------------------------


def harmonic(n):
    return np.sum(1 / np.arange(1, n + 1, dtype=np.longdouble))


@pytest.mark.parametrize("T", (1, 2, 3, 100, 5000))
def test_constant(T):
    """S_T - S_k = lr (T - k), so that the terms are D^2/(2 lr T), lr G^2/2 and lr G^2/2 H_{T-1}."""
    lr, G, D = 0.01, 3.0, 2.0
    expected = [D**2 / (2 * lr * T), lr * G**2 / 2, lr * G**2 / 2 * harmonic(T - 1)]
    np.testing.assert_allclose(bound(np.full(T, lr), G, D, split=True), expected, rtol=1e-12)
    assert bound_curve(np.full(5000, lr), G, D)[T - 1] == pytest.approx(float(sum(expected)), rel=1e-11)


@pytest.mark.parametrize("T", (1, 2, 3, 100, 5000))
def test_linear(T):
    """S_T - S_k = lr m (m + 1)/2 with m = T - k: the last sum is lr G^2 sum_m 2 (m + 1)/m, plus eta_T G^2."""
    lr, G, D = 0.01, 3.0, 2.0
    expected = D**2 / (lr * T * (T + 1)) + lr * G**2 / 2 * (2 * (T - 1 + harmonic(T - 1)) + 1)
    assert bound(lr * np.arange(T, 0, -1), G, D) == pytest.approx(float(expected), rel=1e-12)


def wsd(T, T0):
    """Schaipp et al.'s: lr 1 up to T0, from there linear to 0 at T + 1."""
    t = np.arange(1, T + 1)
    return np.minimum(1, (T + 1 - t) / (T + 1 - T0))


@pytest.mark.parametrize("T, T0", ((100, 80), (100, 2), (1001, 800), (5000, 4999), (5000, 1)))
def test_wsd(T, T0):
    """S = (T + T0)/2; the n steps of the cooldown add what a linear decay does, others 1/(j + (n + 1)/2)."""
    D, G, n = 5.0, 3.0, T + 1 - T0
    cost = (2 * (n - 1 + harmonic(n - 1)) + 1) / n + np.sum(1 / (np.arange(T0 - 1) + (n + 1) / 2))
    peak, lowest = optimal_peak_lr(wsd(T, T0), G, D)
    assert lowest == pytest.approx(float(D * G * np.sqrt(2 * cost / (T + T0))), rel=1e-12)
    assert peak == pytest.approx(float(D / G * np.sqrt(2 / (T + T0) / cost)), rel=1e-12)


@pytest.mark.parametrize("cooldown", (0.02, 0.2, 0.5, 0.98))
@pytest.mark.parametrize("T", (100, 1000, 5000))
def test_wsd_theorem(T, cooldown):
    """Theorem 9 of Schaipp et al. 2025 is above the bound at its best peak and tends to it, without log T."""
    T0 = T - round(cooldown * T)
    A, B = T + T0, T - T0
    inside = 2 / 3 + (A + T0) / (3 * A) + harmonic(A - 2) - harmonic(B + 1) - B * (T0 - 1) / (3 * (B + 2) * A)
    theorem = np.sqrt(4 / A * (inside + 1 / B**2 + harmonic(B - 1) / (B + 1)))
    lowest = optimal_peak_lr(wsd(T, T0))[1]
    assert lowest <= theorem
    limit = math.sqrt(4 / A * (1 + math.log(A / B) / 2))
    assert lowest == pytest.approx(limit, rel=4 * math.log(B) / B)


# --- properties -----------------------------------------------------------------------------------


@given(POSITIVE, st.floats(0.01, 100), st.floats(0.01, 100))
def test_scaling(lrs, c, g):
    lrs, base = np.array(lrs), bound(lrs, 2.0, 3.0)
    assert bound(c * lrs, 2.0, c * 3.0) == pytest.approx(c * base)
    assert bound(lrs / g, g * 2.0, 3.0) == pytest.approx(g * base)
    np.testing.assert_allclose(bound_curve(c * lrs, 2.0, c * 3.0), c * bound_curve(lrs, 2.0, 3.0))


@given(POSITIVE, st.integers(0, 9), st.floats(1, 10))
def test_grows_with_distance_and_norms(lrs, at, more):
    norms = np.ones(len(lrs))
    larger = norms.copy()
    larger[at % len(lrs)] *= more
    assert bound(lrs, larger) >= bound(lrs, norms) * (1 - 1e-15)
    assert bound(lrs, norms, more) >= bound(lrs, norms)


def test_order_matters():
    lrs = np.linspace(1, 0.01, 100)
    assert bound(lrs) < bound(lrs[::-1])


def test_curve_and_bound_agree():
    lrs = get_schedule("wsd", steps=5000, peak_lr=1e-3, warmup_steps=100).lrs()
    norms, before = grad_norm_shape(5000, -0.3), lrs.copy()
    curve = bound_curve(lrs, norms, 0.02)
    assert curve.shape == (5000,) and curve.dtype == np.float64
    assert curve[-1] == pytest.approx(bound(lrs, norms, 0.02), rel=1e-11)
    np.testing.assert_allclose(bound_curve(lrs[:700], norms[:700], 0.02), curve[:700], rtol=1e-11)
    np.testing.assert_array_equal(bound_curve(lrs, np.ones(5000)), bound_curve(lrs))
    np.testing.assert_array_equal(lrs, before)


def test_average_iterate():
    lrs = np.array([1.0, 0.5, 0.25])
    assert sum(bound(lrs, 2.0, 3.0, split=True)[:2]) == pytest.approx(
        (9 + 4 * (lrs**2).sum()) / (2 * lrs.sum())
    )


def test_grad_norm_shape():
    np.testing.assert_allclose(grad_norm_shape(4, -0.5), [1, 2**-0.5, 3**-0.5, 0.5])


# --- the best peak --------------------------------------------------------------------------------


def golden_section(f, low, high):
    ratio = (math.sqrt(5) - 1) / 2
    while high - low > 1e-9:
        a, b = high - ratio * (high - low), low + ratio * (high - low)
        low, high = (low, b) if f(a) < f(b) else (a, high)
    return (low + high) / 2


@pytest.mark.parametrize("steps", (None, 137))
@pytest.mark.parametrize("name", ("constant", "cosine", "wsd", "inverse_sqrt", "cyclic"))
def test_optimal_peak(name, steps):
    lrs, norms = (
        get_schedule(name, steps=200, peak_lr=6e-4, warmup_steps=20).lrs(),
        grad_norm_shape(200, -0.2),
    )
    peak, lowest = optimal_peak_lr(lrs, norms, 4.0, steps)
    log_peak = golden_section(lambda log: bound(lrs / lrs.max() * math.exp(log), norms, 4.0, steps), -20, 20)
    assert peak == pytest.approx(math.exp(log_peak), rel=1e-6)
    assert bound(peak / lrs.max() * lrs, norms, 4.0, steps) == pytest.approx(lowest, rel=1e-13)


def test_no_optimal_peak():
    assert optimal_peak_lr([1.0, 0.5], 0.0) == (math.inf, 0.0)
    for lrs in ([1.0, 0.0], [0.0, 0.0]):
        peak, lowest = optimal_peak_lr(lrs)
        assert math.isnan(peak) and lowest == math.inf


# --- the best schedule ----------------------------------------------------------------------------


def gradient(lrs, norms, distance):
    """Of twice the bound, in the learning rates."""
    ahead = np.cumsum(lrs[:0:-1])[::-1]
    charges = (lrs * norms)[:-1] ** 2
    own = np.append(2 * lrs[:-1] * norms[:-1] ** 2 / ahead, norms[-1] ** 2)
    return own - (distance / lrs.sum()) ** 2 - np.append(0, np.cumsum(charges / ahead**2))


@pytest.mark.parametrize("alpha", (-0.5, 0.0, 1.0))
@pytest.mark.parametrize("T", (1, 2, 3, 30, 1000))
def test_optimal_schedule_is_stationary(T, alpha):
    """The bound is convex in the learning rates, so that it is lowest where its gradient is 0."""
    norms = grad_norm_shape(T, alpha)
    lrs = optimal_schedule(T, norms, 3.0)
    assert lrs.shape == (T,) and (lrs > 0).all()
    np.testing.assert_allclose(gradient(lrs, norms, 3.0), 0, atol=1e-10 * (3 / lrs.sum()) ** 2 * T)
    assert optimal_peak_lr(lrs, norms, 3.0) == pytest.approx((lrs.max(), bound(lrs, norms, 3.0)), rel=1e-12)


@given(st.lists(st.floats(0.01, 10), min_size=1, max_size=12), st.data())
def test_optimal_schedule_has_no_better(norms, data):
    lrs = optimal_schedule(len(norms), norms, 2.0)
    factors = data.draw(st.lists(st.floats(0, 3), min_size=len(norms), max_size=len(norms)))
    assert bound(lrs, norms, 2.0) <= bound(lrs * factors, norms, 2.0) * (1 + 1e-14)


def test_optimal_schedule_of_two_steps():
    """D^2/(a + b) + a^2/b + b is lowest, 2 sqrt(2 (sqrt 2 - 1)), for a = (sqrt 2 - 1) b."""
    lrs = optimal_schedule(2)
    assert lrs[0] / lrs[1] == pytest.approx(math.sqrt(2) - 1)
    assert bound(lrs) == pytest.approx(math.sqrt(2 * (math.sqrt(2) - 1)))


@pytest.mark.parametrize("T", (2, 10, 500, 20000))
def test_optimal_schedule_beats_the_known_ones(T):
    lowest = bound(optimal_schedule(T, 3.0, 2.0), 3.0, 2.0)
    for name in ("linear", "cosine", "wsd", "constant", "inverse_sqrt"):
        assert lowest <= optimal_peak_lr(get_schedule(name, steps=T, peak_lr=1.0).lrs(), 3.0, 2.0)[1]
    linear = optimal_peak_lr(np.arange(T, 0, -1), 3.0, 2.0)[1]
    assert lowest <= linear
    if T >= 500:  # both tend to 2 D G / sqrt(T)
        assert lowest == pytest.approx(12 / math.sqrt(T), rel=2e-3)
        assert linear == pytest.approx(12 / math.sqrt(T), rel=2e-2)


def test_optimal_schedule_is_nearly_linear():
    lrs = optimal_schedule(10000)
    middle = lrs[:9000] / np.arange(10000, 1000, -1)
    assert middle.max() / middle.min() < 1.01
    assert lrs[-1] / lrs[-2] == pytest.approx(1 + math.sqrt(2))


@pytest.mark.parametrize("W", (0, 1, 30, 299, 300))
def test_bound_optimal_is_the_best_schedule_at_its_peak(W):
    schedule = get_schedule("bound_optimal", steps=300, peak_lr=2.0, warmup_steps=W)
    if W < 300:
        lrs = optimal_schedule(300 - W)
        np.testing.assert_allclose(schedule.lrs()[W:], 2.0 * lrs / lrs.max(), rtol=1e-14)
    assert schedule(300) == schedule(10**6) == 0


# --- arguments ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call, words",
    (
        (lambda: bound([]), "lrs.shape=(0,)"),
        (lambda: bound_curve(0.1), "lrs.shape=()"),
        (lambda: bound_curve([[0.1]]), "lrs.shape=(1, 1)"),
        (lambda: bound([0.1, -0.5]), "lrs[1]=-0.5"),
        (lambda: bound([math.inf]), "lrs[0]=inf"),
        (lambda: optimal_peak_lr([0.1, math.nan]), "lrs[1]=nan"),
        (lambda: bound(None), "lrs=None"),
        (lambda: bound(["a"]), "lrs=['a']"),
        (lambda: bound([[1], [1, 2]]), "lrs=[[1], [1, 2]]"),
        (lambda: bound(np.full((50, 50), "a")), "lrs="),
        (lambda: bound([1j]), "lrs=[1j]"),
        (lambda: bound([True]), "lrs=[True]"),
        (lambda: bound([1e200]), "lrs[0]=1e+200"),
        (lambda: bound([0.1], -1), "grad_norms=-1"),
        (lambda: bound_curve([0.1, 0.1], [1, math.nan]), "grad_norms[1]=nan"),
        (lambda: bound([0.1], [1.0, 2.0]), "grad_norms.shape=(2,)"),
        (lambda: bound([0.1], "1"), "grad_norms='1'"),
        (lambda: bound([0.1], distance=0), "distance=0"),
        (lambda: bound([0.1], distance=math.nan), "distance=nan"),
        (lambda: bound_curve([0.1], distance="far"), "distance='far'"),
        (lambda: bound([0.1], steps=0), "steps=0"),
        (lambda: bound([0.1], steps=2), "steps=2"),
        (lambda: bound([0.1], steps=1.0), "steps=1.0"),
        (lambda: optimal_peak_lr([0.1], steps=True), "steps=True"),
        (lambda: optimal_schedule(0), "steps=0"),
        (lambda: optimal_schedule(2, 0.0), "grad_norms=0.0"),
        (lambda: optimal_schedule(2, [1.0, 0.0]), "grad_norms[1]=0.0"),
        (lambda: grad_norm_shape(3, math.inf), "alpha=inf"),
    ),
)
def test_arguments(call, words):
    with pytest.raises(ValueError) as error:
        call()
    message = str(error.value)
    assert words in message and " is not allowed: give " in message and "\n" not in message
