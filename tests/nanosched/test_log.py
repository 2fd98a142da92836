"""Runs in a log: all of them, step by step, and nothing of it in a run's way."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers import ROOT, is_one_line_error, read_curve

# wandb as far as nanosched knows it: what it is told goes into calls.jsonl, and $FAULT breaks it
STUB = """
import json, os, time
from pathlib import Path
from types import SimpleNamespace
FAULT = os.environ.get("FAULT")
class Error(Exception): ...
errors = SimpleNamespace(Error=Error)
def say(*call):
    with open(Path(__file__).parent / "calls.jsonl", "a") as file:
        file.write(json.dumps(call) + chr(10))
def setup():
    return SimpleNamespace(settings=SimpleNamespace(project=None, mode="online"))
def login(prompt):
    if FAULT == "network":
        raise Error("no network")
    return FAULT != "login"
class Run:
    def __init__(self, id):
        self.id, self.summary = id, SimpleNamespace(update=lambda values: say(id, "summary", values))
    def log(self, values, step):
        if FAULT == "log" and step == 3:
            raise RuntimeError("can't be sent")
        if FAULT == "hang" and step == 3:
            time.sleep(600)
        if FAULT == "death" and step == 3:
            os._exit(3)
        say(self.id, "log", step, values)
    def finish(self, exit_code):
        say(self.id, "finish", exit_code)
def init(id, name, config, resume, **more):
    if FAULT == "init":
        raise Error("init has timed out")
    say(id, "init", name, config, resume)
    return Run(id)
