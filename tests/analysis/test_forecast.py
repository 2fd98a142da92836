"""The command `python -m analysis.forecast`, its figure and the report's section on theory."""

import csv
import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from helpers_laws import POWER, lrs_of

from analysis.forecast import main
from analysis.measured import read_csv
from analysis.report.theory import forecast_cells, predictions
from analysis.tables import write_csv
from theory import load_law


@pytest.fixture
def comparison(tmp_path):
    """The files of a comparison whose losses follow a law, with two seeds, as compare.py writes them."""
    steps, rows, points = 200, [], []
    for spec in ("constant", "cosine", "wsd", "linear", "plateau"):
        lrs = lrs_of("constant" if spec == "plateau" else spec, steps=steps)
        losses = POWER.predict(lrs, np.arange(steps))
        for seed in (0, 1):
            rows.append(
                dict(
                    run_id=f"{spec}{seed}",
                    scheduler=spec,
                    seed=seed,
                    peak_lr=8e-3,
                    steps=steps,
                    status="complete",
                )
            )
            points += [
                dict(
                    run_id=f"{spec}{seed}",
                    step=t,
                    loss=losses[t],
                    lr=lrs[t],
                    val_loss=losses[t] + (seed - 0.5) / 100 if t % 8 == 7 else "",
                )
                for t in range(steps)
            ]
    for name, table in (("runs", rows), ("curves", points)):
        write_csv(tmp_path / f"{name}.csv", list(table[0]), table)
    (tmp_path / "manifest.json").write_text(json.dumps(dict(config=dict(peak_lr=8e-3, warmup_steps=30))))
    return tmp_path


def call(monkeypatch, capsys, *args):
    monkeypatch.setattr(sys, "argv", ["forecast", *map(str, args)])
    main()
    return capsys.readouterr().out


def test_the_command_predicts_what_it_has_not_seen(comparison, monkeypatch, capsys):
    said = call(monkeypatch, capsys, comparison, "--fit-on", "constant,cosine,wsd")
    assert "validation loss after 200 steps" in said and "law.json" in said
    with open(comparison / "forecast.csv", newline="") as file:
        rows = {row["scheduler"]: row for row in csv.DictReader(file)}
    assert {name for name, row in rows.items() if row["fitted_on"] == "True"} == {"constant", "cosine", "wsd"}
    assert float(rows["linear"]["predicted"]) == pytest.approx(float(rows["linear"]["measured"]), abs=2e-3)
    assert (comparison / "figures" / "forecast.png").stat().st_size > 10_000
    said = call(
        monkeypatch,
        capsys,
        comparison,
        "--schedulers",
        "rex,forecast_optimal:law=" + str(comparison / "law.json"),
        "--steps",
        "400",
    )
    assert "after 400 steps" in said and "rex" in said


def test_a_schedule_that_the_curves_leave_open_gets_no_number(comparison, monkeypatch, capsys):
    rng = np.random.Generator(np.random.Philox(7))
    # noise in which the lr drops of three curves are nearly lost
    rewritten(
        comparison / "curves.csv",
        lambda point: (
            point
            | dict(
                val_loss=point["val_loss"]
                and float(point["val_loss"]) * np.exp(0.005 * rng.standard_normal())
            )
        ),
    )
    said = call(
        monkeypatch,
        capsys,
        comparison,
        "--fit-on",
        "constant,cosine,wsd",
        "--schedulers",
        "cosine_restarts:period=6,linear",
    )
    with open(comparison / "forecast.csv", newline="") as file:
        linear, restarts = csv.DictReader(file)
    assert linear["scheduler"] == "linear" and float(linear["low"]) < float(linear["predicted"]) < float(
        linear["high"]
    )
    assert restarts["predicted"] == restarts["low"] == restarts["high"] == "" and "left open" in said


def test_the_reports_section_says_what_the_command_does(comparison, monkeypatch, capsys):
    call(monkeypatch, capsys, comparison, "--fit-on", "constant,cosine,wsd")
    with open(comparison / "forecast.csv", newline="") as file:
        rows = {row["scheduler"]: row for row in csv.DictReader(file)}
    predicted, words = predictions(
        SimpleNamespace(out=comparison), dict.fromkeys(("constant", "cosine", "wsd", "linear"))
    )
    assert (
        "of 1 other at a peak lr of 0.008" in words
        and "1 of them within" in words
        and "left open" not in words
    )
    lowest = min(row["predicted"] for row in predicted.values())
    for name, row in predicted.items():
        value, between = forecast_cells(row, lowest)
        assert float(value.strip(" *")) == pytest.approx(float(rows[name]["predicted"]), abs=6e-5) and (
            value[-1] == "*"
        ) == (row["predicted"] == lowest)
        assert between == f"{float(rows[name]['low']):.4f} to {float(rows[name]['high']):.4f}"


