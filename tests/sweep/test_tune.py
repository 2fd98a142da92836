"""Peak lrs by factors of two: the grid grows until the best is within it, and other seeds judge it there."""

import csv
import math
from types import SimpleNamespace

import numpy as np
import pytest
from helpers_results import finished_run
from hypothesis import given
from hypothesis import strategies as st

from analysis.text import format_lr
from compare import tuning_losses
from schedulers import get_schedule
from sweep.plan import Run
from sweep.tune import (
    FACTOR,
    MAX_STEPS,
    Grid,
    chosen_peak,
    estimates,
    first_grids,
    first_half,
    near_best,
    next_peak,
    refined,
    settings_of,
)

SMALL = 0.25  # of a basin's curvature: a deviation that moves no minimum by a whole factor of two


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


# -- which seeds


def test_the_first_half_of_the_seeds_chooses():
    assert [first_half(list(range(n))) for n in (1, 2, 3, 5)] == [[0], [0], [0], [0, 1]]


def chosen_after_search(rows):
    """What is chosen where every peak lr has all seeds, a function of it, from the first round on."""

    def mean(peak):
        return sum(rows(peak).values()) / len(rows(peak))

    return chosen_peak({peak: rows(peak) for peak in search(mean)})


def grown(loss, seeds, start=1e-3):
    """The Grid after a search with losses that are a function of peak lr and seed, and its losses."""
    (grid,) = first_grids([("a", get_schedule("constant", steps=10, peak_lr=start))], seeds)
    while True:
        losses = {}
        for seed in seeds:
            for schedule in grid.trained_with(seed):
                losses.setdefault(schedule.peak_lr, {})[seed] = loss(schedule.peak_lr, seed)
        if not grid.grow(losses):
            return grid, losses


@given(
    st.floats(-5, 5),
    st.floats(0.05, 1),
    st.floats(0.05, 1),
    st.integers(2, 5),
    st.integers(0, 1000),
    st.floats(0, 1),
)
def test_seeds_that_are_saved_never_change_the_choice_where_the_noise_is_small(
    lowest, left, right, n, key, noise
):
    """Small beside what the basin rises by from one peak lr to the next; a seed's own level, which all peak
    lrs share, may be large.
    """

    def shape(peak):
        x = math.log2(peak / 1e-3) - lowest
        return (left if x < 0 else right) * x**2

    def loss(peak, seed):
        rng = np.random.Generator(np.random.Philox(key=[key, seed]))
        level = rng.normal()
        rng = np.random.Generator(np.random.Philox(key=[key + 1, seed * 1000 + round(4 * math.log2(peak))]))
        return shape(peak) + level + noise * SMALL * min(left, right) * rng.uniform(-1, 1)

    seeds = list(range(n))
    grid, losses = grown(loss, seeds)
    every = {peak: {seed: loss(peak, seed) for seed in seeds} for peak in grid.peaks}
    assert chosen_peak(losses) == chosen_peak(every) and len(losses[chosen_peak(losses)]) == n
    assert chosen_peak(losses) == chosen_after_search(lambda peak: {seed: loss(peak, seed) for seed in seeds})
    full, saved = estimates(every), [peak for peak in losses if len(losses[peak]) < n]
    for peak in saved:  # what was saved is far from the best, and worse
        assert abs(math.log2(peak / chosen_peak(losses))) > 2.01 and full[peak] > min(full.values())


def test_a_peak_lr_far_from_the_basin_gets_one_seed():
    grid, losses = grown(lambda peak, seed: abs(math.log2(peak / 16e-3)) + seed, [0, 1, 2])
    assert {peak: len(row) for peak, row in sorted(losses.items())} == {
        0.5e-3: 1, 1e-3: 1, 2e-3: 1, 4e-3: 3, 8e-3: 3, 16e-3: 3, 32e-3: 3
    }  # fmt: skip
    assert estimates(losses)[1e-3] == pytest.approx(4 + 1)  # as if it had all of them


def test_a_peak_lr_that_diverged_gets_no_further_seed():
    grid, losses = grown(lambda peak, seed: -peak if peak < 5e-3 else math.inf, [0, 1])
    assert len(losses[8e-3]) == 1 and len(losses[4e-3]) == len(losses[2e-3]) == 2
    assert chosen_peak(losses) == pytest.approx(4e-3)