"""


@pytest.fixture
def calls(tmp_path, monkeypatch):
    """Reads what the stub was told so far: run id -> calls."""
    folder = tmp_path / "stub"
    folder.mkdir()
    (folder / "wandb.py").write_text(STUB)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.syspath_prepend(folder)

    def read():
        path, by_run = folder / "calls.jsonl", {}
        *lines, _ = path.read_text().split("\n") if path.exists() else [""]  # the last may be half a line
        for line in lines:
            run_id, *call = json.loads(line)
            by_run.setdefault(run_id, []).append(call)
        return by_run

    return read


def logged(run_calls):
    """step -> numbers; each step was logged once, in order."""
    rows = [(step, values) for kind, step, *values in run_calls if kind == "log" for values in values]
    assert [step for step, _ in rows] == list(range(len(rows)))
    return dict(rows)


def numbers(folder):
    """The curve of the one run below a folder, its times left out."""
    (run,) = (path for path in (folder / "runs").iterdir())
    curve = read_curve(run)
    return [list(map(repr, column)) for column in (curve.loss, curve.lr, curve.grad_norm, curve.val_loss)]


COMPARE = ("compare.py", "--config", "tiny.toml", "--schedulers", "wsd:cooldown=0.5,linear", "--no-probe")
TRAIN = ("train.py", "--config", "tiny.toml", "--out", "out")


def test_every_run_of_a_comparison_is_logged_once(cli, toml, calls, no_figures):
    toml()
    command = (*COMPARE, "--seeds", "0,1", "--average", "ema:decay=0.9", "--out", "out", "--log", "wandb")
    assert cli(*command).code == 0
    with open("out/runs.csv", newline="") as file:
        runs = {row["run_id"]: row for row in csv.DictReader(file) if not row["average"]}
    said = calls()
    assert said.keys() == runs.keys() and len(runs) == 4
    for run_id, row in runs.items():
        (_, name, config, resume), *_, summary, finish = said[run_id]
        assert name == f"{row['scheduler']}-lr0.01-steps12-seed{row['seed']}-{run_id[:8]}"
        assert (config["seed"], config["n_embd"], resume) == (int(row["seed"]), 16, "allow")
        assert config["schedule"].startswith(row["scheduler"].partition(":")[0])
        curve = read_curve(Path("out/runs", run_id))
        rows = logged(said[run_id])
        for tag, column in {"loss/train": curve.loss, "lr": curve.lr, "grad_norm": curve.grad_norm}.items():
            assert [values[tag] for values in rows.values()] == list(column)
        validated = {step: values["loss/val"] for step, values in rows.items() if "loss/val" in values}
        assert list(validated) == [4, 9, 11]
        assert list(validated.values()) == [curve.val_loss[step] for step in validated]
        final = json.loads(Path("out/runs", run_id, "run.json").read_text())
        assert summary[1]["final_val_loss"] == final["final_val_loss"]
        assert summary[1]["final_val_loss/ema:decay=0.9"] == final["averages"]["ema:decay=0.9"]
        assert finish == ["finish", 0]
    assert cli(*command).code == 0
    assert calls() == said  # they are all there


def test_runs_that_were_trained_without_a_log_are_logged_by_the_same_command_with_one(
    cli, toml, calls, no_figures
):
    toml()
    command = (*COMPARE, "--protocol", "carry-over", "--out", "out")
    assert cli(*command).code == 0 and not calls()
    assert cli(*command, "--log", "wandb").code == 0
    assert sorted(len(logged(run_calls)) for run_calls in calls().values()) == [12, 12]


def test_a_resumed_run_goes_on_in_its_log(cli, toml, calls):
    toml()
    assert cli(*TRAIN, "--log", "wandb", "--steps_this_run", "7").code == 0
    ((run_id, before),) = calls().items()
    assert before[-1] == ["finish", 1] and 0 < len(logged(before)) <= 7
    assert cli(*TRAIN, "--log", "wandb").code == 0
    after = calls()[run_id]
    assert len(logged(after)) == 12 and after[-1] == ["finish", 0]
    assert [call[0] for call in after].count("init") == 2


@pytest.mark.parametrize("fault", ["", "init", "log", "hang", "death"])
def test_a_log_changes_nothing_of_a_run_even_where_it_fails(cli, toml, tmp_path, calls, monkeypatch, fault):
    toml()
    assert cli(*TRAIN[:-1], "plain").code == 0
    monkeypatch.setenv("FAULT", fault)
    if fault == "hang":
        monkeypatch.setattr("nanosched.log.CLOSE_S", 2)
    done = cli(*TRAIN, "--log", "wandb")
    assert done.code == 0
    assert numbers(tmp_path / "out") == numbers(tmp_path / "plain")
    (run,), (plain,) = (list((tmp_path / out / "runs").iterdir()) for out in ("out", "plain"))
    assert {path.name for path in run.iterdir()} == {path.name for path in plain.iterdir()}
    reason = dict(
        init="init has timed out", log="can't be sent", hang="still sending", death="its process died"
    )
    warnings = [line for line in done.err.splitlines() if line.startswith("warning: the log")]
    assert len(warnings) == len(done.err.splitlines()) == bool(fault)
    assert all(reason[fault] in warning for warning in warnings)


@pytest.mark.parametrize("script", ["train.py", "compare.py"])
@pytest.mark.parametrize("fault, words", [("login", "`wandb login`"), ("network", "no network")])
def test_what_is_known_before_is_said_before(cli, toml, tmp_path, calls, monkeypatch, script, fault, words):
    toml()
    monkeypatch.setenv("FAULT", fault)
    done = cli(script, "--config", "tiny.toml", "--out", "out", "--log", "wandb")
    assert is_one_line_error(done, "--log wandb", words, "WANDB_MODE=offline")
    assert not list((tmp_path / "out").rglob("curve.csv"))


@pytest.mark.parametrize("script", ["train.py", "compare.py"])
def test_without_the_extra_nothing_is_trained(cli, toml, tmp_path, monkeypatch, script):
    toml()
    monkeypatch.setattr("importlib.util.find_spec", lambda name, *_: None)
    done = cli(script, "--config", "tiny.toml", "--out", "out", "--log", "trackio")
    assert is_one_line_error(done, "--log trackio", 'pip install "nanosched[trackio]"')
    assert not list(tmp_path.glob("out/**/curve.csv"))


def test_the_log_of_a_killed_command_is_closed(toml, tmp_path, calls):
    toml(steps=100_000, warmup_steps=2)
    command = [sys.executable, str(ROOT / "train.py"), *TRAIN[1:], "--log", "wandb"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    while not calls():
        assert process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    ((run_id, _),) = calls().items()
    while calls()[run_id][-1][0] != "finish":
        time.sleep(0.1)
    assert calls()[run_id][-1] == ["finish", 1] and logged(calls()[run_id])


def test_tensorboard_reads_what_was_trained_in_two_parts(cli, toml, tmp_path):
    toml()
    assert cli(*TRAIN, "--log", "tensorboard", "--steps_this_run", "7").code == 0
    assert cli(*TRAIN, "--log", "tensorboard").code == 0
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    (folder,) = tmp_path.glob("out/tensorboard/cosine-lr0.01-steps12-seed0-*")
    (run,) = (tmp_path / "out" / "runs").iterdir()
    events, curve = EventAccumulator(str(folder)).Reload(), read_curve(run)
    for tag, column in {"loss/train": curve.loss, "lr": curve.lr, "grad_norm": curve.grad_norm}.items():
        assert [event.step for event in events.Scalars(tag)] == list(range(12))
        assert [event.value for event in events.Scalars(tag)] == pytest.approx(list(column), rel=1e-6)
    assert [event.step for event in events.Scalars("loss/val")] == [4, 9, 11]
    assert [event.step for event in events.Scalars("final_val_loss")] == [11]
    assert '"n_embd": 16' in events.Tensors("config/text_summary")[0].tensor_proto.string_val[0].decode()


def test_wandb_itself_takes_it(cli, toml, tmp_path, monkeypatch):
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    toml()
    assert cli(*TRAIN, "--log", "wandb").err == ""
    (run,) = (tmp_path / "out" / "runs").iterdir()
    (file,) = tmp_path.glob(f"out/wandb/offline-run-*/run-{run.name}.wandb")
    content = file.read_bytes()
    assert all(word in content for word in (b"loss/train", b"loss/val", b"final_val_loss", b"cosine-lr0.01"))


def test_trackio_itself_takes_it(cli, toml, tmp_path, monkeypatch):
    pytest.importorskip("trackio")
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))
    toml()
    assert cli(*TRAIN, "--log", "trackio", "--steps_this_run", "7").err == ""
    assert cli(*TRAIN, "--log", "trackio").err == ""
    (run,) = (tmp_path / "out" / "runs").iterdir()
    code = f"""
import json
from trackio.sqlite_storage import SQLiteStorage
print(json.dumps(SQLiteStorage.get_logs("nanosched", "cosine-lr0.01-steps12-seed0-{run.name[:8]}")))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ)
    rows = json.loads(done.stdout.splitlines()[-1])
    losses = {row["step"]: row["loss/train"] for row in rows if "loss/train" in row}
    assert losses == dict(enumerate(read_curve(run).loss))
    assert sum("loss/train" in row for row in rows) == 12 and "final_val_loss" in rows[-1]
