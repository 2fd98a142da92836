"""The noise of differences: moderated variances by hand, and what they are estimated from."""

import math

import numpy as np
import pytest
from scipy import special

from analysis.noise import (
    dimensions,
    inverse_trigamma,
    moderate,
    own_noise,
    pair_noise,
    pooled_df,
    prior,
    prior_df_of,
)


def drawn(key, methods, seeds, sd=0.01):
    """Methods that vary alike and independently around a share that a seed gives to all of them."""
    rng = np.random.Generator(np.random.Philox(key=key))
    table = (
        2.3
        + 0.1 * rng.standard_normal(seeds)
        + np.reshape(sd, (-1, 1)) * rng.standard_normal((methods, seeds))
    )
    return {f"m{i}": dict(enumerate(row.tolist())) for i, row in enumerate(table)}


def test_own_noise_by_hand():
    noise = own_noise({0: 3.0, 1: 5.0, 2: 7.0, 9: 1.0}, {0: 2.0, 1: 3.0, 2: 4.0, 8: 0.0})  # 1, 2, 3
    assert (noise.n, noise.mean, noise.sd, noise.variance, noise.df) == (3, 2, 1, 1, 2)
    assert noise.error == pytest.approx(math.sqrt(1 / 3)) and noise.tested and not noise.identical


def test_noise_that_is_not_known():
    nothing, one = own_noise({0: 1.0}, {1: 2.0}), own_noise({0: 1.0}, {0: 2.0})
    assert (nothing.n, one.n, one.mean) == (0, 1, -1) and math.isnan(nothing.mean)
    assert not nothing.tested and not one.tested
    twin = own_noise({0: 1.0, 1: 2.0}, {0: 1.0, 1: 2.0})
    assert twin.identical and not twin.tested
    shifted = own_noise({0: 1.1, 1: 2.1}, {0: 1.0, 1: 2.0})
    assert shifted.sd == 0 and not shifted.identical and not shifted.tested


def test_both_ways_round_it_is_the_same_noise():
    pairs = pair_noise(drawn(0, 5, 4))
    assert len(pairs) == 5 * 4
    for (first, second), noise in pairs.items():
        other = pairs[second, first]
        assert (noise.mean, noise.variance, noise.df) == (-other.mean, other.variance, other.df)


def test_fewer_than_four_methods_keep_their_own_variances():
    losses = drawn(1, 3, 4)
    assert prior_df_of(losses) == 0
    assert all(noise.variance == noise.sd**2 and noise.df == 3 for noise in pair_noise(losses).values())


def test_a_moderated_variance_by_hand():
    noise = own_noise({0: 3.0, 1: 5.0, 2: 7.0}, {0: 2.0, 1: 3.0, 2: 4.0})  # variance 1 with 2 degrees
    moderated = moderate(noise, prior_df=6.0, prior_variance=5.0, most_df=math.inf)
    assert (moderated.variance, moderated.df) == (pytest.approx((6 * 5 + 2 * 1) / 8), pytest.approx(8))
    assert (moderated.mean, moderated.sd) == (noise.mean, noise.sd)
    pooled = moderate(noise, prior_df=math.inf, prior_variance=5.0, most_df=20.0)
    assert (pooled.variance, pooled.df) == (5, 20)
    both = moderate(noise, prior_df=6.0, prior_variance=5.0, most_df=24.0)
    assert both.df == pytest.approx(1 / (1 / 8 + 1 / 24))  # the two uncertainties add up


def test_the_prior_is_found_that_the_variances_come_from():
    """Smyth's model: 1 / variance is chi-squared with d0 degrees of freedom over d0 s0^2."""
    rng = np.random.Generator(np.random.Philox(key=2))
    n = 40_000
    true = 6 * 2.0 / rng.chisquare(6, n)
    variances = true * rng.chisquare(3, n) / 3
    df, variance = prior(list(variances), [3] * n)
    assert df == pytest.approx(6, rel=0.12) and variance == pytest.approx(2, rel=0.03)


def test_variances_that_differ_by_chance_alone_are_one():
    variances = [1.0, 1.1, 0.9, 1.05]  # closer than two degrees of freedom let them be
    assert prior(variances, [2] * 4) == (math.inf, pytest.approx(np.mean(variances)))


@pytest.mark.parametrize("y", [1e-6, 0.1, 1.0, 1e6])
def test_inverse_trigamma(y):
    assert special.polygamma(1, inverse_trigamma(y)) == pytest.approx(y, rel=1e-9)


def test_dimensions_are_those_that_the_methods_vary_in():
    rng = np.random.Generator(np.random.Philox(key=4))
    shared, methods = rng.standard_normal((400, 1)), 8
    assert dimensions(rng.standard_normal((400, methods))) == pytest.approx(methods - 1, rel=0.1)
    one = shared * np.linspace(-1, 1, methods)  # all move along one direction
    assert dimensions(one + 5 * rng.standard_normal((400, 1))) == pytest.approx(1, abs=0.01)
    assert dimensions(np.ones((4, methods))) == 1 == dimensions(rng.standard_normal((2, methods)))


def test_pooled_degrees_of_freedom_are_of_the_largest_block():
    losses = drawn(5, 6, 12)
    assert 30 < np.ravel(pooled_df(losses))[0] <= 11 * 5
    assert pooled_df(losses | {"late": {0: 2.0}}) == pooled_df(losses)  # which has one seed alone
    assert np.ravel(pooled_df(dict(list(losses.items())[:3])))[0] == 1


def test_many_methods_with_few_seeds_have_more_than_two_degrees_of_freedom():
    noise = pair_noise(drawn(6, 12, 3))
    assert min(pair.df for pair in noise.values()) > 6
    moderated, own = [p.variance for p in noise.values()], [p.sd**2 for p in noise.values()]
    assert np.std(moderated) < np.std(own) / 2


def test_one_wild_method_leaves_the_others_their_noise():
    """It raises what is pooled, and moderated variances of the others by less than half."""
    calm = drawn(7, 10, 5)
    wild = drawn(7, 10, 5, sd=[0.01] * 9 + [1.0])
    before, after = pair_noise(calm), pair_noise(wild)
    names = [f"m{i}" for i in range(9)]
    ratios = [after[a, b].variance / before[a, b].variance for a in names for b in names if a < b]
    assert np.median(ratios) < 1.5 and prior_df_of(wild) < prior_df_of(calm)
    assert min(after[name, "m9"].variance for name in names) > 100 * before["m0", "m1"].variance