def test_a_far_peak_lr_that_is_no_worse_than_its_neighbour_gets_every_seed():
    assert near_best({1.0: 0.0, 2.0: 1.0, 4.0: 2.0, 8.0: 5.0, 16.0: 4.0}) == {1.0, 2.0, 4.0, 16.0}
    assert near_best({1.0: 0.0, 2.0: 1.0, 4.0: math.inf}) == {1.0, 2.0}


def test_where_each_peak_lr_lost_a_seed_the_one_that_lost_the_fewest_is_chosen():
    losses = {1.0: {0: 1.0, 1: math.inf, 2: math.inf}, 2.0: {0: 3.0, 1: math.nan, 2: 3.0}}
    assert chosen_peak(losses) == 2.0 and set(estimates(losses).values()) == {math.inf}


def test_the_grid_begins_with_what_was_asked_for():
    one = [("cosine", get_schedule("cosine", steps=10, peak_lr=1e-3))]
    two = [("cosine", get_schedule("cosine", steps=10, peak_lr=peak)) for peak in (3e-4, 9e-4)]
    (single,), (double,) = first_grids(one, [0, 1]), first_grids(two, [0, 1])
    assert [schedule.peak_lr for _, schedule in settings_of([single], 0)] == [0.5e-3, 1e-3, 2e-3]
    assert settings_of([single], 1) == []  # the first seed goes ahead
    assert double.peaks == [3e-4, 9e-4]
    assert single.began == (0.5e-3, 2e-3) and double.began == (3e-4, 9e-4)


def test_a_seed_that_diverged_rules_its_peak_lr_out():
    runs, finished = [], {}
    schedules = {peak: get_schedule("constant", steps=10, peak_lr=peak) for peak in (1e-3, 2e-3, 4e-3)}
    for run_id, (peak, seed, loss) in enumerate(
        [(1e-3, 0, 3.0), (1e-3, 1, 2.0), (2e-3, 0, 1.0), (2e-3, 1, None), (4e-3, 0, "failed")]
    ):
        runs.append(Run("a", schedules[peak], seed, str(run_id)))
        if loss != "failed":
            status = "diverged" if loss is None else "complete"
            finished[str(run_id)] = finished_run(status=status, final_val_loss=loss)
    runs.append(Run("b", schedules[1e-3], 0, "0"))  # another schedule's
    store = SimpleNamespace(get=finished.get)
    losses = tuning_losses(Grid("a", list(schedules.values()), [0, 1]), runs, store)
    assert losses == {1e-3: {0: 3.0, 1: 2.0}, 2e-3: {0: 1.0, 1: math.inf}, 4e-3: {0: math.inf}}
    assert estimates(losses) == {1e-3: 2.5, 2e-3: math.inf, 4e-3: math.inf} and chosen_peak(losses) == 1e-3


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


def test_a_schedule_that_refuses_a_peak_lr_is_tuned_within_what_it_allows(cli, toml, tmp_path, no_figures):
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

    grid = Grid("a", [get_schedule("constant", steps=10, peak_lr=1e-3)], [0])
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


def test_a_run_that_failed_is_not_tried_again_in_the_next_round(cli, toml, tmp_path, no_figures):
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


COMMAND = "compare.py --config tiny.toml --schedulers constant,cosine --tune --out out".split()


def losses_by_peak(runs, scheduler, seeds):
    """Peak lr -> final validation losses of these seeds, inf where one did not complete."""
    losses = {}
    for run in runs:
        if run["scheduler"] == scheduler and int(run["seed"]) in seeds:
            losses.setdefault(float(run["peak_lr"]), []).append(float(run["final_val_loss"] or "inf"))
    return losses


