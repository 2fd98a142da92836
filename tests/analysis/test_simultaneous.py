"""Simultaneous intervals against closed forms, published tables, scipy and simulated comparisons."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from analysis.simultaneous import Interval, against_baseline, against_best, critical_value, exceedance

few = settings(max_examples=10, deadline=None)

# Dunnett 1964, New tables for multiple comparisons with a control, tables II and III (two-sided): df -> the
# quantile for 1 to 9 comparisons
FIVE_PERCENT = {
    5: [2.57, 3.03, 3.29, 3.48, 3.62, 3.73, 3.82, 3.90, 3.97],
    10: [2.23, 2.57, 2.76, 2.89, 2.99, 3.07, 3.14, 3.19, 3.24],
    20: [2.09, 2.38, 2.54, 2.65, 2.73, 2.80, 2.86, 2.90, 2.95],
    60: [2.00, 2.27, 2.41, 2.51, 2.58, 2.64, 2.69, 2.73, 2.77],
}
ONE_PERCENT = {10: [3.17, 3.53, 3.74, 3.88, 3.99, 4.08, 4.16, 4.22, 4.28]}


def drawn(key, methods, seeds, means=(), sd=0.01):
    """Losses with a share that all methods of a seed have in common, ten times their own noise."""
    rng = np.random.Generator(np.random.Philox(key=key))
    table = 2.3 + 10 * sd * rng.standard_normal(seeds) + sd * rng.standard_normal((methods, seeds))
    means = [*means, *[0.0] * (methods - len(means))]
    return {f"m{i}": dict(enumerate((row + means[i]).tolist())) for i, row in enumerate(table)}


def both(losses, **how):
    """The intervals to a baseline and to the best, by what they are to and whose they are."""
    found = {("baseline", name): i for name, i in against_baseline(losses, next(iter(losses)), **how).items()}
    return found | {("best", name): i for name, i in against_best(losses, **how).items()}


def columns(found):
    return {key: (i.n, i.mean, i.low, i.high, i.p) for key, i in found.items()}


def same(found, expected):
    assert found.keys() == expected.keys()
    for key in found:
        assert columns(found)[key] == pytest.approx(columns(expected)[key], rel=1e-6, abs=1e-9, nan_ok=True)


@st.composite
def losses_of(draw):
    """2 to 7 methods with 1 to 6 seeds, some of them missing, diverged, or the same run as another."""
    losses = drawn(draw(st.integers(0, 10_000)), draw(st.integers(2, 7)), draw(st.integers(1, 6)))
    for row in losses.values():
        for seed in draw(st.sets(st.sampled_from(sorted(row)), max_size=1)):
            row[seed] = draw(st.sampled_from([math.nan, math.inf, None]))
    if draw(st.booleans()):
        losses["m1"] = dict(losses["m0"])
    return losses


# --- quantiles


@pytest.mark.parametrize("df", [1, 2, 4.5, 10, 300])
@pytest.mark.parametrize("alpha", [0.05, 0.01, 0.001])
def test_one_comparison_is_students_t(df, alpha):
    assert critical_value(1, df, alpha) == pytest.approx(stats.t.isf(alpha / 2, df), rel=2e-5)


@pytest.mark.parametrize("alpha, table", [(0.05, FIVE_PERCENT), (0.01, ONE_PERCENT)])
def test_quantiles_are_those_of_dunnetts_tables(alpha, table):
    for df, row in table.items():
        found = [critical_value(m, df, alpha) for m in range(1, 10)]
        assert found == pytest.approx(row, abs=0.0101)  # the tables have two decimals


def test_the_distribution_is_scipys_for_groups_of_one_size():
    rng = np.random.default_rng(0)
    control, *groups = rng.standard_normal((5, 6)) + np.array([[0], [0.3], [0.9], [1.4], [-0.5]])
    test = stats.dunnett(*groups, control=control, random_state=np.random.default_rng(1))
    for statistic, p in zip(test.statistic, test.pvalue):
        assert exceedance(abs(statistic), 4, 25) == pytest.approx(p, abs=2e-3)


def test_quantiles_rise_with_comparisons_and_fall_with_degrees_of_freedom():
    dfs, numbers = (1, 2, 5, 20, 100, 1000), (1, 2, 9, 50)
    table = np.array([[critical_value(m, df, 0.05) for df in dfs] for m in numbers])
    assert (np.diff(table, axis=0) > 0).all() and (np.diff(table, axis=1) < 0).all()
    assert (table >= stats.norm.isf(0.025) - 1e-3).all()


@given(st.integers(1, 60), st.floats(1, 500), st.floats(0.001, 0.2))
@few
def test_the_quantile_is_the_inverse_of_the_probability(m, df, alpha):
    df = float(f"{df:.3g}")  # with as many digits as are kept
    assert exceedance(critical_value(m, df, alpha), m, df) == pytest.approx(alpha, rel=1e-6)


# --- intervals


@pytest.mark.parametrize("alpha", [0.05, 0.01])
def test_two_methods_are_the_paired_t_test(alpha):
    losses = drawn(0, 2, 5, means=[0.0, 0.012])
    a, b = (np.array(list(row.values())) for row in losses.values())
    test = stats.ttest_rel(b, a)
    interval = test.confidence_interval(1 - alpha)
    expected = pytest.approx((b.mean() - a.mean(), interval.low, interval.high, test.pvalue), rel=1e-3)
    found = against_baseline(losses, "m0", alpha)["m1"]
    assert (found.mean, found.low, found.high, found.p) == expected
    best = against_best(losses, alpha)
    assert (best["m1"].mean, best["m1"].low, best["m1"].p) == pytest.approx(
        (found.mean, found.low, found.p), rel=1e-12
    )
    assert best["m0"].mean == -best["m1"].mean and best["m0"].p == best["m1"].p


@few
@given(losses_of(), st.lists(st.integers(-3, 3), min_size=6, max_size=6), st.integers(-2, 2))
def test_what_a_seed_does_to_all_methods_and_what_is_added_to_all_changes_nothing(losses, shifts, more):
    moved = {
        name: {s: x if x is None else x + shifts[s] + more for s, x in row.items()}
        for name, row in losses.items()
    }
    same(both(moved), both(losses))


@few
@given(losses_of(), st.randoms())
def test_the_order_of_methods_and_seeds_changes_nothing(losses, random):
    def shuffled(items):
        return dict(random.sample(list(items.items()), len(items)))

    mixed = shuffled({name: shuffled(row) for name, row in losses.items()})
    same(
        dict(sorted(against_best(mixed).items())),
        dict(sorted(against_best(losses).items())),
    )
    same(
        dict(sorted(against_baseline(mixed, "m1").items())),
        dict(sorted(against_baseline(losses, "m1").items())),
    )


@few
@given(losses_of(), st.sampled_from([0.25, 4.0]))
def test_other_units_are_other_units(losses, factor):
    scaled = {
        name: {s: x if x is None else factor * x for s, x in row.items()} for name, row in losses.items()
    }
    for key, found in both(scaled).items():
        before = both(losses)[key]
        assert (found.mean, found.low, found.high, found.p) == pytest.approx(
            (factor * before.mean, factor * before.low, factor * before.high, before.p), rel=1e-6, nan_ok=True
        )


@few
@given(losses_of(), st.sampled_from([0.05, 0.2]))
def test_an_interval_leaves_out_zero_where_its_p_is_below_alpha(losses, alpha):
    for found in both(losses, alpha=alpha).values():
        if math.isnan(found.low):
            assert math.isnan(found.high) and math.isnan(found.p)
        else:
            assert (found.low > 0 or found.high < 0) == (found.p < alpha)
            assert found.low - 1e-12 <= found.mean <= found.high + 1e-12 and 0 <= found.p <= 1


@few
@given(losses_of())
def test_the_lowest_may_always_be_the_best_where_all_have_all_seeds(losses):
    losses = {name: row for name, row in losses.items() if all(x and math.isfinite(x) for x in row.values())}
    found = against_best(losses) if len(losses) > 1 else {}
    if found and not math.isnan(next(iter(found.values())).low):
        lowest = min(losses, key=lambda name: np.mean(list(losses[name].values())))
        assert found[lowest].low <= 0
        assert sum(i.high < 0 for i in found.values()) <= 1


def test_identical_methods():
    losses = drawn(3, 2, 4, means=[0.0, 0.5])
    losses |= {"twin": dict(losses["m0"])}
    assert against_baseline(losses, "m0")["twin"] == Interval(4, 0.0, 0.0, 0.0, 1.0, True, "m0")
    best = against_best(losses)
    assert best["m0"].identical and best["twin"].identical and best["m1"].low > 0
    assert not best["m1"].identical


def test_one_seed_has_a_mean_and_no_interval():
    losses = dict(a={0: 1.0}, b={0: 1.5}, c={0: 3.0})
    for found in both(losses).values():
        assert found.n == 1 and math.isnan(found.low) and math.isnan(found.high) and math.isnan(found.p)
    assert [i.mean for i in against_best(losses).values()] == [-0.5, 0.5, 2.0]
    assert [i.mean for i in against_baseline(losses, "b").values()] == [-0.5, 1.5]


def test_only_seeds_in_common_count():
    losses = dict(
        a={0: 1.0, 1: 1.1, 2: 1.21, 3: 9.0}, b={0: 2.0, 1: 2.11, 2: 2.2, 3: None, 4: 0.0}, gone={0: math.nan}
    )
    found = against_baseline(losses, "a")
    common = {name: {s: losses[name][s] for s in range(3)} for name in "ab"}
    assert found["b"] == against_baseline(common, "a")["b"] and found["b"].n == 3
    assert found["gone"].n == 0 and math.isnan(found["gone"].mean)
    assert "gone" not in against_best(losses)


def nearly_diverged(means=()):
    losses = drawn(11, 9, 5, [*means, *[0.0] * (9 - len(means))])
    losses["m8"] = {seed: loss + 0.6 * (seed == 2) + 0.05 for seed, loss in losses["m8"].items()}
    return losses


def test_a_run_that_nearly_diverged_leaves_the_intervals_of_the_others():
    losses = nearly_diverged()
    others = {name: row for name, row in losses.items() if name != "m8"}
    before, after = against_best(others), against_best(losses)
    for name, found in before.items():
        assert (after[name].low, after[name].high) == pytest.approx((found.low, found.high), abs=2e-3)
    assert after["m8"].low > 0 and after["m8"].p < 0.05 and after["m8"].high > 0.5


def test_a_run_that_nearly_diverged_is_no_reason_to_be_called_better_or_equal():
    found = against_baseline(nearly_diverged(), "m8")
    assert all(i.low < -0.5 and i.high < 0 and i.p < 0.05 for i in found.values())
    level = {name: {s: x - 0.05 for s, x in row.items()} for name, row in nearly_diverged().items()}
    level |= {name: row for name, row in nearly_diverged().items() if name != "m8"}
    assert all(i.low < -0.2 and i.high > 0 and i.p > 0.05 for i in against_baseline(level, "m8").values())


@pytest.mark.parametrize("mean", [-0.06, -0.05, -0.03, 0.0, 0.03])
def test_beside_a_run_that_nearly_diverged_an_interval_leaves_out_zero_where_its_p_is_below_alpha(mean):
    for found in both(nearly_diverged([0.0] * 8 + [mean])).values():
        assert (found.low > 0 or found.high < 0) == (found.p < 0.05)
        assert found.low <= found.mean <= found.high and 0 <= found.p <= 1


@few
@given(st.randoms())
def test_with_a_run_that_nearly_diverged_order_does_not_matter_either(random):
    losses = nearly_diverged()
    mixed = dict(random.sample(list(losses.items()), len(losses)))
    same(dict(sorted(against_best(mixed).items())), dict(sorted(against_best(losses).items())))


# --- simulated comparisons

EXPERIMENTS = 200


def share(happens):
    return np.mean([happens(key) for key in range(EXPERIMENTS)])


def close_to(expected):
    """Within four standard errors."""
    return pytest.approx(expected, abs=4 * math.sqrt(expected * (1 - expected) / EXPERIMENTS))


def test_all_intervals_to_a_baseline_hold_in_95_of_100_comparisons():
    means = [0.002 * i for i in range(6)]

    def hold(key):
        found = against_baseline(drawn(key, 6, 3, means), "m0")
        return all(i.low < mean < i.high for i, mean in zip(found.values(), means[1:]))

    assert share(hold) == close_to(0.95)


def test_intervals_to_a_clear_best_hold_in_95_of_100_comparisons():
    means = [-1.0, 0.0, 0.001, 0.002, 0.003]

    def hold(key):
        found = against_best(drawn(key, 5, 3, means))
        return all(found[f"m{i}"].low < means[i] + 1 < found[f"m{i}"].high for i in range(1, 5))

    assert share(hold) == close_to(0.95)


def test_of_several_equally_good_methods_none_is_called_worse():
    """In the strong sense: the last one is far above, and says nothing of the others."""

    def wrong(key):
        found = against_best(drawn(key, 5, 3, [0.0] * 4 + [0.5]))
        assert found["m4"].low > 0
        return any(found[f"m{i}"].low > 0 for i in range(4))

    assert share(wrong) < 0.05 + 4 * math.sqrt(0.05 * 0.95 / EXPERIMENTS)


@pytest.mark.parametrize("seeds", [3, 5])
def test_with_one_method_that_is_far_noisier_none_of_equal_ones_is_called_worse(seeds):
    def wrong(key):
        losses = drawn(key, 8, seeds)
        noisy = np.random.Generator(np.random.Philox(key=10_000 + key)).standard_normal(seeds)
        losses["m7"] = {seed: loss + 0.3 * noisy[seed] for seed, loss in losses["m7"].items()}
        return any(found.low > 0 for found in against_best(losses).values())

    assert share(wrong) < 0.05 + 4 * math.sqrt(0.05 * 0.95 / EXPERIMENTS)


def test_all_intervals_to_a_baseline_hold_beside_one_method_that_is_far_noisier():
    means = [0.002 * i for i in range(8)]

    def hold(key):
        losses = drawn(key, 8, 5, means)
        noisy = np.random.Generator(np.random.Philox(key=20_000 + key)).standard_normal(5)
        losses["m7"] = {seed: loss + 0.3 * noisy[seed] for seed, loss in losses["m7"].items()}
        found = against_baseline(losses, "m0")
        return all(i.low < mean < i.high for i, mean in zip(found.values(), means[1:]))

    assert share(hold) == close_to(0.95)
