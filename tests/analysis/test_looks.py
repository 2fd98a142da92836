"""Levels of looks: against published boundaries, a reference package, and simulation."""

import math

import numpy as np
import pytest
from scipy import stats

from analysis.looks import LOOKS, caution, looks_up_to, nominal_levels
from analysis.simultaneous import critical_value

LARGE_DF = 1e8


def bounds(looks, methods=2):
    """Of normal statistics, without the caution that few seeds need."""
    spent = [level / caution(look) for look, level in zip(looks, nominal_levels(looks, methods))]
    return [critical_value(methods - 1, LARGE_DF, level) for level in spent]


@pytest.mark.parametrize(
    "looks, expected",
    [  # gsdesign 0.1.5 (h1 and hupdate, r = 18), its crossing probabilities set to what each look spends
        (LOOKS, [2.528176, 2.588734, 2.496521, 2.423026, 2.285577]),
        ([2, 4, 6, 8, 10], [2.437982, 2.426821, 2.410203, 2.396656, 2.385997]),
    ],
)
def test_one_comparison_is_the_reference_packages(looks, expected):
    assert bounds(looks) == pytest.approx(expected, abs=2e-5)


@pytest.mark.parametrize("looks, pocock", [(2, 2.178), (3, 2.289), (4, 2.361), (5, 2.413)])
def test_equally_spaced_looks_are_about_as_strict_as_pococks(looks, pocock):
    """Jennison and Turnbull 2000, table 2.1: one bound for all looks; the spending function comes close."""
    found = bounds(range(2, 2 * looks + 1, 2))
    assert min(found) < pocock < max(found)
    assert found == pytest.approx([pocock] * looks, abs=0.05)


@pytest.mark.parametrize("methods", [2, 5, 25])
def test_a_single_look_has_all_of_alpha(methods):
    assert nominal_levels([8], methods) == pytest.approx([0.05], abs=2e-5)
    assert nominal_levels([8], methods, 0.1) == pytest.approx([0.1], abs=4e-5)


@pytest.mark.parametrize("methods", [3, 8, 25])
def test_equal_methods_cross_as_often_as_is_spent(methods):
    """Sums of normals, every method against the first; what has crossed by each look, within 4 errors."""
    n = 40_000
    rng = np.random.Generator(np.random.Philox(key=methods))
    sums, crossed, before = np.zeros((n, methods)), np.zeros(n, bool), 0
    for look, bound in zip(LOOKS, bounds(LOOKS, methods)):
        sums += rng.normal(0, math.sqrt(look - before), (n, methods))
        crossed |= np.abs(sums[:, 1:] - sums[:, :1]).max(1) > bound * math.sqrt(2 * look)
        share, before = 0.05 * math.log(1 + (math.e - 1) * look / LOOKS[-1]), look
        assert crossed.mean() == pytest.approx(share, abs=4 * stats.binom.std(n, share) / n)


def test_the_same_numbers_whoever_asks():
    assert nominal_levels(list(LOOKS), 4) == nominal_levels(LOOKS, 4)
    assert all(0 < level < 0.05 for level in nominal_levels(LOOKS, 4))


def test_few_seeds_are_trusted_less():
    cautions = [caution(look) for look in LOOKS]
    assert cautions == sorted(cautions) and cautions[0] == pytest.approx(4 / 9) and cautions[-1] < 1


def test_looks_end_at_the_most_seeds():
    assert looks_up_to(20) == LOOKS
    assert looks_up_to(10) == (3, 5, 8, 10)
    assert looks_up_to(2) == (2,)
    assert looks_up_to(30) == (*LOOKS, 30)


@pytest.mark.parametrize("looks, methods", [([], 3), ([5, 3], 3), ([3, 3], 3), ([1, 3], 3), ([3, 5], 1)])
def test_what_is_no_plan_is_refused(looks, methods):
    with pytest.raises(ValueError, match="not allowed"):
        nominal_levels(looks, methods)
    with pytest.raises(ValueError, match="max_seeds=1 is not allowed"):
        looks_up_to(1)