@pytest.mark.parametrize(
    "flags, words",
    [
        (["--fit-on", "constant"], "no curve has an lr that drops"),
        (["--fit-on", "rex"], "'rex' has no complete runs"),
        (["--schedulers", "nope"], "unknown schedule"),
        (["--peak-lr", "1"], "give one of 0.008"),
        (["--schedulers", "plateau:factor=0.5"], "reacts to the loss"),
    ],
)
def test_what_cannot_be_predicted_is_one_line(comparison, monkeypatch, capsys, flags, words):
    with pytest.raises(SystemExit) as error:
        call(monkeypatch, capsys, comparison, *flags)
    assert (
        words in str(error.value) and str(error.value).startswith("error: ") and "\n" not in str(error.value)
    )


def test_runs_that_were_carried_over_are_refused(comparison, monkeypatch, capsys):
    manifest = json.loads((comparison / "manifest.json").read_text())
    (comparison / "manifest.json").write_text(json.dumps(manifest | dict(protocol="carry-over")))
    with pytest.raises(SystemExit, match="error: .* carried over .* fresh weights"):
        call(monkeypatch, capsys, comparison)


def rewritten(path, change):
    """The CSV with every row changed, or left out where that gives None."""
    rows = [new for row in read_csv(path) if (new := change(row))]
    write_csv(path, list(rows[0]), rows)


def test_a_schedule_that_nobody_loaded_is_known_by_its_curve(comparison, monkeypatch, capsys):
    rewritten(
        comparison / "runs.csv",
        lambda row: row | dict(scheduler="mine" if row["scheduler"] == "linear" else row["scheduler"]),
    )
    assert "mine" in call(monkeypatch, capsys, comparison)
    with pytest.raises(SystemExit, match="error: unknown schedule 'mine'"):
        call(monkeypatch, capsys, comparison, "--steps", "400")


def test_seeds_with_other_learning_rates_are_no_curve(comparison, monkeypatch, capsys):
    def reacted(row):
        return (
            row | dict(lr=float(row["lr"]) / 2)
            if row["run_id"] == "plateau1" and int(row["step"]) > 100
            else row
        )

    rewritten(comparison / "curves.csv", reacted)
    assert "plateau" not in call(monkeypatch, capsys, comparison)


def test_other_horizons_leave_out_what_reacts_to_the_loss(comparison, monkeypatch, capsys):
    said = call(monkeypatch, capsys, comparison, "--steps", "400")
    assert "linear" in said and "plateau" not in said
    with pytest.raises(SystemExit, match="plateau reacts to the loss"):
        call(monkeypatch, capsys, comparison, "--steps", "400", "--schedulers", "plateau")


def test_a_law_that_is_there_is_kept(comparison, monkeypatch, capsys):
    call(monkeypatch, capsys, comparison, "--fit-on", "constant,cosine,wsd")
    before = (comparison / "law.json").read_bytes()
    said = call(
        monkeypatch, capsys, comparison, "--law", "annealing", "--save-law", str(comparison / "other.json")
    )
    assert "other.json" in said and load_law(comparison / "other.json") != load_law(comparison / "law.json")
    assert (
        "was kept" in call(monkeypatch, capsys, comparison)
        and (comparison / "law.json").read_bytes() == before
    )


def test_several_peak_lrs_without_the_usual_one(comparison, monkeypatch, capsys):
    manifest = json.loads((comparison / "manifest.json").read_text())
    manifest["config"]["peak_lr"] = 1e-3  # which nothing was trained at
    (comparison / "manifest.json").write_text(json.dumps(manifest))
    assert "at a peak lr of 0.008" in call(monkeypatch, capsys, comparison)


def test_files_that_do_not_belong_together_are_one_line(comparison, monkeypatch, capsys):
    rewritten(comparison / "curves.csv", lambda row: None if row["run_id"] == "wsd1" else row)
    with pytest.raises(SystemExit, match="error: .* don't belong together"):
        call(monkeypatch, capsys, comparison)


def test_a_folder_without_a_comparison_is_one_line(tmp_path, monkeypatch, capsys):
    with pytest.raises(SystemExit, match="error: .* has no manifest.json"):
        call(monkeypatch, capsys, tmp_path)
