"""The command `python -m analysis.forecast` and its figure, and what a law is fitted on."""

import json
import sys
from dataclasses import replace

import numpy as np
import pytest
from helpers_forecast import law_comparison, write_law_comparison

from analysis.forecast import main
from analysis.measured import measured_from, read_measured
from analysis.report.theory import forecast_blocks
from nanosched.csv_files import read_csv, write_csv
from nanosched.run_files import Status
from theory import load_law

SPECS = ("constant", "cosine", "wsd", "linear", "plateau")


@pytest.fixture
def comparison(tmp_path):
    """The files of a comparison whose losses follow a law, with two seeds, as compare.py writes them."""
    write_law_comparison(tmp_path, SPECS)
    return tmp_path


def call(monkeypatch, capsys, *args):
    monkeypatch.setattr(sys, "argv", ["forecast", *map(str, args)])
    main()
    return capsys.readouterr().out


def test_the_command_predicts_what_it_has_not_seen(comparison, monkeypatch, capsys):
    printed = call(monkeypatch, capsys, comparison, "--fit-on", "constant,cosine,wsd")
    assert "validation loss after 200 steps" in printed and "law.json" in printed
    rows = {row["scheduler"]: row for row in read_csv(comparison / "forecast.csv")}
    assert {name for name, row in rows.items() if row["fitted_on"] == "True"} == {"constant", "cosine", "wsd"}
    assert float(rows["linear"]["predicted"]) == pytest.approx(float(rows["linear"]["measured"]), abs=2e-3)
    assert (comparison / "figures" / "forecast.png").stat().st_size > 10_000
    printed = call(
        monkeypatch,
        capsys,
        comparison,
        "--schedulers",
        "rex,forecast_optimal:law=" + str(comparison / "law.json"),
        "--steps",
        "400",
    )
    assert "after 400 steps" in printed and "rex" in printed


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
    printed = call(
        monkeypatch,
        capsys,
        comparison,
        "--fit-on",
        "constant,cosine,wsd",
        "--law",
        "published-multi-power",
        "--schedulers",
        "cosine_restarts:period=6,linear",
    )
    linear, restarts = read_csv(comparison / "forecast.csv")
    assert linear["scheduler"] == "linear" and float(linear["low"]) < float(linear["predicted"]) < float(
        linear["high"]
    )
    assert restarts["predicted"] == restarts["low"] == restarts["high"] == "" and "left open" in printed


def test_the_reports_section_says_what_the_command_does(comparison, monkeypatch, capsys):
    call(monkeypatch, capsys, comparison, "--fit-on", "constant,cosine,wsd")
    rows = {row["scheduler"]: row for row in read_csv(comparison / "forecast.csv")}
    labels = ("constant", "cosine", "wsd", "linear")
    words, table = forecast_blocks(law_comparison(SPECS), dict.fromkeys(labels))
    assert "of 1 other at a peak lr of 8e-3" in words.text and "seen it: error 0.0" in words.text
    assert "within its 95% interval." in words.text
    assert "left open" not in words.text
    assert {schedule.name for schedule, *_ in table.rows} == set(labels)
    predictions = []
    for schedule, predicted, interval, measured in table.rows:
        row = rows[schedule.name]
        predictions.append(float(predicted))
        assert predictions[-1] == pytest.approx(float(row["predicted"]), abs=6e-5)
        assert interval == f"{float(row['low']):.4f} to {float(row['high']):.4f}"
        assert float(measured) == pytest.approx(float(row["measured"]), abs=6e-5)
    assert predictions == sorted(predictions)


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
            if row["run_id"] == "plateau@0.008-1" and int(row["step"]) > 100
            else row
        )

    rewritten(comparison / "curves.csv", reacted)
    assert "plateau" not in call(monkeypatch, capsys, comparison)


def test_other_horizons_leave_out_what_reacts_to_the_loss(comparison, monkeypatch, capsys):
    printed = call(monkeypatch, capsys, comparison, "--steps", "400")
    assert "linear" in printed and "plateau" not in printed
    with pytest.raises(SystemExit, match="plateau reacts to the loss"):
        call(monkeypatch, capsys, comparison, "--steps", "400", "--schedulers", "plateau")


def test_a_law_that_is_there_is_kept(comparison, monkeypatch, capsys):
    call(monkeypatch, capsys, comparison, "--fit-on", "constant,cosine,wsd")
    before = (comparison / "law.json").read_bytes()
    printed = call(
        monkeypatch, capsys, comparison, "--law", "annealing", "--save-law", str(comparison / "other.json")
    )
    assert "other.json" in printed and load_law(comparison / "other.json") != load_law(
        comparison / "law.json"
    )
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
    rewritten(comparison / "curves.csv", lambda row: None if row["run_id"] == "wsd@0.008-1" else row)
    with pytest.raises(SystemExit, match="error: .* don't belong together"):
        call(monkeypatch, capsys, comparison)


def test_a_folder_without_a_comparison_is_one_line(tmp_path, monkeypatch, capsys):
    with pytest.raises(SystemExit, match="error: .* has no manifest.json"):
        call(monkeypatch, capsys, tmp_path)


# --- what a law is fitted on


def assert_same(measured, other):
    assert list(measured.curves) == list(other.curves)
    for label, curve in measured.curves.items():
        for name in ("lrs", "steps", "losses", "name"):
            assert np.array_equal(getattr(curve, name), getattr(other.curves[label], name))
    assert replace(measured, curves={}) == replace(other, curves={})


@pytest.mark.parametrize(
    "run",
    [dict(), dict(steps=70), dict(peaks=(4e-3, 8e-3)), dict(peaks=(2e-3, 4e-3))],
    ids=["validation", "training", "common peak", "usual peak"],
)
def test_memory_and_files_give_the_same_curves(tmp_path, run):
    write_law_comparison(tmp_path, SPECS, **run)
    measured = measured_from(law_comparison(SPECS, **run))
    assert_same(measured, read_measured(tmp_path))
    assert list(measured.curves) == list(SPECS) and measured.seeds == 2
    assert ("training loss" in measured.what) == ("steps" in run)


def test_schedules_with_an_incomplete_seed_are_left_out():
    comparison = law_comparison(SPECS)
    diverged = replace(comparison.results[0].run.record, status=Status.DIVERGED.value, final_val_loss=None)
    results = [
        replace(comparison.results[0], run=replace(comparison.results[0].run, record=diverged)),
        *comparison.results[1:3],
        replace(comparison.results[3], run=None),
        *comparison.results[4:],
    ]
    measured = measured_from(replace(comparison, results=tuple(results)))
    assert list(measured.curves) == ["wsd", "linear", "plateau"]


def test_a_comparison_in_memory_without_curves_for_a_law_is_refused():
    comparison = law_comparison(SPECS)
    for refused, words in (
        (replace(comparison, protocol="carry-over"), "fresh weights"),
        (replace(comparison, results=()), "no run"),
    ):
        with pytest.raises(ValueError, match=words):
            measured_from(refused)
    with pytest.raises(ValueError, match="give one of 0.008"):
        measured_from(comparison, peak_lr=1.0)
