"""Predictions made before training and the page after it, on losses that follow a known law."""

import csv
import json
import sys

import pytest
from helpers_laws import POWER, lrs_of

from analysis.tables import write_csv
from schedulers import get_schedule
from studies.theory_vs_practice.study import FIT_ON, main


def write_comparison(folder, specs, peaks=(8e-3,), steps=200):
    """runs.csv, curves.csv and manifest.json of two seeds whose losses are POWER's, the second 0.01 above the first."""
    rows, points = [], []
    for spec in specs:
        for peak in peaks:
            lrs = get_schedule(spec, steps, peak, warmup_steps=30).lrs()
            losses = POWER.predict(lrs, range(steps))
            for seed in (0, 1):
                run_id = f"{spec}{peak}{seed}"
                rows.append(
                    dict(
                        run_id=run_id,
                        scheduler=spec,
                        seed=seed,
                        peak_lr=peak,
                        steps=steps,
                        status="complete",
                        final_val_loss=losses[-1] + seed / 100,
                    )
                )
                points += [
                    dict(
                        run_id=run_id,
                        step=t,
                        loss=losses[t],
                        lr=lrs[t],
                        val_loss=losses[t] + seed / 100 if t % 8 == 7 else "",
                    )
                    for t in range(steps)
                ]
    folder.mkdir(exist_ok=True)
    for name, table in (("runs", rows), ("curves", points)):
        write_csv(folder / f"{name}.csv", list(table[0]), table)
    (folder / "manifest.json").write_text(
        json.dumps(dict(config=dict(peak_lr=8e-3, warmup_steps=30, steps=steps, eval_interval=8)))
    )


def call(monkeypatch, *args):
    monkeypatch.setattr(sys, "argv", ["theory_vs_practice", *map(str, args)])
    main()


def test_predictions_before_and_the_page_after(tmp_path, monkeypatch):
    write_comparison(tmp_path, FIT_ON)
    call(monkeypatch, tmp_path, "--predict")
    with open(tmp_path / "predictions.csv", newline="") as file:
        rows = {row["scheduler"]: row for row in csv.DictReader(file)}
    designed = next(name for name in rows if name.startswith("forecast_optimal"))
    assert "plateau" not in rows and float(rows[designed]["multi_power"]) == min(
        float(row["multi_power"]) for row in rows.values()
    )
    assert float(rows["linear"]["multi_power"]) == pytest.approx(
        POWER.predict(lrs_of("linear", steps=200), [199])[0] + 0.005, abs=2e-3
    )

    with pytest.raises(SystemExit, match="error: .*peaks"):
        call(monkeypatch, tmp_path)
    write_comparison(tmp_path / "peaks", ["wsd", "cosine"], peaks=(4e-3, 8e-3))
    with pytest.raises(SystemExit, match="error: .* was predicted but not trained"):
        call(monkeypatch, tmp_path)
    write_comparison(tmp_path, list(rows))
    call(monkeypatch, tmp_path)
    page = (tmp_path / "README.md").read_text()
    assert "The multi-power law orders them best" in page and "| multi-power law | +1.00 | 0.00" in page
    assert (
        page.count("is lower than") + page.count("can't be told from") == 2
    )  # two seeds with one difference show no noise
    assert (tmp_path / "predictions.png").stat().st_size > 10_000
