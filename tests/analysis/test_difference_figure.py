"""The figure of the difference to a baseline, drawn from real descents."""

from dataclasses import replace

import numpy as np
import pytest
from helpers_figures import build, caption, drawn, title
from matplotlib.collections import PolyCollection

from analysis.curves import smooth, smoothing
from analysis.figures.baseline import baselines_of
from analysis.figures.difference import difference_page, differences_of
from analysis.figures.groups import judged_groups

SEEDS = (0, 1, 2)


def panels(fig):
    return {ax.get_title(loc="left").split("\n")[0]: ax for ax in fig.axes}


def mean_line(ax):
    (line,) = [line for line in ax.lines if line.get_linewidth() == 1.8]
    return line


def bands(ax):
    return [band for band in ax.collections if isinstance(band, PolyCollection)]


def losses(comparison, scheduler):
    """seed -> training losses."""
    (entry,) = [entry for entry in comparison.entries if entry.scheduler == scheduler]
    return {result.seed: result.curve.loss for result in entry.completed}


def minus(comparison, scheduler, baseline):
    """(seeds, points): the smoothed difference of two schedules on the same batches."""
    own, others = losses(comparison, scheduler), losses(comparison, baseline)
    window = smoothing(60)
    return np.array([smooth(own[seed] - others[seed], window)[1] for seed in own if seed in others])


def test_a_panel_has_the_mean_over_seeds_of_the_difference_at_each_step_and_their_band(tmp_path):
    comparison = build(tmp_path, ["wsd", "cosine", "constant"], seeds=SEEDS)
    axes = panels(fig := drawn(difference_page, comparison))
    assert set(axes) == {"wsd", "constant"}  # the baseline's own would be flat
    for scheduler, ax in axes.items():
        wanted = minus(comparison, scheduler, "cosine")
        assert np.allclose(mean_line(ax).get_ydata(), wanted.mean(axis=0))
        assert mean_line(ax).get_xdata()[-1] == 59
        (band,) = bands(ax)
        ys = band.get_paths()[0].vertices[:, 1]
        assert (ys.min(), ys.max()) == pytest.approx((wanted.min(), wanted.max()))
        assert f"{wanted.mean(axis=0)[-1]:+.3f} at the end" in ax.get_title(loc="left")
        low, high = ax.get_ylim()
        assert low < 0 < high
        assert [0, 0] in [list(line.get_ydata()) for line in ax.lines]
    assert "minus that of cosine (the usual choice) at the same step and seed" in caption(fig)
    assert "band" in caption(fig)


def test_noise_of_the_batches_is_gone(tmp_path):
    comparison = build(tmp_path, ["wsd", "cosine"])
    fig = drawn(difference_page, comparison)
    ax = panels(fig)["wsd"]
    raw = smooth(losses(comparison, "wsd")[0], smoothing(60))[1]
    assert np.diff(mean_line(ax).get_ydata())[20:].std() < 0.2 * np.diff(raw)[20:].std()
    assert not bands(ax) and "band" not in caption(fig)  # one seed has none


def test_cosine_is_the_baseline_before_its_variants_and_without_it_the_first(tmp_path):
    def baseline(name, specs, **how):
        comparison = build(tmp_path / name, specs, seeds=SEEDS, **how)
        (group,) = baselines_of(judged_groups(comparison), comparison.judged).values()
        return group.setting, caption(drawn(difference_page, comparison)), comparison

    variant = "cosine:final_lr_ratio=0.3"
    assert baseline("plain", [variant, "wsd", "cosine"])[0].scheduler == "cosine"
    assert baseline("variant", ["wsd", variant])[0].scheduler == variant
    setting, words, comparison = baseline("none", ["linear", "constant"])
    assert setting == comparison.rows[0].entry.setting
    assert f"that of {setting.scheduler} (which has the lowest validation loss)" in words
    setting, words, comparison = baseline("peaks", ["cosine", "wsd"], peak_lrs=(0.02, 0.05))
    lowest = next(row.entry.setting for row in comparison.rows if row.entry.scheduler == "cosine")
    assert setting == lowest and len(differences_of(comparison)) == 3
    assert baseline("gone", ["cosine", "wsd", "linear"], fail=["cosine"])[0].scheduler != "cosine"


