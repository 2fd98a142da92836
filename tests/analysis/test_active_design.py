"""The command `python -m analysis.design`: rounds of design, training and fit, and what is said of them."""

import json
import math
import subprocess
import sys
from dataclasses import asdict, replace

import pytest
from helpers import ROOT
from helpers_forecast import law_comparison, write_law_comparison

import analysis.write
from analysis import design, design_training
from analysis.design_promise import HeldOut, Trust
from analysis.design_rounds import (
    Outcome,
    Prediction,
    Round,
    is_design,
    is_own,
    label_of,
    read_rounds,
    write_rounds,
)
from analysis.design_training import against_others, check_complete, read_losses, read_protocol, without
from analysis.design_words import finding, forecast_promises, round_words, rounds_table
from analysis.figures.design import design_page
from analysis.measured import measured_from
from analysis.predictions import ForecastRow
from nanosched.csv_files import read_csv, write_csv
from theory import fit

SPECS = ("constant", "cosine", "wsd", "linear")
PREDICTION = Prediction(
    round=1,
    steps=200,
    peak_lr=8e-3,
    mean_lr=4e-3,
    best="wsd",
    predicted=2.5,
    low=2.4,
    high=2.6,
    predicted_gain=0.02,
    slope=0.5,
    residual=0.004,
    held_out=4,
    promised_gain=0.01,
    further_gain=0.01,
)
OUTCOME = Outcome(2.51, 2, "wsd", 0.01, 0.002, 0.018, "better")


def call(monkeypatch, capsys, *args):
    monkeypatch.setattr(sys, "argv", ["design", *map(str, args)])
    design.main()
    return capsys.readouterr().out


def refused(monkeypatch, capsys, *args):
    with pytest.raises(SystemExit) as error:
        call(monkeypatch, capsys, *args)
    line = str(error.value)
    assert line.startswith("error: ") and "\n" not in line
    return line


# -- trained for real


def test_two_rounds_are_trained_once(cli, toml, tmp_path, monkeypatch, capsys):
    """Each design with all seeds, by the command that made the comparison; then nothing is left to do."""
    toml(steps=100, warmup_steps=10, eval_interval=5, eval_batches=8)
    monkeypatch.setattr(fit, "MAX_MISFIT", 1.0)  # so tiny a model follows no law
    monkeypatch.setattr(fit, "MAX_STANDARD_ERROR", 1.0)
    monkeypatch.setattr(analysis.write, "PAGES", [])  # another test's
    options = ["--schedulers", "constant,wsd,wsd:cooldown=0.5", "--seeds", "0,1", "--no-probe"]
    assert cli("compare.py", "--config", "tiny.toml", *options, "--out", "out").code == 0

    def in_this_process(command):
        assert command[:2] == [sys.executable, str(ROOT / "compare.py")]
        return subprocess.CompletedProcess(command, cli("compare.py", *command[2:]).code)

    monkeypatch.setattr(subprocess, "run", in_this_process)  # which need not import torch again
    monkeypatch.setattr(Trust, "promise", lambda self, gain: abs(gain) + 1e-9)  # always worth a round
    monkeypatch.setattr(design, "leave_each_out", lambda law, curves: [HeldOut(c, 0.1, 0.1) for c in curves])
    said = call(monkeypatch, capsys, "out", "--rounds", "2")
    assert "The design of round 2" in said and "design.csv" in said

    runs = [row for row in read_csv("out/runs.csv") if row["scheduler"].startswith("forecast_optimal")]
    labels = [f"forecast_optimal:law=out/design/law_{number}.json" for number in (1, 2)]
    assert [(row["scheduler"], row["seed"]) for row in runs] == [(s, i) for i in "01" for s in labels]
    rows = read_csv("out/design.csv")
    assert [row["round"] for row in rows] == ["1", "2"] and all(row["seeds"] == "2" for row in rows)
    assert rows[0]["held_out"] < rows[1]["held_out"]  # the first design is among the curves of the second
    assert (tmp_path / "out" / "figures" / "design.png").stat().st_size > 10_000

    trained = [path.stat().st_mtime_ns for path in sorted(tmp_path.glob("out/runs/*/run.json"))]
    laws = [path.read_bytes() for path in sorted(tmp_path.glob("out/design/*"))]
    monkeypatch.setattr(subprocess, "run", lambda *_: pytest.fail("trained again"))
    call(monkeypatch, capsys, "out", "--rounds", "2")
    assert read_csv("out/design.csv") == rows
    assert [path.stat().st_mtime_ns for path in sorted(tmp_path.glob("out/runs/*/run.json"))] == trained
    assert [path.read_bytes() for path in sorted(tmp_path.glob("out/design/*"))] == laws


