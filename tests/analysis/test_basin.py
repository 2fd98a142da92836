"""Where a basin is lowest: the parabola, its interval over seeds, and peak lrs that can't be told apart."""

import math

import numpy as np
import pytest
from helpers_results import comparison_of, result
from hypothesis import given
from hypothesis import strategies as st

from analysis.basin import bottom
from analysis.tuning_words import tuning_notes

PEAKS = [1e-3 * 2.0**k for k in range(-2, 3)]


def basin(loss, seeds=1, peaks=PEAKS):
    return {peak: {seed: loss(math.log2(peak / 1e-3), seed) for seed in range(seeds)} for peak in peaks}


@given(st.floats(-1.4, 1.4), st.floats(0.01, 10), st.floats(-5, 5))
def test_the_lowest_point_of_a_parabola_is_found(lowest, curvature, level):
    found = bottom(basin(lambda x, seed: level + curvature * (x - lowest) ** 2))
    assert math.log2(found.peak / 1e-3) == pytest.approx(lowest, abs=1e-6)
    assert math.isnan(found.low) and math.isnan(found.high)  # one seed


def test_peak_lrs_that_are_refined_lie_closer():
    peaks = [1e-3, 2e-3, math.sqrt(8) * 1e-3, 4e-3, 8e-3]
    found = bottom(basin(lambda x, seed: (x - 1.7) ** 2, peaks=peaks))
    assert math.log2(found.peak / 1e-3) == pytest.approx(1.7)


def test_where_there_is_no_worse_one_on_either_side_nothing_is_fitted():
    edge, flat = basin(lambda x, seed: x), basin(lambda x, seed: 2.0)
    lost = basin(lambda x, seed: math.inf if x > 0 else -x, seeds=2)
    few = basin(lambda x, seed: x**2, peaks=PEAKS[:2])
    assert all(math.isnan(bottom(losses).peak) for losses in (edge, flat, lost, few, {}))


def test_a_peak_lr_with_fewer_seeds_does_not_count():
    losses = basin(lambda x, seed: (x - 0.3) ** 2, seeds=3)
    assert bottom(losses | {1e-4: {0: -9.0}}) == bottom(losses)


def noisy(key, noise, seeds):
    table = noise * np.random.Generator(np.random.Philox(key=key)).normal(size=(seeds, len(PEAKS)))
    return basin(lambda x, seed: 0.1 * (x - 0.2) ** 2 + seed + table[seed, round(x) + 2], seeds)


def test_the_interval_narrows_with_seeds_and_is_the_same_at_every_call():
    few, many = (bottom(noisy(1, 0.02, seeds)) for seeds in (4, 16))
    assert few == bottom(noisy(1, 0.02, 4))
    assert few.low < few.peak < few.high and many.low < many.peak < many.high
    assert math.log(many.high / many.low) < math.log(few.high / few.low)
    still = bottom(noisy(1, 0.0, 4))  # a seed's level alone moves nothing
    assert still.high / still.low == pytest.approx(1)


def test_the_interval_covers_the_lowest_point_in_most_comparisons():
    found = [bottom(noisy(key, 0.02, 4)) for key in range(2, 202)]
    covered = sum(b.low <= 1e-3 * 2**0.2 <= b.high for b in found)
    assert 180 <= covered <= 200


def tuned(losses, tuning_seeds, judged):
    """A comparison of a schedule with these losses by peak lr and seed, judged at one of them."""
    results = [
        result("wsd", loss, peak_lr=peak, seed=seed)
        for peak, row in losses.items()
        for seed, loss in row.items()
    ]
    results += [result("wsd", loss, peak_lr=judged[0], seed=seed) for seed, loss in judged[1].items()]
    return comparison_of(results, tuned=True, tuning_seeds=tuning_seeds)


def test_peak_lrs_that_the_seeds_cannot_tell_apart_are_named():
    losses = noisy(3, 0.02, 4)
    losses[2e-3] = {seed: loss + 0.01 * (-1) ** seed for seed, loss in losses[1e-3].items()}
    comparison = tuned(losses, (0, 1, 2, 3), (1e-3, {4: 2.0, 5: 2.0}))
    (entry,) = comparison.tuned_entries.values()
    assert entry.best.setting.peak_lr in (1e-3, 2e-3) and len(entry.as_good) == 1
    who, apart = tuning_notes(comparison)
    assert who.startswith("Peak lrs are chosen with seeds 0, 1, 2, 3; losses and verdicts are of seeds 4, 5")
    assert "another peak lr may be as good as the chosen one: wsd (1e-3, or 2e-3)" in apart.replace(
        "2e-3, or 1e-3", "1e-3, or 2e-3"
    )


def test_a_sharp_basin_is_told_from_all_others():
    comparison = tuned(noisy(3, 0.0005, 4), (0, 1, 2, 3), (1e-3, {4: 2.0}))
    assert tuning_notes(comparison)[1] == "Each chosen peak lr is told from all others that were tried."


def test_the_judged_loss_is_of_the_judging_seeds_alone():
    losses = basin(lambda x, seed: x**2 + seed, seeds=2)
    comparison = tuned(losses, (0, 1), (1e-3, {2: 7.0, 3: 9.0}))
    ((row,),) = (ranking.rows for ranking in comparison.judged.values())
    assert row.entry.loss == 8.0 and sorted(row.entry.losses) == [2, 3]
    (entry,) = comparison.tuned_entries.values()
    assert entry.chosen.loss == 0.5 and len(entry.results) == 12
    assert all(row.entry.seeds == 2 and row.entry.loss < 5 for row in comparison.rows)  # of those that chose


def test_before_a_judging_seed_has_ended_those_that_chose_are_shown_and_it_is_said():
    comparison = tuned(basin(lambda x, seed: x**2 + seed, seeds=2), (0, 1), (1e-3, {}))
    ((row,),) = (ranking.rows for ranking in comparison.judged.values())
    assert row.entry.loss == 0.5 and tuning_notes(comparison)[0].startswith(
        "The seeds that chose the peak lrs"
    )


def test_the_common_peak_lr_is_ranked_by_the_seeds_that_all_have_there():
    results = [
        result(name, loss, peak_lr=peak, seed=seed)
        for name, peak, row in [
            ("a", 0.01, {0: 1.0, 1: 5.0}),
            ("a", 0.02, {0: 2.0, 1: 6.0}),
            ("b", 0.01, {0: 2.0}),  # far from its best, where the first seed alone was trained
            ("b", 0.04, {0: 1.0, 1: 1.0}),
        ]
        for seed, loss in row.items()
    ]
    results += [result("a", 3.0, peak_lr=0.01, seed=2), result("b", 2.5, peak_lr=0.04, seed=2)]
    comparison = comparison_of(results, tuned=True, tuning_seeds=(0, 1))
    a, b = sorted(comparison.tuned_entries.values(), key=lambda entry: entry.scheduler)
    assert (a.common_rank, b.common_rank) == (1, 2)
    assert a.common_loss == 3.0 and b.common_loss == 2.5 + 1.0  # higher by 1 with the seed that has both
