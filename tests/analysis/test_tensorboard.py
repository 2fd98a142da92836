"""Event files of a real comparison, read back by TensorBoard itself."""

import csv
from pathlib import Path

import pytest
from helpers import is_one_line_error
from helpers_results import comparison_of, result

from analysis.tensorboard import write_events


def test_every_run_and_step_is_there(cli, toml, no_figures):
    toml(steps=6)
    command = (
        "compare.py",
        "--config",
        "tiny.toml",
        "--schedulers",
        "constant,wsd:cooldown=0.5",
        "--seeds",
        "0,1",
        "--out",
        "out",
    )
    assert cli(*command, "--tensorboard").code == 0
    assert cli(*command, "--tensorboard").code == 0  # a second call leaves one file per run
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    folders = sorted(path.name for path in Path("out/tensorboard").iterdir())
    assert folders == [
        f"{name}-lr0.01-steps6-seed{seed}" for name in ("constant", "wsd:cooldown=0.5") for seed in (0, 1)
    ]
    with open("out/curves.csv", newline="") as file:
        rows = [
            row
            for row in csv.DictReader(file)
            if (row["scheduler"], row["seed"]) == ("wsd:cooldown=0.5", "1")
        ]
    folder = Path("out/tensorboard/wsd:cooldown=0.5-lr0.01-steps6-seed1")
    assert len(list(folder.iterdir())) == 1
    events = EventAccumulator(str(folder)).Reload()
    for tag, column in {"loss/train": "loss", "lr": "lr", "grad_norm": "grad_norm"}.items():
        assert [event.step for event in events.Scalars(tag)] == list(range(6))
        assert [event.value for event in events.Scalars(tag)] == pytest.approx(
            [float(row[column]) for row in rows], rel=1e-6
        )
    assert [event.step for event in events.Scalars("loss/val")] == [
        int(row["step"]) for row in rows if row["val_loss"]
    ]


def test_runs_without_a_curve_have_no_folder_and_long_names_are_cut(tmp_path):
    results = [
        result("cosine", 2.0),
        result("diverging", None, "diverged", seed=1),
        result("failing", None, "failed"),
        result("x" * 300, 2.0),
    ]
    assert write_events(comparison_of(results), tmp_path) == [tmp_path / "tensorboard"]
    assert sorted(path.name for path in (tmp_path / "tensorboard").iterdir()) == [
        "cosine-lr0.01-steps300-seed0",
        "diverging-lr0.01-steps300-seed1",
        f"{'x' * 140}-0-lr0.01-steps300-seed0",
    ]


def test_without_the_extra_nothing_is_trained(cli, toml, tmp_path, monkeypatch):
    toml()
    monkeypatch.setattr("importlib.util.find_spec", lambda name, *_: None)
    assert is_one_line_error(
        cli("compare.py", "--config", "tiny.toml", "--tensorboard"), "pip install", "tensorboard"
    )
    assert not (tmp_path / "results").exists()
