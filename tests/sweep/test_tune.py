"""Peak lrs by factors of two: the grid grows until the best is within it, and the table says the cost."""

import csv
import math
from types import SimpleNamespace

import pytest
from helpers_results import finished_run
from hypothesis import given
from hypothesis import strategies as st

from analysis.text import format_lr
from compare import mean_losses
from schedulers import get_schedule
from sweep.plan import Run
from sweep.tune import FACTOR, MAX_STEPS, Grid, first_grids, next_peak, refined, settings_of


def search(loss, start=1e-3):
    """All peak lrs that a search tries for a loss that is a function of them."""
    peaks = [start / 2, start, 2 * start]
    began = peaks[0], peaks[-1]
    while peak := next_peak({p: loss(p) for p in peaks}, began):
        assert peak not in peaks
        peaks.append(peak)
    return sorted(peaks)


@given(st.floats(-7, 7), st.floats(0.1, 3))
def test_a_basin_is_found_with_a_worse_one_on_either_side(lowest, width):
    def loss(peak):
        return (math.log2(peak / 1e-3) - lowest) ** 2 / width

    peaks = search(loss)
    best = min(peaks, key=loss)
    assert peaks[0] < best < peaks[-1] and abs(math.log2(best / 1e-3) - lowest) <= 0.5 + 1e-9


def test_divergence_above_is_an_edge_that_is_found():
    peaks = search(lambda peak: -peak if peak < 5e-3 else math.inf)
    assert peaks == pytest.approx([0.5e-3, 1e-3, 2e-3, 4e-3, 8e-3])


def test_a_search_that_finds_no_end_ends():
    assert len(search(lambda peak: peak)) == len(search(lambda peak: -peak)) == 3 + MAX_STEPS
    assert min(search(lambda peak: math.inf)) == pytest.approx(
        0.5e-3 / FACTOR**MAX_STEPS
    )  # all lost: lower ones may not be


def test_a_peak_lr_that_makes_no_difference_is_left_alone():
    assert search(lambda peak: 2.0) == [0.5e-3, 1e-3, 2e-3]


def test_refinement_halves_the_gaps_around_the_best():
    assert refined({1e-3: 3.0, 2e-3: 2.0, 8e-3: 2.5}) == pytest.approx([math.sqrt(2) * 1e-3, 4e-3])
    assert refined({1e-3: 1.0, 2e-3: 2.0}) == refined({1e-3: math.inf, 2e-3: math.inf, 4e-3: math.inf}) == []


def test_the_grid_begins_with_what_was_asked_for():
    one = [("cosine", get_schedule("cosine", steps=10, peak_lr=1e-3))]
    two = [("cosine", get_schedule("cosine", steps=10, peak_lr=peak)) for peak in (3e-4, 9e-4)]
    (single,), (double,) = first_grids(one), first_grids(two)
    assert [schedule.peak_lr for _, schedule in settings_of([single])] == [0.5e-3, 1e-3, 2e-3]
    assert double.peaks == [3e-4, 9e-4]
    assert single.began == (0.5e-3, 2e-3) and double.began == (3e-4, 9e-4)


def test_a_seed_that_diverged_rules_its_peak_lr_out():
    runs, finished = [], {}
    schedules = {peak: get_schedule("constant", steps=10, peak_lr=peak) for peak in (1e-3, 2e-3, 4e-3)}
    for seed, (peak, loss) in enumerate(
        [(1e-3, 3.0), (1e-3, 2.0), (2e-3, 1.0), (2e-3, None), (4e-3, "failed")]
    ):
        runs.append(Run("a", schedules[peak], seed, str(seed)))
        if loss != "failed":
            status = "diverged" if loss is None else "complete"
            finished[str(seed)] = finished_run(status=status, final_val_loss=loss)
    runs.append(Run("b", schedules[1e-3], 0, "0"))  # another schedule's
    store = SimpleNamespace(get=finished.get)
    grid = Grid("a", list(schedules.values()))
    assert mean_losses(grid, runs, store) == {1e-3: 2.5, 2e-3: math.inf, 4e-3: math.inf}


