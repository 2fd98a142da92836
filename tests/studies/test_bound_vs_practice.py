"""The bound beside losses: the house's small runs, and 124M runs whose losses are the bound itself."""

from dataclasses import replace

import numpy as np
import pytest
from helpers import ROOT

from studies.bound_vs_practice import errors, measures
from studies.bound_vs_practice.errors import contrasts, errors_of
from studies.bound_vs_practice.families import ABOVE, CYCLES, LONG, ORDER, SHORT, family_of
from studies.bound_vs_practice.figure import draw_bound
from studies.bound_vs_practice.measures import drawn, others_say, share_right
from studies.bound_vs_practice.page import study_of, write_readme
from studies.bound_vs_practice.peaks import best_peaks, peak_change
from studies.bound_vs_practice.predictors import Point, measured_peak, scales
from studies.bound_vs_practice.regimes import LARGE, SMALL, lrs_once, read_data
from studies.transfer.by_peak_runs import HORIZONS, PEAKS, SETTINGS, Run, read_losses
from theory import bound

RESULTS, SHARED = ROOT / "results", ROOT.parent / "shared" / "data"
DISTANCE, FACTOR = 0.35, 40.0


@pytest.fixture(scope="module")
def data():
    """Losses at 124M are 3 plus the bound, at a distance and with a factor that are to be found."""
    runs = [Run(setting, peak, steps) for setting in SETTINGS for peak in PEAKS for steps in HORIZONS]
    losses = {run: 3 + FACTOR * bound(lrs_once(run), distance=DISTANCE) for run in runs}
    return read_data(RESULTS, losses)


@pytest.fixture
def few_draws(monkeypatch):
    """For what is not about intervals."""
    for module in (measures, errors):
        monkeypatch.setattr(module, "DRAWS", 50)


def test_what_each_regime_is_made_of(data):
    small, large = data.small_best, data.large_best[25_000]
    names = {point.name for point in small.points}
    assert small.schedules == 21 and small.seeds == 5 and not names & {"plateau", "exponential"}
    assert {point.name for point in data.small_one.points} == names | {"exponential"}
    linear = next(point for point in small.points if point.name == "linear")
    assert linear.peak_lr == linear.lrs.max() == 0.016  # what seed 0 chose, which doesn't judge
    assert linear.loss == pytest.approx(1.8134607536237084)
    assert data.small_every.seeds == 1 and len(data.small_every.points) == 75
    assert large.schedules == len(SETTINGS) and len(data.large_every[15_000].points) == 3 * len(SETTINGS)
    assert "constant" not in {point.name for point in large.without_constant().points}


def test_the_other_horizon_stands_beside_each_point(data):
    at = {(point.name, point.peak_lr): point.loss for point in data.large_one[15_000].points}
    for point in data.large_one[25_000].points:
        assert point.other_horizon == at[point.name, point.peak_lr]


def test_the_two_open_numbers_are_found_in_losses_that_are_the_bound(data, few_draws):
    scale = scales(data)[LARGE]
    assert scale.distance == pytest.approx(DISTANCE, rel=0.02)
    assert scale.factor == pytest.approx(FACTOR, rel=0.1)  # the grid of peaks is coarse
    study = study_of(data)
    every = study.of(data.large_every[25_000])
    assert every.bound_name == "bound, as trained"
    assert every.bound.rank.value > 0.99 and every.bound.slope.value == pytest.approx(1, abs=0.1)
    assert study.wrong_peaks[1].slope.value == pytest.approx(1, abs=0.1)
    assert abs(errors_of(data.large_best[25_000], scale)).max() < 0.01


def test_best_peaks_and_their_change_are_those_of_the_bound(data, few_draws):
    scale = scales(data)[LARGE]
    longer, shorter = (best_peaks(data.large_every[steps], scale) for steps in (25_000, 15_000))
    assert len(longer.rows) == len(SETTINGS) and longer.bound.rank.value > 0.9
    change = peak_change(shorter, longer)
    assert change.schedules == len(SETTINGS)
    assert change.bound == pytest.approx(-0.37, abs=0.02)  # half an octave for each octave of steps
    assert change.measured.value == pytest.approx(change.bound, abs=0.1)


