"""The noise of differences: moderated variances by hand, and what they are estimated from."""

import math

import numpy as np
import pytest
from scipy import special

from analysis.noise import (
    alone,
    dimensions,
    inverse_trigamma,
    loud_methods,
    moderate,
    own_noise,
    own_noises,
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


def loud(losses):
    return loud_methods(losses, own_noises(losses))


def test_one_wild_method_leaves_the_others_their_noise():
    """Which is what it is without the wild one."""
    wild = drawn(7, 10, 5, sd=[0.01] * 9 + [1.0])
    others = {name: row for name, row in wild.items() if name != "m9"}
    before, after = pair_noise(others), pair_noise(wild)
    assert loud(wild) == {"m9"} and {pair: after[pair] for pair in before} == before
    assert prior_df_of(wild) == prior_df_of(others) > 0


@pytest.mark.parametrize("seeds", [3, 5])
def test_pairs_of_a_wild_method_are_on_their_own(seeds):
    pairs = pair_noise(drawn(8, 10, seeds, sd=[0.01] * 9 + [1.0]))
    for i in range(9):
        pair = pairs[f"m{i}", "m9"]
        assert (pair.variance, pair.df) == (pytest.approx(pair.sd**2), seeds - 1)
    low = alone(own_noise({0: 1.0, 1: 1.0 + 1e-6}, {0: 0.0, 1: 0.0}), 6.0, 5.0, 24.0)
    assert low.df == 1 and low.variance == pytest.approx(6 * 5 / 7)  # never below what the others say


def test_three_wild_methods_of_ten_are_found():
    assert loud(drawn(9, 10, 5, sd=[0.01] * 7 + [1.0, 0.8, 0.6])) == {"m7", "m8", "m9"}


def test_four_methods_are_too_few_to_say_which_is_wild():
    assert loud(drawn(9, 4, 5, sd=[0.01] * 3 + [1.0])) == frozenset()


@pytest.mark.parametrize("seeds", [3, 5])
def test_methods_that_vary_alike_are_hardly_ever_loud(seeds):
    assert sum(bool(loud(drawn(100 + key, 12, seeds))) for key in range(100)) <= 4


def went_up(by, seeds=5):
    losses = drawn(10, 10, seeds)
    losses["m9"] = {seed: loss + by * (seed == 1) for seed, loss in losses["m9"].items()}
    return losses


def test_other_seeds_bound_a_method_from_below_whose_one_run_went_up():
    losses, up = went_up(0.0), went_up(0.6)
    pair = pair_noise(up)["m9", "m0"]
    four = own_noise({seed: losses["m9"][seed] for seed in (0, 2, 3, 4)}, losses["m0"])
    assert (pair.n, pair.calm.n, pair.calm.mean) == (5, 4, pytest.approx(four.mean))
    assert pair.variance > 100 * pair.calm.variance and pair.calm.df > 3 and pair.calm.mean < pair.mean
    assert (-pair).calm.mean == -pair.calm.mean and pair_noise(up)["m0", "m9"] == -pair


@pytest.mark.parametrize("by, seeds", [(0.0, 5), (-0.6, 5), (0.6, 3)])
def test_no_run_is_left_out_that_did_not_go_up_or_of_three(by, seeds):
    """A run far down is not good luck to be taken away, nor bad."""
    assert all(pair.calm is None for pair in pair_noise(went_up(by, seeds)).values())


def test_noise_that_goes_both_ways_leaves_no_run_out():
    """Ten times as much as the others have, of five seeds."""
    for key in range(40):
        losses = drawn(200 + key, 10, 5, sd=[0.01] * 9 + [0.1])
        assert all(pair.calm is None for pair in pair_noise(losses).values())


def test_a_run_that_went_up_is_no_excuse_for_the_noise_of_another_method():
    """Without the seed that went up, a pair with a method that is loud in all seeds stays noisy."""
    sd = np.full(10, 0.002)
    sd[1] = 0.05
    losses = drawn(7, 10, 5, sd)
    losses["m0"][4] += 0.5
    pair = pair_noise(losses)["m0", "m1"]
    calm = own_noise({seed: losses["m0"][seed] for seed in range(4)}, losses["m1"])
    assert pair.calm.variance >= calm.variance and pair.calm.df == calm.df