# -- with losses that follow a law


@pytest.fixture
def comparison(tmp_path, monkeypatch):
    """The files of a comparison whose losses follow a law; compare.py is one that writes them again."""
    out = tmp_path / "out"
    write(out, SPECS)
    calls = []

    def run(command):
        words = command[2:]
        labels = design_training.split_specs(words[words.index("--schedulers") + 1])
        calls.append(labels)
        write(out, labels)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(subprocess, "run", run)
    return out, calls


def write(out, specs, words="", **run):
    write_law_comparison(out, specs, **run)
    results = law_comparison(specs, **run).results
    manifest = json.loads((out / "manifest.json").read_text())
    manifest["command"] = f"python compare.py --seeds 0-1 --schedulers {','.join(specs)} --out {out} {words}"
    manifest["runs"] = [
        dict(scheduler=r.setting.scheduler, seed=r.seed, peak_lr=r.setting.peak_lr, steps=r.setting.steps)
        for r in results
    ]
    (out / "manifest.json").write_text(json.dumps(manifest))


def test_rounds_end_where_the_next_design_promises_nothing(comparison, monkeypatch, capsys):
    out, calls = comparison
    said = call(monkeypatch, capsys, out, "--rounds", "3")
    assert calls == [[*SPECS, label_of(out, 1)]]
    first, second = read_rounds(out)
    assert first.outcome.gain == pytest.approx(first.prediction.predicted_gain, abs=5e-3)
    assert first.outcome.gain > 0  # no schedule of its peak is better under the law that the losses follow
    assert math.isnan(second.prediction.further_gain) and second.outcome is None
    assert "Not trained" in said and said.count("not trained") == 1
    before = (out / "design.csv").read_bytes()
    call(monkeypatch, capsys, out, "--rounds", "3")
    assert len(calls) == 1 and (out / "design.csv").read_bytes() == before


def test_a_prediction_is_written_before_the_training(comparison, monkeypatch, capsys):
    out, _ = comparison
    monkeypatch.setattr(design_training.subprocess, "run", lambda c: subprocess.CompletedProcess(c, 1))
    assert "was not trained" in refused(monkeypatch, capsys, out)
    (kept,) = read_rounds(out)
    assert kept.outcome is None and kept.prediction.best in SPECS
    assert (out / "design" / "law_1.json").is_file() and (out / "design" / "held_out_1.csv").is_file()


def test_a_folder_that_was_moved_names_its_designs_anew(comparison, monkeypatch, capsys):
    out, calls = comparison
    old = "forecast_optimal:law=old/design/law_1.json"
    manifest = json.loads((out / "manifest.json").read_text())
    manifest["command"] = manifest["command"].replace("wsd", f"wsd,{old}")
    (out / "manifest.json").write_text(json.dumps(manifest))
    call(monkeypatch, capsys, out, "--rounds", "1")
    assert calls == [[*SPECS, label_of(out, 1)]] and is_own(old)


@pytest.mark.parametrize("option", ["--tune", "--until-decided", "--aa"])
def test_comparisons_with_other_seeds_or_peaks_for_each_are_refused(tmp_path, monkeypatch, capsys, option):
    write(tmp_path / "out", SPECS, option)
    assert f"made with {option}" in refused(monkeypatch, capsys, tmp_path / "out")