@pytest.mark.parametrize("lowest", [0.7e-3, 1e-3, 1.9e-3, 2.6e-3])
def test_a_parabola_is_lowest_where_it_was_made_to_be(lowest):
    def point(peak):
        return Point("", "", peak, np.ones(1), np.array([np.log2(peak / lowest) ** 2]))

    assert measured_peak([point(peak) for peak in (2e-3, *PEAKS[:2])]) == pytest.approx(lowest)
    assert np.isnan(measured_peak([point(peak) for peak in PEAKS[:2]]))


def test_pairs_that_are_near_dont_count_and_ties_are_half_right():
    measured = np.array([3.0, 3.004, 3.02])
    assert share_right(np.array([1.0, 2.0, 3.0]), measured) == 1
    assert share_right(np.array([2.0, 1.0, 3.0]), measured) == 1  # the first two are too near to tell
    assert share_right(np.array([1.0, 3.0, 3.0]), measured) == 0.75
    assert share_right(np.array([3.0, 2.0, 1.0]), measured) == 0


def test_intervals_hold_what_was_found_and_draw_a_schedule_whole(few_draws):
    rng = np.random.Generator(np.random.Philox(1))
    x = np.arange(12.0)
    measured = (x + rng.normal(0, 2, 12))[:, None] + rng.normal(0, 0.5, (12, 5))
    singly = drawn(x, measured, [np.array([i]) for i in range(12)])
    for number in (singly.rank, singly.right, singly.slope):
        assert number.low < number.value < number.high
    assert drawn(x, measured, [np.arange(12)]).slope.high == pytest.approx(singly.slope.value, abs=0.1)
    assert not singly.minus(singly).draws.any()


def test_the_other_seeds_say_what_the_seeds_have_in_common(data):
    points = [replace(p, losses=p.losses.mean() + np.zeros(5)) for p in data.small_best.points]
    same = others_say(replace(data.small_best, points=points))
    assert same.rank.value == pytest.approx(1) and same.slope.value == pytest.approx(1)
    assert others_say(data.small_best).rank.value < 0.95
    assert others_say(data.small_every) is None


@pytest.mark.parametrize(
    "spec, family",
    [
        ("wsd:cooldown=0.4", SHORT),
        ("wsd:cooldown=0.6", LONG),
        ("wsd:cooldown=0.2,shape=sqrt", SHORT),
        ("cosine", ABOVE),
        ("cosine:final_lr_ratio=0", LONG),
        ("cyclic", CYCLES),
        ("linear", LONG),
    ],
)
def test_families(spec, family):
    assert family_of(spec) == family and family in ORDER


def test_pairs_are_told_from_the_noise(data):
    found = {(c.name, c.minus): c for c in contrasts(data.large_best[25_000], scales(data)[LARGE])}
    wrong = found["constant", "wsd 20% linear"]
    low = replace(wrong, predicted=-wrong.predicted)
    assert low.verdict == "the other way"
    assert replace(wrong, predicted=wrong.measured.value).verdict == "as predicted"
    assert replace(wrong, predicted=wrong.measured.value / 2).verdict == "more than predicted"
    assert replace(wrong, predicted=wrong.measured.value * 2).verdict == "less than predicted"
    at_small = contrasts(data.small_best, scales(data)[SMALL])
    assert {c.verdict for c in at_small if c.thing == "several cooldowns"} == {"as predicted"}


def test_the_page_and_its_figure(data, few_draws, tmp_path):
    study = study_of(data)
    page = write_readme(tmp_path, study).read_text()
    assert page.count("| 0.1M, each at its tuned peak |") == 5 and "nan" not in page
    assert f"\n{study.finding}.\n" in page and "charges a wrong peak 1 to " in study.finding
    assert "| 124M, 25,000 steps, every peak from 5e-4 | 10 | 30 | 1 |" in page
    assert draw_bound(tmp_path, study).stat().st_size > 10_000


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the 124M runs")
def test_the_committed_page_states_what_the_runs_say(few_draws):
    study = study_of(read_data(RESULTS, read_losses(SHARED)))
    page = (RESULTS / "bound_vs_practice" / "README.md").read_text()
    assert f"\n{study.finding}.\n" in page
    for one in study.judged:
        cells = [f" {one.all[name].rank.value:.2f} (" for name in one.all]
        row = next(
            line for line in page.split("## Rank correlation")[1].splitlines() if one.regime.name in line
        )
        assert all(cell in row for cell in cells)
