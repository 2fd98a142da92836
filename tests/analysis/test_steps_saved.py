"""Fewer steps to the baseline's loss."""

import csv
import math
from types import SimpleNamespace

import pytest

from analysis.steps_saved import saved_over_seeds, steps_to_reach


def entry(steps, losses):
    return SimpleNamespace(setting=SimpleNamespace(steps=steps), losses=dict(enumerate(losses)))


def power_law(steps, shift):
    return 3 - 0.5 * math.log(steps / 100) - shift


def test_a_curve_that_is_straight_in_log_steps_is_read_off_exactly():
    losses = {steps: power_law(steps, 0) for steps in (100, 200, 400)}
    for steps in (100, 130, 200, 333, 400):
        assert steps_to_reach(losses, power_law(steps, 0)) == pytest.approx(steps)


@pytest.mark.parametrize("target", [4.0, 2.0, math.nan])
def test_nothing_is_extrapolated(target):
    assert steps_to_reach({100: 3.0, 200: 2.5}, target) is None


def test_what_is_saved_is_a_shift_in_log_steps():
    """Lower by 0.5 ln 1.25 everywhere: the baseline's loss after 1 / 1.25 of its steps, in every seed."""
    shift, seeds = 0.5 * math.log(1.25), [0.01, -0.02, 0.005]
    entries = [entry(s, [power_law(s, shift) + noise for noise in seeds]) for s in (100, 200, 400)]
    baseline = entry(400, [power_law(400, 0) + noise for noise in seeds])
    saved = saved_over_seeds(entries, baseline)
    assert saved.mean == pytest.approx(0.2) and (math.isnan(saved.low) or saved.low == pytest.approx(0.2))
    noisier = entry(400, [power_law(400, 0) + noise for noise in (0.01, -0.03, 0.01)])
    saved = saved_over_seeds(entries, noisier)
    assert saved.low < saved.mean < saved.high


def test_a_schedule_that_ends_higher_in_a_seed_has_none():
    entries = [entry(s, [power_law(s, 0.1), power_law(s, -0.1)]) for s in (100, 200)]
    assert saved_over_seeds(entries, entry(200, [power_law(200, 0)] * 2)) is None
    assert saved_over_seeds(entries[:1], entry(200, [power_law(200, 0)])) is None


def test_a_comparison_over_horizons_says_it(cli, toml, tmp_path, no_figures):
    toml(peak_lr=0.003)
    flags = ["--schedulers", "constant,linear", "--steps", "6,12,24", "--seeds", "0,1,2"]
    done = cli("compare.py", "--config", "tiny.toml", *flags, "--baseline", "linear", "--out", "out")
    assert done.code == 0
    with open(tmp_path / "out" / "summary.csv", newline="") as file:
        rows = {(row["scheduler"], int(row["steps"])): row for row in csv.DictReader(file)}
    filled = {key for key, row in rows.items() if row["steps_saved"]}
    assert filled == {("constant", 24)}  # it is lower at each horizon, since so few steps want no decay
    row = rows["constant", 24]
    assert 0 < float(row["steps_saved_low"]) < float(row["steps_saved"]) < float(row["steps_saved_high"]) < 1
    percent = f"{float(row['steps_saved']):.0%}"
    assert f"constant reaches linear's loss at 24 steps with {percent} fewer steps" in " ".join(
        done.out.split()
    )
    alone = cli("compare.py", "--config", "tiny.toml", *flags, "--out", "out")
    assert "fewer steps" not in alone.out  # nobody named a baseline
