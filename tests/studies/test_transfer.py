"""The transfer study on small invented numbers whose answers are known."""

import numpy as np
import pytest

from analysis.differences import rank_correlation
from nanosched.csv_files import write_csv
from schedulers import get_schedule
from studies.transfer.agreement import agreement, judge, share_right, slope
from studies.transfer.by_peak_runs import CONSTANT, COSINE, SETTINGS, WSD
from studies.transfer.predict import predict, smoothed, weighted
from studies.transfer.small_runs import COLUMNS, SPECS, read_runs, spec_of


def test_a_seed_is_judged_at_the_peak_that_the_others_choose():
    losses = {1.0: {0: 3.0, 1: 3.0, 2: 3.0}, 2.0: {0: 1.0, 1: 4.0, 2: 4.0}}
    judged = judge({COSINE: losses})[COSINE]
    # without seed 0 the lower peak is best, without 1 or 2 the higher one: (1 + 4) / 2 < 3
    assert judged.losses.tolist() == [3.0, 4.0, 4.0]
    assert (judged.peak_lr, judged.at_the_end) == (1.0, True)


def test_a_peak_where_a_seed_diverged_is_chosen_by_no_other_seed():
    losses = {1.0: {0: 2.0, 1: 2.0, 2: 2.0}, 2.0: {0: 1.0, 1: 1.0, 2: float("inf")}, 4.0: {0: 9, 1: 9, 2: 9}}
    judged = judge({COSINE: losses})[COSINE]
    assert judged.losses.tolist() == [2.0, 2.0, float("inf")] and judged.peak_lr == 1.0


def test_a_peak_with_fewer_seeds_only_tells_whether_the_best_is_an_end():
    losses = {2.0: {0: 1.0, 1: 1.0}, 4.0: {0: 2.0, 1: 2.0}}
    judged = judge({COSINE: losses, CONSTANT: {1.0: {0: 1.5}, **losses}, WSD[0.1]: {1.0: {0: 0.5}, **losses}})
    assert {one.peak_lr for one in judged.values()} == {2.0}
    assert [one.at_the_end for one in judged.values()] == [True, False, True]


def test_perfect_and_reversed_agreement():
    large = {setting: 0.01 * i for i, setting in enumerate(SETTINGS)}
    base = SETTINGS[0]
    for sign, rank in ((1, 1.0), (-1, -1.0)):
        small = {setting: np.full(3, sign * 0.02 * i) for i, setting in enumerate(SETTINGS)}
        found = agreement(small, large, base)
        assert found.rank_correlation.value == pytest.approx(rank)
        assert found.pairs_right.value == (rank + 1) / 2
        assert found.slope.value == pytest.approx(sign / 2)
        assert found.slope.low == pytest.approx(sign / 2) == found.slope.high
        assert (found.settings, found.pairs) == (10, 45)


def test_pairs_that_are_near_in_the_larger_model_dont_count():
    assert share_right(np.array([0.0, 1.0, 0.5]), np.array([0.0, 0.004, 0.01])) == 0.5
    assert np.isnan(share_right(np.array([0.0, 1.0]), np.array([0.0, 0.004])))
    assert slope(np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 3.0])) == pytest.approx(7 / 5)
    assert rank_correlation(np.array([1, 2, 3, 4]), np.array([1, 2, 4, 3])) == pytest.approx(0.8)


def test_every_setting_has_a_spec_of_its_own():
    arrays = {get_schedule(spec, 100, 1e-3, warmup_steps=10).lrs().tobytes() for spec in SPECS}
    assert len(arrays) == len(SETTINGS) == len(SPECS)


def test_models_count_by_how_sure_they_are():
    sure = {s: np.array([0.1, 0.1002]) for s in SETTINGS} | {COSINE: np.zeros(2)}
    unsure = {s: np.array([0.0, 1.0]) for s in SETTINGS} | {COSINE: np.zeros(2)}
    mean = weighted([sure, unsure])
    assert mean[COSINE] == 0 and mean[CONSTANT] == pytest.approx(0.1, abs=1e-3)


def test_linear_cooldowns_lie_on_a_parabola_in_the_log_of_their_length():
    exact = {s: 0.1 - 0.02 * np.log(s.cooldown_fraction) ** 2 for s in WSD.values()}
    assert smoothed(exact) == pytest.approx(exact)
    rough = {s: value + 0.01 * (-1) ** i for i, (s, value) in enumerate(exact.items())}
    assert max(abs(smoothed(rough)[s] - exact[s]) for s in exact) < 0.008


def test_predictions_come_from_runs_of_enough_steps_alone(tmp_path):
    """Differences of 0.01 per place in the list, ten times that in the runs that are too short."""
    rows = [
        dict(parameters=50_000, width=44, text="tiny Shakespeare", tokens_per_parameter=tokens, steps=steps,
             peak_lr=peak, schedule=spec_of(setting), seed=seed,
             final_val_loss=2 + size * i + (peak != 2) + 1e-5 * ((seed * 7 + i) % 3))
        for tokens, steps, size in ((20.0, 968, 0.1), (41.0, 1984, 0.01))
        for i, setting in enumerate(SETTINGS)
        for peak in (1, 2, 4)
        for seed in (0, 1, 2)
    ]  # fmt: skip
    write_csv(tmp_path / "runs.csv", COLUMNS, rows)
    grids = read_runs(tmp_path / "runs.csv")
    predicted = predict(grids)
    assert predicted[CONSTANT] == pytest.approx(-0.01 * SETTINGS.index(COSINE), abs=1e-4)
    assert predicted[COSINE] == 0
    shorter = min(grids, key=lambda regime: regime.steps)
    with pytest.raises(ValueError, match="no runs of 1900 steps"):
        predict({shorter: grids[shorter]})
