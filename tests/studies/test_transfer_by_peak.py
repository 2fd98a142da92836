"""Differences at a longer horizon, from runs that follow the model exactly and from the published ones."""

import sys
from math import log2

import numpy as np
import pytest
from helpers import ROOT
from helpers_laws import POWER

from nanosched.csv_files import read_csv, write_csv
from studies.transfer import by_peak, by_peak_page
from studies.transfer.by_peak_law import final_loss, lrs_of
from studies.transfer.by_peak_models import Model
from studies.transfer.by_peak_runs import (
    CONSTANT,
    COSINE,
    FILES,
    HORIZONS,
    PEAKS,
    SETTINGS,
    WSD,
    Run,
    read_losses,
)
from studies.transfer.by_peak_splits import pair_errors, splits

SHARED = ROOT.parent / "shared" / "data"
OFFSET = 0.03  # of the whole validation split over the periodic losses


def final_loss_by_formula(run):
    """A line of each setting's own in log2(peak lr sqrt(steps)), on a level that is no function of it."""
    i = SETTINGS.index(run.setting)
    x = log2(run.peak_lr / 1e-3) + log2(run.steps / 25_000) / 2
    return 3 + 50 * run.peak_lr + 2e3 / run.steps + 0.01 * i + (i - 4) * 0.003 * x


def write_runs(folder):
    """The files of the 124M runs, without cosine to zero at the shorter horizon and constant at 2e-3."""
    runs = [Run(setting, peak, steps) for setting in SETTINGS for peak in PEAKS for steps in HORIZONS]
    finals = [
        run for run in runs if run.setting != CONSTANT and (run.setting != COSINE or run.steps == 25_000)
    ]
    columns = [
        "schedule",
        "cooldown_fraction",
        "cooldown_shape",
        "final_lr",
        "peak_lr",
        "steps",
        "final_val_loss",
    ]
    write_csv(folder / "slimpajama_124m.csv", columns, map(row_of, finals))
    steps = np.arange(200, 25_001, 200)
    for peak in PEAKS[:2]:
        (curves := folder / "loss_curves_124M" / f"{peak:g}").mkdir(parents=True)
        for setting, name in FILES.items():
            shorter, longer = (final_loss_by_formula(Run(setting, peak, at)) - OFFSET for at in HORIZONS)
            losses = np.where(steps < 20_000, shorter, longer)
            rows = [dict(step=step, val_loss=loss) for step, loss in zip(steps, losses)]
            write_csv(curves / f"{name}.csv", ["step", "val_loss"], rows)


def row_of(run):
    setting = run.setting
    final_lr = {0.1: "-1", 0.0: "1e-07"}[setting.final_lr_ratio] if setting.schedule == "cosine" else ""
    return dict(
        schedule="cos" if setting.schedule == "cosine" else "wsd",
        cooldown_fraction=setting.cooldown_fraction,
        cooldown_shape=setting.cooldown_shape,
        final_lr=final_lr,
        peak_lr=run.peak_lr,
        steps=run.steps,
        final_val_loss=final_loss_by_formula(run),
    )


def expected(run):
    return final_loss_by_formula(run) - final_loss_by_formula(Run(COSINE, run.peak_lr, run.steps))


def call(monkeypatch, *args):
    monkeypatch.setattr(sys, "argv", ["by_peak", *map(str, args)])
    by_peak.main()


def test_runs_that_follow_the_model_are_predicted_to_the_digit(tmp_path, monkeypatch):
    write_runs(tmp_path)
    monkeypatch.setattr(by_peak, "law_changes", lambda *_: [by_peak_page.LawChange(5e-4, 0.1, 0.2, 0.3)])
    call(monkeypatch, "--data", tmp_path, "--out", tmp_path / "out")
    rows = read_csv(tmp_path / "out" / "predictions_by_peak.csv")
    runs = [Run(setting, peak, 50_000) for peak in PEAKS for setting in SETTINGS]
    assert [float(row["predicted_difference"]) for row in rows] == pytest.approx(
        list(map(expected, runs)), abs=2e-5
    )
    assert [tuple(rows[i].values())[:5] for i in (0, 7, 8, 29)] == [
        ("constant", "", "", "1", "0.0005"),
        ("wsd", "0.2", "sqrt", "0", "0.0005"),
        ("cosine", "", "", "0.1", "0.0005"),
        ("cosine", "", "", "0", "0.002"),
    ]
    page = (tmp_path / "out" / "by_peak.md").read_text()
    assert "**a longer run is as one at a higher peak, straight lines** | 0.0000" in page
    assert "worth 0.50 octaves" in page and "| 5e-4 | 0.1000 | 0.2000 | 0.3000 |" in page
    assert (tmp_path / "out" / "by_peak.png").stat().st_size > 10_000