LIMITED = """
from schedulers import Schedule, register

@register("limited")
class Limited(Schedule):
    def check(self):
        if not 0.004 < self.peak_lr < 0.03:
            raise ValueError(f"peak_lr={self.peak_lr} is not allowed: give a number from 0.004 to 0.03")

    def scale(self, t):
        return 1.0
"""


def test_a_schedule_that_refuses_a_peak_lr_is_tuned_within_what_it_allows(cli, toml, tmp_path):
    toml()
    (tmp_path / "limited.py").write_text(LIMITED)
    command = ["compare.py", "--config", "tiny.toml", "--schedulers", "limited.py,constant", "--tune"]
    done = cli(*command, "--out", "out")
    assert done.code == 0 and "limited is left out at a peak lr of " in done.out
    tuned = {row["scheduler"]: row for row in table(tmp_path / "out" / "tuned.csv")}
    assert set(tuned) == {"limited", "constant"}
    assert all(0.004 < float(peak) < 0.03 for peak in tuned["limited"]["peak_lrs"].split())
    assert cli(*command, "--dry-run", "--out", "out").code == 0


def test_a_refusal_on_one_side_leaves_the_other_open():
    def at(peak):
        if peak < 1e-3:
            raise ValueError("too low")
        return SimpleNamespace(peak_lr=peak, lrs=lambda: None)

    grid = Grid("a", [get_schedule("constant", steps=10, peak_lr=1e-3)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sweep.tune.replace", lambda schedule, peak_lr: at(peak_lr))
        assert grid.extend([5e-4, 2e-3]) and grid.extend([4e-3]) and not grid.extend([5e-4])
    assert grid.peaks == [1e-3, 2e-3, 4e-3]
    assert grid.refusals == {5e-4: "a is left out at a peak lr of 0.0005: too low"}


FAILS_HIGH = """
from schedulers import Schedule, register

@register("fails_high")
class FailsHigh(Schedule):
    reactive = True

    def __call__(self, step, val_losses=None):
        if val_losses is not None and self.peak_lr > 0.015:
            with open("attempts", "a") as file:
                file.write(f"{self.peak_lr}\\n")
            raise RuntimeError("no")
        return self.peak_lr

    def scale(self, t):
        return 1.0
"""


def test_a_run_that_failed_is_not_tried_again_in_the_next_round(cli, toml, tmp_path):
    toml()
    (tmp_path / "fails_high.py").write_text(FAILS_HIGH)
    done = cli(
        "compare.py", "--config", "tiny.toml", "--schedulers", "fails_high.py", "--tune", "--out", "out"
    )
    assert done.code == 1
    attempts = [line for line in done.out.splitlines() if "failed: fails_high" in line]
    assert len(attempts) == len(set(attempts)) >= 1


def table(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_tuning_on_the_command_line(cli, toml, tmp_path):
    toml()
    command = [
        "compare.py",
        "--config",
        "tiny.toml",
        "--schedulers",
        "constant,cosine",
        "--seeds",
        "0,1",
        "--tune",
        "--out",
        "out",
    ]
    done = cli(*command)
    assert done.code == 0 and "own best peak lr" in done.out
    runs, tuned = table(tmp_path / "out" / "runs.csv"), table(tmp_path / "out" / "tuned.csv")
    assert [row["rank"] for row in tuned] == ["1", "2"] and {row["scheduler"] for row in tuned} == {
        "constant",
        "cosine",
    }
    for row in tuned:
        own = [run for run in runs if run["scheduler"] == row["scheduler"]]
        means = {}
        for run in own:
            means.setdefault(float(run["peak_lr"]), []).append(float(run["final_val_loss"] or "inf"))
        means = {peak: sum(values) / 2 for peak, values in means.items()}
        assert float(row["best_peak_lr"]) == min(means, key=means.get) and float(
            row["final_val_loss"]
        ) == pytest.approx(min(means.values()))
        assert (
            row["peak_lrs"] == " ".join(f"{peak:g}" for peak in sorted(means)) and row["on_edge"] == "False"
        )
        assert int(row["runs"]) == len(own) and float(row["marginal_s"]) == pytest.approx(
            sum(float(run["marginal_s"]) for run in own)
        )
        assert float(row["common_peak_lr"]) == 0.01 and float(row["common_final_val_loss"]) == pytest.approx(
            means[0.01]
        )
    assert sorted(row["common_rank"] for row in tuned) == ["1", "2"]
    pasted = (tmp_path / "out" / "summary.md").read_text()
    assert (
        f"| 1 | `{tuned[0]['scheduler']}` | {format_lr(float(tuned[0]['best_peak_lr']))} |" in pasted
        and pasted.count("\n| ") == 2
    )  # a row for each schedule
    assert (tmp_path / "out" / "figures" / "peak_lr.png").exists() and (
        tmp_path / "out" / "figures" / "tuned_ranking.png"
    ).exists()
    finer = cli(*command, "--refine")
    assert finer.code == 0
    for row, fine in zip(
        sorted(tuned, key=lambda row: row["scheduler"]),
        sorted(table(tmp_path / "out" / "tuned.csv"), key=lambda row: row["scheduler"]),
    ):
        assert int(fine["runs"]) == int(row["runs"]) + 4 and float(fine["final_val_loss"]) <= float(
            row["final_val_loss"]
        )
    again = cli(*command)
    assert again.code == 0 and " 0 to train" in again.out and "to train on" in again.out
    assert table(tmp_path / "out" / "tuned.csv") == tuned


def test_tuning_past_divergence_and_several_horizons(cli, toml, tmp_path):
    toml()
    done = cli(
        "compare.py",
        "--config",
        "tiny.toml",
        "--schedulers",
        "constant",
        "--steps",
        "6,12",
        "--peak-lr",
        "0.01,1e9",
        "--tune",
        "--out",
        "out",
    )
    assert done.code == 0 and "no ranking is claimed" in done.out
    tuned = table(tmp_path / "out" / "tuned.csv")
    assert [(row["steps"], row["rank"]) for row in tuned] == [("6", "1"), ("12", "1")]
    assert all(int(row["diverged"]) >= 1 and float(row["best_peak_lr"]) < 1e8 for row in tuned)


def test_the_common_peak_lr_is_one_that_was_asked_for(cli, toml, tmp_path):
    toml()
    done = cli(
        "compare.py",
        "--config",
        "tiny.toml",
        "--schedulers",
        "constant,cosine",
        "--seeds",
        "0,1",
        "--tune",
        "--peak-lr",
        "0.002,0.004,0.008",
        "--out",
        "out",
    )
    tuned = table(tmp_path / "out" / "tuned.csv")
    assert (
        done.code == 0
        and {float(row["common_peak_lr"]) for row in tuned} == {0.004}
        and sorted(row["common_rank"] for row in tuned) == ["1", "2"]
    )


def test_where_the_peak_lr_makes_no_difference_nothing_is_best_on_an_edge(cli, toml, tmp_path):
    toml()
    done = cli(
        "compare.py",
        "--config",
        "tiny.toml",
        "--schedulers",
        "torch:ConstantLR:factor=1.0,torch:OneCycleLR:max_lr=6e-3,total_steps=12",
        "--tune",
        "--out",
        "out",
    )
    tuned = {row["scheduler"].split(":")[1]: row for row in table(tmp_path / "out" / "tuned.csv")}
    assert (
        done.code == 0
        and tuned["OneCycleLR"]["on_edge"] == "False"
        and len(tuned["OneCycleLR"]["peak_lrs"].split()) == 3
    )


def test_a_dry_run_counts_the_first_grid(cli, toml):
    toml()
    done = cli(
        "compare.py",
        "--config",
        "tiny.toml",
        "--schedulers",
        "constant,cosine",
        "--tune",
        "--dry-run",
        "--out",
        "out",
    )
    assert done.code == 0 and "6 runs asked for" in done.out and "--tune begins with these" in done.out
