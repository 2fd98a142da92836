"""Branches trained side by side: how many at once, and that no number changes."""

import os
import signal
import subprocess
from pathlib import Path

import pytest
from helpers import Silent

from nanosched import locks
from nanosched.config import Config
from nanosched.interrupt import unheard_by_children
from schedulers import resolve
from sweep import workers
from sweep.execute import execute
from sweep.plan import distinct, make_schedules, plan_branches, plan_runs
from sweep.store import CheckpointPaths, Store
from sweep.workers import DIED, max_workers
from train import train

GB = 1_000_000_000


@pytest.mark.parametrize(
    "cores, threads, memory, expected",
    [
        (64, 1, 256 * GB, 64),  # a run per core, as the README says
        (64, 4, 256 * GB, 16),
        (64, 1, None, 64),  # a system that doesn't say
        (64, 1, 10 * GB, 20),
        (2, 1, GB // 4, 1),
        (2, 4, 256 * GB, 1),
        (None, 1, 256 * GB, 1),
    ],
)
def test_a_worker_for_every_core_that_the_memory_has_room_for(monkeypatch, cores, threads, memory, expected):
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    monkeypatch.setattr(workers, "free_memory", lambda: memory)
    assert max_workers(Config(device="cpu", threads=threads)) == expected
    assert max_workers(Config(device="cuda", threads=threads)) == 1


@pytest.fixture
def two_workers(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(workers, "free_memory", lambda: 256 * GB)


def plan(config, dataset, specs):
    schedules = make_schedules(config, resolve(specs), [config.peak_lr], [config.steps])
    runs = distinct(plan_runs(config, schedules, [0], dataset.fingerprint))
    return runs, plan_branches(runs, config)


class Listening(Silent):
    """Keeps what it hears."""

    def __init__(self):
        self.started, self.ended = [], {}

    def start(self, branch):
        self.started.append(branch.run.label)

    def end(self, branch, record, error):
        self.ended[branch.run.label] = error or record


def numbers(folder):
    """curve.csv without step_s."""
    rows = (line.split(",") for line in (folder / "curve.csv").read_text().splitlines())
    return [row[:4] + row[5:] for row in rows]


def test_runs_side_by_side_are_the_ones_trained_alone(tiny, dataset, tmp_path, two_workers):
    config, store, display = Config(**tiny), Store(tmp_path / "sweep"), Listening()
    runs, branches = plan(config, dataset, "constant,wsd,cosine,plateau:patience=100")
    assert execute(branches, config, dataset, store, [], display, lambda: False) == {}
    assert sorted(display.started) == sorted(run.label for run in runs)
    for run in runs:
        record = train(config, run.schedule, 0, dataset, tmp_path / run.id)
        assert numbers(store.folder(run.id)) == numbers(tmp_path / run.id)
        assert display.ended[run.label].final_val_loss == record.final_val_loss
    assert not list((tmp_path / "sweep" / "states").glob("*"))


DIES = """
import os
from multiprocessing import parent_process
from pathlib import Path
from schedulers import Schedule, register

class Dies(Schedule):
    reactive = True

    def __call__(self, step, val_losses=None):
        tries = Path({folder!r}) / self.name
        if step == 7 and parent_process():  # in training, and not in the plan
            tries.write_text(tries.read_text() + "x" if tries.exists() else "x")
            if len(tries.read_text()) <= self.deaths:
                os._exit(9)  # as when the kernel runs out of memory
        return self.peak_lr

@register("dies_once")
class DiesOnce(Dies):
    deaths = 1

@register("dies_twice")
class DiesTwice(Dies):
    deaths = 2
"""


def test_a_branch_whose_process_dies_goes_on_once(tiny, dataset, tmp_path, two_workers):
    config, store, display = Config(**tiny, checkpoint_interval=3), Store(tmp_path / "sweep"), Listening()
    (tmp_path / "mine.py").write_text(DIES.format(folder=str(tmp_path)))
    runs, branches = plan(config, dataset, f"{tmp_path / 'mine.py'},cosine")
    files = [str(tmp_path / "mine.py")]
    errors = execute(branches, config, dataset, store, files, display, lambda: False)
    assert list(errors.values()) == [DIED] and len(runs) == 3
    (failed,) = (run for run in runs if run.id in errors)
    assert failed.schedule.name == "dies_twice"
    for run in runs:
        if run is not failed:
            train(config, run.schedule, 0, dataset, tmp_path / run.id)
            assert numbers(store.folder(run.id)) == numbers(tmp_path / run.id)


FAILS_THERE = """
from multiprocessing import parent_process
from schedulers import Schedule, register

if parent_process():  # in a worker
    {does}

@register("mine")
class Mine(Schedule):
    def scale(self, t):
        return 1 - t / self.steps
"""


@pytest.mark.parametrize(
    "does, words",
    [
        ("raise RuntimeError('not here')", "not here"),
        ("import os; os._exit(9)", "out of memory, or killed"),
        ("import sys; sys.exit(0)", "SystemExit"),
    ],
)
def test_workers_that_cant_start_are_one_line(tiny, dataset, tmp_path, two_workers, capfd, does, words):
    config, store, display = Config(**tiny), Store(tmp_path / "sweep"), Listening()
    (tmp_path / "mine.py").write_text(FAILS_THERE.format(does=does))
    runs, branches = plan(config, dataset, f"{tmp_path / 'mine.py'},cosine,wsd")
    files = [str(tmp_path / "mine.py")]
    errors = execute(branches, config, dataset, store, files, display, lambda: False)
    assert errors.keys() == {run.id for run in runs}
    (error,) = set(errors.values())
    assert error.startswith("its process can't start: ") and words in error and "\n" not in error
    assert capfd.readouterr().err == ""


def test_those_that_start_train_everything(tiny, dataset, tmp_path, two_workers, monkeypatch):
    started, original = [], workers.Worker

    def scarce(*args):
        if started:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        started.append(original(*args))
        return started[0]

    monkeypatch.setattr(workers, "Worker", scarce)
    config, store = Config(**tiny), Store(tmp_path / "sweep")
    runs, branches = plan(config, dataset, "constant,cosine")
    assert execute(branches, config, dataset, store, [], Silent(), lambda: False) == {}
    assert all(store.get(run.id) for run in runs)

    fresh = Store(tmp_path / "none")
    errors = execute(branches, config, dataset, fresh, [], Silent(), lambda: False)
    assert set(errors.values()) == {
        "its process can't start: BlockingIOError: [Errno 11] Resource temporarily unavailable"
    }


def test_what_a_worker_warns_of_is_shown(tiny, dataset, tmp_path, two_workers, capfd):
    config, store = Config(**tiny), Store(tmp_path / "sweep")
    runs, branches = plan(config, dataset, "constant,linear")
    path = CheckpointPaths(store, runs[0], config, dataset.fingerprint).at(5)
    path.parent.mkdir(parents=True)
    path.write_text("damaged")
    assert execute(branches, config, dataset, store, [], Silent(), lambda: False) == {}
    assert f"{path} can't be read (BadZipFile): its steps are trained again\n" == capfd.readouterr().err


def test_stopped_workers_say_nothing(tiny, dataset, tmp_path, two_workers, capfd):
    """One of them is idle, and its last message is not read."""
    config, store, display = Config(**tiny), Store(tmp_path / "sweep"), Listening()
    runs, branches = plan(config, dataset, "constant,cosine")
    assert sum(branch.parent is None for branch in branches) == 1
    execute(branches, config, dataset, store, [], display, lambda: bool(display.started))
    assert display.started == ["constant"] and capfd.readouterr().err == ""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux says what is blocked")
def test_ctrl_c_never_reaches_a_worker_not_while_it_imports_either():
    def blocks_sigint():
        status = subprocess.run(["cat", "/proc/self/status"], capture_output=True, text=True).stdout
        blocked = next(line for line in status.splitlines() if line.startswith("SigBlk:"))
        return bool(int(blocked.split()[1], 16) >> (signal.SIGINT - 1) & 1)

    with unheard_by_children():
        assert blocks_sigint()
    assert not blocks_sigint()


def test_a_run_that_another_process_trains_fails_alone(tiny, dataset, tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "WAIT_S", 0)
    config, store = Config(**tiny), Store(tmp_path / "sweep")
    runs, branches = plan(config, dataset, "constant,cosine")
    for slots in (0, 2):
        with locks.lock_run(store.folder(runs[0].id)):
            monkeypatch.setattr(os, "cpu_count", lambda: 1)
            errors = execute(branches, config, dataset, store, [], Silent(), lambda: False, slots)
        assert list(errors) == [runs[0].id] and "is being trained by" in errors[runs[0].id]
        assert store.get(runs[1].id)
    assert execute(branches, config, dataset, store, [], Silent(), lambda: False) == {}