def test_a_split_sees_nothing_that_it_judges_on():
    losses = {Run(s, p, t): 3.0 for s in SETTINGS for p in PEAKS for t in HORIZONS}
    for split in splits(losses):
        judged = [run for cell in split.cells for run in cell]
        assert judged and not split.seen.keys() & set(judged)
        assert len(split.seen) + len(judged) == len(losses)
    assert [len(split.cells) for split in splits(losses)] == [3, 3, 1, 1, 1, 1, 1, 1]


def test_errors_are_predicted_minus_measured_differences():
    """With a difference of 0.01 at the shorter horizon and 0.04 at the longer one, a model without a horizon
    is 0.03 off either way."""
    losses = {
        Run(setting, peak, steps): 3.0 + difference * (setting == CONSTANT)
        for setting in (CONSTANT, COSINE)
        for peak in PEAKS
        for steps, difference in zip(HORIZONS, (0.01, 0.04))
    }
    to_longer, to_shorter, *_ = splits(losses)
    assert pair_errors(Model("none"), to_longer) == pytest.approx([-0.03] * 3, abs=1e-5)
    assert pair_errors(Model("none"), to_shorter) == pytest.approx([0.03] * 3, abs=1e-5)


def test_the_error_of_a_difference_is_that_of_two_lines():
    """Through three peaks at one horizon each: a variance of 1/3 at the middle and 1/2 per octave squared."""
    losses = {Run(setting, peak, 25_000): 3.0 for setting in (WSD[0.2], COSINE) for peak in PEAKS}
    fitted = Model("lines", shift=0.5).fit(losses)
    for steps, x in ((25_000, 0.0), (100_000, 1.0)):
        assert fitted.deviation(Run(WSD[0.2], 1e-3, steps)) == pytest.approx(
            0.0012 * (2 * (1 / 3 + x * x / 2)) ** 0.5, rel=1e-3
        )


def test_a_law_that_is_exact_is_off_by_nothing(tmp_path, monkeypatch):
    losses = {
        run: final_loss(POWER, run)
        for setting in (CONSTANT, WSD[0.2])
        for peak in PEAKS[:2]
        for run in (Run(setting, peak, steps) for steps in HORIZONS)
    }
    monkeypatch.setattr(by_peak_page, "fit_law", lambda data, peak: POWER)
    change = by_peak_page.law_change(tmp_path, losses, Model("lines", shift=0.5), 1e-3)
    assert change.law < 1e-9 < 1e-3 < change.unchanged
    lrs = lrs_of(Run(WSD[0.2], 1e-3, 1000))
    assert lrs[[300, 800, 900]] == pytest.approx([1e-3, 1e-3, 5e-4]) and len(lrs) == 1000


def test_a_folder_without_the_runs_is_one_line(tmp_path, monkeypatch):
    with pytest.raises(SystemExit, match="error: .*slimpajama_124m.csv"):
        call(monkeypatch, "--data", tmp_path, "--out", tmp_path)


@pytest.mark.shared_data
@pytest.mark.skipif(not SHARED.exists(), reason="the 124M runs are not beside the checkout")
def test_the_committed_predictions_follow_from_the_published_runs():
    losses = read_losses(SHARED)
    chosen = by_peak.choose(losses)
    committed = read_csv(ROOT / "results" / "transfer" / "predictions_by_peak.csv")
    predicted = by_peak.predict(chosen.fit(losses), losses)
    assert chosen.name == "a longer run is as one at a higher peak, straight lines"
    assert [p.difference for p in predicted] == pytest.approx(
        [float(row["predicted_difference"]) for row in committed], abs=2e-5
    )
    # the constant lr at 25,000 steps, by the last ten periodic losses: 3.1350 and 0.0372
    assert losses[Run(CONSTANT, 5e-4, 25_000)] == pytest.approx(3.1708, abs=0.003)
