"""The simulations count what analysis/ decides: many comparisons at once give each one's own numbers."""

import numpy as np
import pytest
from helpers import ROOT

from analysis import simultaneous
from analysis.looks import LOOKS
from analysis.race import race as race_of_one
from analysis.verdicts import Verdict, verdict_of
from nanosched.csv_files import write_csv
from studies.decisions.batch import Intervals, against_baseline, against_best, pairs_of
from studies.decisions.coverage import COVERAGE_COLUMNS, coverage_cells, coverage_row, lowest_other
from studies.decisions.coverage import Cell as CoverageCell
from studies.decisions.data import read_tables
from studies.decisions.figure import draw_decisions
from studies.decisions.noise import even, independent, read_noises
from studies.decisions.page import write_readme
from studies.decisions.races import (
    BETTER,
    EQUIVALENT,
    MARGIN,
    RACE_COLUMNS,
    UNDECIDED,
    WORSE,
    Cell,
    race,
    race_row,
    verdicts_of,
)

KINDS = {
    UNDECIDED: Verdict.UNDECIDED,
    EQUIVALENT: Verdict.EQUIVALENT,
    WORSE: Verdict.WORSE,
    BETTER: Verdict.BETTER,
}


def generator(key):
    return np.random.Generator(np.random.Philox(key=key))


def as_losses(table, seeds):
    """(seeds, methods) as analysis/ takes it."""
    return {f"m{i}": {s: float(table[s, i]) for s in range(seeds[i])} for i in range(table.shape[1])}


@pytest.fixture(scope="module")
def noises():
    return read_noises(ROOT / "results")


@pytest.mark.parametrize("methods", [2, 4, 12])
def test_batched_intervals_are_those_of_each_comparison(noises, methods):
    rng = generator(1)
    losses = noises[1].draw(rng, 4, 8, methods)
    losses[:, :, 0] -= 0.01
    seeds = rng.choice([3, 5, 8], (4, methods))
    seeds[0] = 8
    pairs = pairs_of(losses, seeds)
    to_baseline, to_best = against_baseline(pairs, 0, 0.03), against_best(pairs, 0.03)
    for r in range(4):
        one = as_losses(losses[r], seeds[r])
        expected = simultaneous.against_baseline(one, "m0", 0.03)
        for i in range(1, methods):
            found = to_baseline.low[r, i], to_baseline.high[r, i]
            assert found == pytest.approx((expected[f"m{i}"].low, expected[f"m{i}"].high), abs=1e-9)
        expected = simultaneous.against_best(one, 0.03)
        for i in range(methods):
            found = to_best.low[r, i], to_best.high[r, i]
            assert found == pytest.approx((expected[f"m{i}"].low, expected[f"m{i}"].high), abs=1e-9)


@pytest.mark.parametrize("baseline", [0, None])
def test_batched_races_are_those_of_each_comparison(noises, baseline):
    losses = noises[1].draw(generator(2), 3, LOOKS[-1], 5) + 0.004 * np.arange(5)
    outcome = race(losses, LOOKS, baseline)
    for r in range(3):
        one = race_of_one(
            as_losses(losses[r], [LOOKS[-1]] * 5), LOOKS, None if baseline is None else "m0", MARGIN
        )
        for name, decision in one.decisions.items():
            i = int(name[1:])
            assert KINDS[outcome.verdicts[r, i]] is decision.verdict
            assert outcome.seeds[r, i] == decision.seeds


@pytest.mark.parametrize("to_best", [True, False])
def test_batched_verdicts_are_read_off_as_each_is(to_best):
    ends = np.array([-0.02, -0.004, -0.001, 0.001, 0.004, 0.02])
    low, high = (found.ravel() for found in np.meshgrid(ends, ends))
    low, high = low[low <= high], high[low <= high]
    for kind, *end in zip(verdicts_of(Intervals(low, high), to_best), low, high):
        interval = simultaneous.Interval(3, sum(end) / 2, *end, 0.5)
        assert KINDS[kind] is verdict_of(interval, MARGIN, not to_best)


def test_noise_of_real_runs(noises):
    found = {noise.name: noise for noise in noises}
    real = found["reference-cpu"].covariance
    assert np.linalg.matrix_rank(real) == 4 and len(real) == 20  # five seeds; constant and plateau are one
    half = found["reference-cpu, half even"]
    assert np.linalg.matrix_rank(half.covariance) == 20
    assert np.trace(half.covariance) == pytest.approx(np.trace(real))
    assert half.covariance.sum() == pytest.approx(real.sum())
    assert found["independent"].pair_sd == pytest.approx(0.007)
    assert even(independent(4).covariance) == pytest.approx(independent(4).covariance)


def test_drawn_losses_have_the_noise_and_no_method_is_better():
    noise = independent(6)
    losses = noise.draw(generator(3), 4000, 5, 4)
    assert losses.shape == (4000, 5, 4)
    assert (losses[..., 0] - losses[..., 1]).std() == pytest.approx(noise.pair_sd, rel=0.03)
    assert abs((losses[..., 0] - losses[..., 1]).mean()) < 4 * noise.pair_sd / 20000**0.5


def test_rows_are_the_same_each_time_and_count_what_is_there(noises):
    cell = Cell(noises[0], 4, "baseline", 4.0, "looks", comparisons=40)
    row = race_row(cell)
    assert race_row(cell) == row
    assert row["power"] > 0.95 and row["any_wrong"] < 0.2 and row["seeds"] < LOOKS[-1]
    fixed = race_row(Cell(noises[0], 4, "baseline", 4.0, "fixed", comparisons=40))
    assert fixed["runs"] == 4 * LOOKS[-1]


def test_coverage_counts_intervals_that_hold():
    found = coverage_row(CoverageCell("best", "one better by far", 5, 4, comparisons=300))
    assert 0.9 < found["coverage"] < 0.99
    assert lowest_other(np.array([1.0, 2.0, 3.0])).tolist() == [2, 1, 1]


def test_the_page_says_what_the_tables_hold(tmp_path):
    """From numbers made up here: an error that is too large is not called holding."""
    write_csv(tmp_path / "coverage.csv", COVERAGE_COLUMNS, map(covered, coverage_cells()))
    rows = [
        dict.fromkeys(RACE_COLUMNS, 0.5)
        | dict(noise=f"noise {i}", methods=m, against=against, effect=effect, design=design, comparisons=1000)
        | dict(any_wrong=0.04 if against == "best" else 0.07, runs=m * 8)
        for i in range(2)
        for m in (4, 9)
        for against in ("baseline", "best")
        for effect in (0.0, 1.0, 4.0)
        for design in ("looks", "fixed")
    ]
    write_csv(tmp_path / "races.csv", RACE_COLUMNS, rows)
    tables = read_tables(tmp_path)
    assert {row.holds for row in tables.aa("best")} == {True}
    assert {row.holds for row in tables.aa("baseline")} == {False}
    text = write_readme(tmp_path, tables).read_text()
    assert "59 of 60" not in text and "40 of 40 cells" not in text and "39 of 40 cells" in text
    assert "7.00%" in text and "72 of 180" in text and "60%" in text
    assert draw_decisions(tmp_path, tables).stat().st_size > 10_000


def covered(cell):
    low = (cell.against, cell.seeds, cell.methods) == ("baseline", 3, 2)
    return vars(cell) | dict(coverage=0.92 if low else 0.95)
