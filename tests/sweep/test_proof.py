"""What lies in the store under a name is used only if it proves to be that."""

import shutil

import pytest
import torch
from helpers import Silent

from nanosched.config import Config
from nanosched.history import parse_curve
from schedulers import resolve
from sweep.execute import execute
from sweep.plan import distinct, make_schedules, plan_branches, plan_runs
from sweep.store import Store, saved_steps


@pytest.fixture
def config(tiny):
    return Config(**tiny, checkpoint_interval=4)


@pytest.fixture
def sweep(config, dataset, one_core):
    """Trains specs with seeds 0 and 1 into a folder, as far as `should_stop` lets; returns the runs."""

    def sweep(out, specs="constant,cosine", should_stop=lambda: False, slots=0):
        schedules = make_schedules(config, resolve(specs), [config.peak_lr], [config.steps])
        runs = distinct(plan_runs(config, schedules, [0, 1], dataset.fingerprint))
        store = Store(out)
        todo = [run for run in runs if not store.get(run.id)]
        branches = plan_branches(todo, config, saved_steps(store, todo, config, dataset.fingerprint))
        assert not execute(branches, config, dataset, store, [], Silent(), should_stop, slots)
        return runs

    return sweep


@pytest.fixture
def one_core(monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 1)


def curves(out, runs):
    texts = [(Store(out).folder(run.id) / "curve.csv").read_text() for run in runs]
    return [[parse_curve(text).loss.tolist(), parse_curve(text).lr.tolist()] for text in texts]


def stopped_in(out, sweep, slots=0):
    """Trains a part, twice; returns the checkpoints there."""
    for _ in range(2):
        calls = []
        sweep(out, should_stop=lambda calls=calls: calls.append(1) or len(calls) > 10, slots=slots)
    return sorted((out / "states").glob("*.pt"))


def test_another_runs_folder_is_trained_again_and_said_once(sweep, tmp_path, capsys):
    runs = sweep(tmp_path / "fine")
    shutil.copytree(tmp_path / "fine", tmp_path / "swapped")
    a, b = (Store(tmp_path / "swapped").folder(run.id) for run in runs[:2])
    shutil.rmtree(b)
    shutil.copytree(a, b)
    store = Store(tmp_path / "swapped")
    assert store.get(runs[1].id) is None and store.get(runs[1].id) is None
    said = f"{b} holds run {runs[0].id}: {runs[1].id} is trained again\n"
    assert store.get(runs[0].id) and capsys.readouterr().err == said
    sweep(tmp_path / "swapped")
    assert curves(tmp_path / "swapped", runs) == curves(tmp_path / "fine", runs)
    assert Store(tmp_path / "swapped").get(runs[1].id).record.run_id == runs[1].id


def edit(path, **changes):
    checkpoint = torch.load(path, weights_only=True)
    torch.save({**checkpoint, **changes}, path)


def rotate(paths):
    texts = [path.read_bytes() for path in paths]
    for path, text in zip(paths, texts[1:] + texts[:1]):
        path.write_bytes(text)


def older(path, owner):
    """As it was written before checkpoints said their seed and data."""
    checkpoint = torch.load(path, weights_only=True)
    del checkpoint["seed"], checkpoint["data_fingerprint"]
    torch.save({**checkpoint, "run_id": owner}, path)


def wider(path):
    checkpoint = torch.load(path, weights_only=True)
    checkpoint["model"] = {name: torch.cat([p, p]) for name, p in checkpoint["model"].items()}
    torch.save(checkpoint, path)


def moments_gone(path):
    checkpoint = torch.load(path, weights_only=True)
    checkpoint["optimizer"]["state"] = {}
    torch.save(checkpoint, path)


DAMAGES = {
    "swapped": rotate,
    "another step": lambda paths: [edit(path, iter_num=1) for path in paths],
    "another seed": lambda paths: [edit(path, seed=7, run_id="0" * 16) for path in paths],
    "other data": lambda paths: [edit(path, data_fingerprint="other", run_id="0" * 16) for path in paths],
    "other lrs": lambda paths: [
        edit(path, history={**torch.load(path)["history"], "lr": [0.5] * torch.load(path)["iter_num"]})
        for path in paths
    ],
    "other model": lambda paths: [wider(path) for path in paths],
    "no moments": lambda paths: [moments_gone(path) for path in paths],
    "an old one of another run": lambda paths: [older(path, "0" * 16) for path in paths],
    "from elsewhere": lambda paths: [torch.save({"model": {}}, path) for path in paths],
    "no checkpoint": lambda paths: [torch.save([1, 2], path) for path in paths],
    "a config of later": lambda paths: [edit(path, config=dict(new=1), run_id="0" * 16) for path in paths],
}


@pytest.mark.parametrize("damage, slots", [*((damage, 0) for damage in DAMAGES), ("swapped", 2)])
def test_a_checkpoint_that_is_not_what_its_name_says_is_not_trained_on(
    sweep, tmp_path, capsys, damage, slots
):
    runs = sweep(tmp_path / "fine", slots=slots)
    saved = stopped_in(tmp_path / "damaged", sweep, slots)
    assert len(saved) > 1
    DAMAGES[damage](saved)
    capsys.readouterr()
    sweep(tmp_path / "damaged", slots=slots)
    assert curves(tmp_path / "damaged", runs) == curves(tmp_path / "fine", runs)
    said = capsys.readouterr().err.splitlines()
    assert said and all("trained again" in line and "states/" in line for line in said)


def test_an_old_checkpoint_of_the_run_itself_is_gone_on_from(sweep, tmp_path, capsys):
    runs = sweep(tmp_path / "fine")
    saved = stopped_in(tmp_path / "old", sweep)
    for path in saved:
        older(path, torch.load(path, weights_only=True)["run_id"])
    capsys.readouterr()
    sweep(tmp_path / "old", "constant")
    assert curves(tmp_path / "old", runs[::2]) == curves(tmp_path / "fine", runs[::2])
    assert "trained again" not in capsys.readouterr().err


def test_other_files_beside_the_checkpoints_are_left_alone(sweep, tmp_path):
    states = tmp_path / "out" / "states"
    names = ["notes.pt", "a-b.pt", "0123456789abcdef-x.pt", "0123456789abcdef-5.pt.bak", "--.pt", "-1.pt"]
    states.mkdir(parents=True)
    for name in names:
        (states / name).write_text("mine")
    (states / "0123456789abcdef-6.pt").mkdir()
    assert Store(tmp_path / "out").checkpoints() == {}
    sweep(tmp_path / "out")
    assert sorted(path.name for path in states.iterdir()) == sorted([*names, "0123456789abcdef-6.pt"])