def test_tuning_on_the_command_line(cli, toml, tmp_path):
    toml()
    command = [*COMMAND, "--seeds", "0-3"]
    done = cli(*command)
    assert done.code == 0 and "own best peak lr" in done.out
    assert "Peak lrs are chosen with seeds 0, 1; losses and verdicts are of seeds 2, 3." in done.out
    assert "seeds 0 to 3, of which seeds 0, 1 chose the peak lrs." in " ".join(done.out.split())
    assert "2 (2, 3); 2 (0, 1) chose the peak lrs" in report(tmp_path / "out")
    runs, tuned = table(tmp_path / "out" / "runs.csv"), table(tmp_path / "out" / "tuned.csv")
    assert [row["rank"] for row in tuned] == ["1", "2"] and {row["scheduler"] for row in tuned} == {
        "constant",
        "cosine",
    }
    for row in tuned:
        own = [run for run in runs if run["scheduler"] == row["scheduler"]]
        chose = losses_by_peak(runs, row["scheduler"], (0, 1))
        judged = losses_by_peak(runs, row["scheduler"], (2, 3))
        means = {peak: sum(values) / 2 for peak, values in chose.items() if len(values) == 2}
        best = min(means, key=means.get)
        assert float(row["best_peak_lr"]) == best and list(judged) == [best] and len(judged[best]) == 2
        assert float(row["final_val_loss"]) == pytest.approx(sum(judged[best]) / 2) and row["seeds"] == "2"
        assert float(row["tuning_val_loss"]) == pytest.approx(means[best]) and row["tuning_seeds"] == "2"
        assert row["peak_lrs"] == " ".join(f"{peak:g}" for peak in sorted(chose))
        assert row["on_edge"] == "False"
        assert int(row["runs"]) == len(own) and row["judging_runs"] == "2"
        assert float(row["marginal_s"]) == pytest.approx(sum(float(run["marginal_s"]) for run in own))
        assert float(row["common_peak_lr"]) == 0.01
        assert float(row["common_final_val_loss"]) == pytest.approx(means[0.01])
    assert sorted(row["common_rank"] for row in tuned) == ["1", "2"]
    judging = sum(int(row["judging_runs"]) for row in tuned)
    assert f"took {len(runs) - judging} runs (" in done.out and f"judging them {judging} runs (" in done.out
    pairs = table(tmp_path / "out" / "pairs.csv")
    assert [row["seeds"] for row in pairs] == ["2"]  # of the two schedules where they are judged, and no more
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
        assert len(fine["peak_lrs"].split()) == len(row["peak_lrs"].split()) + 2
        assert float(fine["tuning_val_loss"]) <= float(row["tuning_val_loss"])
    again = cli(*command)
    assert again.code == 0 and " 0 to train" in again.out and "to train on" in again.out
    assert table(tmp_path / "out" / "tuned.csv") == tuned


def test_one_seed_chooses_and_judges_and_the_terminal_says_that_it_flatters(cli, toml, tmp_path, no_figures):
    toml()
    done = cli(*COMMAND)
    assert (
        done.code == 0 and "no ranking is claimed" in done.out and "the losses flatter a little" in done.out
    )
    for row in table(tmp_path / "out" / "tuned.csv"):
        assert row["final_val_loss"] == row["tuning_val_loss"] and row["judging_runs"] == "0"
        assert row["common_final_val_loss"] and row["fitted_peak_lr"] and not row["fitted_low"]
    assert "seed 0, which chose the peak lrs too." in " ".join(done.out.split())
    assert "one (0), which chose the peak lrs too" in report(tmp_path / "out")


def report(out):
    return " ".join((out / "report.html").read_text().split())


def test_named_seeds_choose_and_the_others_judge(cli, toml, tmp_path, no_figures):
    toml()
    done = cli(*COMMAND, "--seeds", "0,1", "--tuning-seeds", "5-6")
    assert done.code == 0
    seeds = {int(run["seed"]) for run in table(tmp_path / "out" / "runs.csv")}
    assert seeds == {0, 1, 5, 6}
    assert "chosen with seeds 5, 6; losses and verdicts are of seeds 0, 1." in done.out
    dry = cli(*COMMAND, "--seeds", "0,1", "--tuning-seeds", "5-6", "--dry-run")
    assert "then seed 6: 6 runs more at most" in dry.out
    assert "judged at its chosen peak lr with seeds 0, 1: 4 runs, 48 steps at most" in dry.out


@pytest.mark.parametrize(
    "flags, words",
    [
        ("--tune --seeds 0-2 --tuning-seeds 1,2", "1 is among --seeds"),
        ("--tune --tuning-seeds 0", "none of the seeds is left to judge"),
        ("--tune --tuning-seeds x", "tuning_seeds='x' is not allowed"),
        ("--seeds 0-2 --tuning-seeds 3", "--tuning-seeds is not allowed alone"),
    ],
)
def test_seeds_that_can_neither_choose_nor_judge_are_refused_in_one_line(cli, toml, flags, words):
    toml()
    done = cli("compare.py", "--config", "tiny.toml", *flags.split())
    assert done.code == 2 and words in done.err and len(done.err.splitlines()) == 1


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


def test_the_common_peak_lr_is_one_that_was_asked_for(cli, toml, tmp_path, no_figures):
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


def test_where_the_peak_lr_makes_no_difference_nothing_is_best_on_an_edge(cli, toml, tmp_path, no_figures):
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
