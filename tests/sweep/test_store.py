"""A finished run is read once; the way to its checkpoints is worked out once."""

import pytest
from helpers import schedule_of

from nanosched.config import Config
from sweep import store as store_module
from sweep.plan import Run
from sweep.store import CheckpointPaths, Store, delete_checkpoints, saved_steps
from train import train


@pytest.fixture
def config(tiny):
    return Config(**tiny)


def count_calls(monkeypatch, name):
    calls, original = [], getattr(store_module, name)
    monkeypatch.setattr(store_module, name, lambda *args: calls.append(args) or original(*args))
    return calls


def test_a_finished_run_is_read_once_and_a_missing_one_looked_for_again(
    config, dataset, tmp_path, monkeypatch
):
    store, calls = Store(tmp_path), count_calls(monkeypatch, "read_run")
    assert store.get(None) is None and not calls
    run_id = config.run_id(schedule_of(config), 0, dataset.fingerprint)
    assert store.get(run_id) is None and store.get(run_id) is None and len(calls) == 2
    record = train(config, schedule_of(config), 0, dataset, store.folder(run_id))
    finished = store.get(run_id)
    assert finished.record == record and len(calls) == 3
    assert store.get(run_id) is finished and len(calls) == 3
    assert finished.curve is finished.curve and len(finished.curve.loss) == 12

    (store.folder(run_id) / "run.json").unlink()
    assert store.get(run_id) is finished
    store.forget(run_id)
    assert store.get(run_id) is None


def test_known_lrs_are_worked_out_once_for_all_of_a_runs_checkpoints(config, tmp_path, monkeypatch):
    calls, store = count_calls(monkeypatch, "known_lrs"), Store(tmp_path)
    (tmp_path / "states").mkdir()
    run = Run("plateau", schedule_of(config, "plateau"), 0, "0123456789abcdef")
    paths = CheckpointPaths(store, run, config, "data")
    saved = [paths.at(step) for step in (2, 5, 7)]  # 7 is past the first validation: the run's own
    for path in saved:
        path.touch()
    assert len(calls) == 1 and saved[2].name == "0123456789abcdef-7.pt"
    assert paths.saved(store.checkpoints()) == list(zip((7, 5, 2), saved[::-1])) and len(calls) == 1
    assert saved_steps(store, [run], config, "data") == {run.id: 7} and len(calls) == 2
    delete_checkpoints(store, [run], config, "data")
    assert len(calls) == 3 and not (tmp_path / "states").exists()
    assert saved_steps(store, [run], config, "data") == {} and len(calls) == 3


def test_an_error_is_kept_whole_and_returned_in_one_line(tmp_path):
    store = Store(tmp_path)
    try:
        raise RuntimeError("no memory\nand more")
    except RuntimeError as e:
        assert store.keep_error("broken", e) == "RuntimeError: no memory"
    text = (store.folder("broken") / "error.txt").read_text()
    assert "Traceback" in text and "and more" in text