def test_a_baseline_that_was_named_is_the_one(tmp_path):
    comparison = replace(build(tmp_path, ["cosine", "wsd", "linear"], seeds=SEEDS), baseline="linear")
    found = differences_of(comparison)
    assert {difference.baseline.setting.scheduler for difference in found} == {"linear"} and len(found) == 2
    assert "that of linear (named beforehand)" in caption(drawn(difference_page, comparison))


def test_with_tune_each_schedule_is_there_once_at_its_own_best_peak_lr(tmp_path):
    comparison = build(tmp_path, ["wsd", "cosine", "linear"], seeds=(0, 1), peak_lrs=(0.02, 0.05))
    tuned = replace(comparison, tuned=True)
    best = [row.entry.setting for row in tuned.judged[60].rows if row.entry.scheduler != "cosine"]
    assert [difference.group.setting for difference in differences_of(tuned)] == best


@pytest.mark.parametrize("seeds", [(0,), (0, 1)])
def test_nothing_is_drawn_that_is_not_paired(tmp_path, seeds):
    comparison = build(tmp_path / "two", ["cosine", "wsd"], seeds=seeds)
    assert differences_of(comparison)
    assert not differences_of(replace(comparison, protocol="carry-over"))  # one step is not one batch there
    assert not differences_of(build(tmp_path / "one", ["cosine"], seeds=seeds))
    assert not differences_of(build(tmp_path / "high", [("cosine", 9.0), ("wsd", 9.0)], seeds=seeds))
    gone = [("wsd", seed) for seed in seeds]
    assert not differences_of(build(tmp_path / "gone", ["cosine", "wsd"], seeds=seeds, diverge=gone))


def test_a_seed_that_diverged_is_dashed_and_a_schedule_without_a_completed_one_is_named(tmp_path):
    lost = [("wsd", 1), ("linear", 0), ("linear", 1)]
    comparison = build(tmp_path, ["cosine", "wsd", "linear", "rex"], seeds=(0, 1), diverge=lost)
    axes = panels(fig := drawn(difference_page, comparison))
    assert set(axes) == {"wsd", "rex"}
    assert [sum(line.get_marker() == "x" for line in axes[name].lines) for name in ("wsd", "rex")] == [1, 0]
    assert np.allclose(mean_line(axes["wsd"]).get_ydata(), minus(comparison, "wsd", "cosine")[0])
    assert "No panel: linear, without a seed that completed." in caption(fig)


def test_the_title_counts_those_below_the_baseline_with_every_seed(tmp_path):
    names = ["wsd", "linear", "constant"]
    comparison = build(tmp_path / "3", ["cosine", *names], seeds=SEEDS)
    ends = {name: minus(comparison, name, "cosine")[:, -1] for name in names}
    below = sum((end < 0).all() for end in ends.values())
    words = title(drawn(difference_page, comparison))
    counted = {0: "None of 3 schedules ends", 3: "All 3 schedules end"}
    assert words.startswith(counted.get(below, f"{below} of 3 schedules end"))
    assert "below cosine in training loss with every seed" in words
    one = title(drawn(difference_page, build(tmp_path / "1", ["cosine", *names])))
    assert one.startswith("One seed, so no ranking is claimed: against cosine, training losses end from ")
    two = title(drawn(difference_page, build(tmp_path / "2", ["cosine", "wsd"], seeds=SEEDS)))
    assert two.startswith(f"wsd ends {abs(ends['wsd'].mean()):.3f} ")
    assert two.endswith("cosine in training loss")