def test_a_design_is_made_at_one_peak_lr(tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"
    write(out, SPECS, peaks=(4e-3, 8e-3))
    assert "peak lrs 0.004, 0.008" in refused(monkeypatch, capsys, out)
    assert read_protocol(out, 4e-3).command[-4:] == ("--peak-lr", "0.004", "--out", str(out))


def test_what_cannot_be_designed_is_one_line(tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"
    assert "no manifest.json" in refused(monkeypatch, capsys, out)
    write(out, ["constant", "inverse_sqrt"][:1])
    assert "no curve has an lr that drops" in refused(monkeypatch, capsys, out)
    write(tmp_path / "with, comma", SPECS)
    assert "without , and spaces" in refused(monkeypatch, capsys, tmp_path / "with, comma")
    rows = read_csv(out / "runs.csv")
    write_csv(out / "runs.csv", list(rows[0]), [])
    assert "no run of this comparison has ended" in refused(monkeypatch, capsys, out)
    write(out, SPECS)
    write_rounds(out, [Round(replace(PREDICTION, steps=400))])
    assert "is gone" in refused(monkeypatch, capsys, out)
    (out / "design").mkdir()
    for name in ("law_1.json", "held_out_1.csv"):
        (out / "design" / name).touch()
    assert "design.csv is of 400 steps" in refused(monkeypatch, capsys, out)
    (out / "design.csv").write_text("a,b\n1,2\n")
    assert "no rounds of a design" in refused(monkeypatch, capsys, out)


def test_a_design_that_lacks_a_seed_is_named(tmp_path):
    write(tmp_path / "out", SPECS)
    protocol = read_protocol(tmp_path / "out", None)
    assert protocol.seeds == (0, 1) and protocol.schedulers == SPECS
    check_complete({"mine": {0: 2.0, 1: 2.1}}, "mine", protocol)
    for losses in ({"mine": {0: 2.0, 1: math.nan}}, {"mine": {0: 2.0}}):
        with pytest.raises(ValueError, match="mine has no complete run with seed 1"):
            check_complete(losses, "mine", protocol)


def test_options_are_taken_out_of_a_command():
    words = "--seeds 0 1 --schedulers a b:k=1 --out=x --tune".split()
    assert without(words, "--schedulers", "--out") == (
        ["--seeds", "0", "1", "--tune"],
        {"--schedulers": ["a", "b:k=1"], "--out": ["x"]},
    )


def test_a_design_is_compared_with_the_best_schedule_that_is_none(tmp_path):
    write(tmp_path / "out", SPECS)
    losses = read_losses(read_protocol(tmp_path / "out", None), 8e-3)
    assert set(losses) == set(SPECS) and set(losses["wsd"]) == {0, 1}
    mine, other = "forecast_optimal:law=a/design/law_1.json", "forecast_optimal:law=b.json"
    losses = {
        "wsd": {0: 2.0, 1: 2.1, 2: 2.2},
        "cosine": {0: 2.1, 1: 2.2, 2: 2.31},
        other: {0: 1.0, 1: 1.1, 2: 1.2},
        mine: {0: 1.89, 1: 2.0, 2: 2.11},
    }
    one, of_two = (against_others(losses, mine, designs) for designs in (1, 2))
    assert one.to == "wsd" and one.mean == pytest.approx(-0.1) and is_design(other)
    assert of_two.low < one.low and one.high < of_two.high  # the level is shared


# -- words, table and figure


def test_a_design_below_the_residual_gets_no_number():
    trained = Round(PREDICTION, OUTCOME)
    idle = Round(
        replace(PREDICTION, round=2, predicted_gain=0.006, promised_gain=math.nan, further_gain=math.nan)
    )
    first, second = rounds_table([trained, idle]).rows
    assert first[5:] == ["0.0100", "+0.0100", "+0.0020 to +0.0180"]
    assert second[5:] == ["no promise", "not trained", ""]
    assert round_words(trained) == "Round 1: a gain of 0.0200 over wsd predicted, 0.0100 promised."
    assert "no promise: 0.50 of it is 0.0030, and the law errs by 0.0040." in round_words(idle)
    assert (
        trained.wanted
        and not idle.wanted
        and replace(idle, prediction=replace(idle.prediction, round=1)).wanted
    )


@pytest.mark.parametrize(
    "verdict, words",
    [
        ("better", "ends below wsd by 0.0100 nats per token, by more than noise"),
        ("worse", "ends above wsd by 0.0100 nats per token, by more than noise"),
        ("equivalent", "is worse than wsd by no more than the margin"),
        ("undecided", "ends 0.0100 nats per token below wsd, which 2 seeds cannot tell from noise"),
        ("identical", "is the same run as wsd"),
    ],
)
def test_the_finding_is_the_verdict(verdict, words):
    rounds = [Round(PREDICTION, replace(OUTCOME, verdict=verdict)), Round(replace(PREDICTION, round=2))]
    assert finding(rounds) == f"The design of round 1 {words}"


def test_rounds_come_back_from_their_file(tmp_path):
    unknown = replace(PREDICTION, round=2, slope=math.nan, residual=math.nan, further_gain=math.nan)
    (tmp_path / "design").mkdir()
    for number in (1, 2):
        (tmp_path / "design" / f"law_{number}.json").touch()
        (tmp_path / "design" / f"held_out_{number}.csv").touch()
    write_rounds(tmp_path, [Round(PREDICTION, OUTCOME), Round(unknown)])
    first, second = read_rounds(tmp_path)
    assert first == Round(PREDICTION, OUTCOME) and second.outcome is None
    assert str(asdict(second.prediction)) == str(asdict(unknown))  # NaN is not equal to itself


def test_a_forecast_promises_only_what_its_unseen_schedules_bear_out():
    def row(name, predicted, measured, fitted_on=False):
        return ForecastRow(name, 100, 1e-3, fitted_on, predicted, 2.0, 3.0, measured)

    mine = row("forecast_optimal:law=x.json", 2.0, math.nan)
    others = [row("wsd", 2.1, 2.1, True), row("a", 2.2, 2.15), row("b", 2.3, 2.2), row("c", 2.5, 2.3)]
    assert forecast_promises(others) == []
    assert forecast_promises([mine, *others]) == [
        "forecast_optimal:law=x.json: a gain of 0.1000 over wsd predicted, 0.0500 promised."
    ]
    assert "no promise: 2 schedules held out are too few" in forecast_promises([mine, *others[:3]])[0]
    assert "no promise" in forecast_promises([mine])[0]


def test_the_figure_has_the_designs_and_what_was_held_out(tmp_path):
    out, label = tmp_path, label_of(tmp_path, 1)
    measured = measured_from(law_comparison(SPECS))
    measured = replace(measured, curves=measured.curves | {label: measured.curves["linear"]})
    held_out = [HeldOut("cosine", -0.03, -0.02), HeldOut("linear", -0.01, -0.02), HeldOut("a", 0.01, 0.0)]
    fig = design_page(out, [Round(PREDICTION, OUTCOME)], measured, held_out)
    lrs, gains = fig.axes
    assert [line.get_label() for line in lrs.get_lines()] == ["wsd", "round 1"]
    assert list(lrs.get_lines()[1].get_ydata()) == list(measured.curves["linear"].lrs)
    rings, interval, diamond, slope = gains.get_lines()[:4]
    assert list(rings.get_xdata()) == [-0.03, -0.01, 0.01] and list(rings.get_ydata()) == [-0.02, -0.02, 0.0]
    assert list(interval.get_ydata()) == [0.002, 0.018] and list(diamond.get_xydata()[0]) == [0.02, 0.01]
    assert slope.get_ydata() == pytest.approx(0.5 * slope.get_xdata())
    assert fig.texts[0].get_text().startswith("The design of round 1 ends below wsd")
