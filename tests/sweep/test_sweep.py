"""The sweep as one program: branches are exact, and whatever kills it costs no number."""

import csv
import multiprocessing
import os
import random
import resource
import runpy
import sys
import time
from pathlib import Path

import pytest
from helpers import ROOT, Silent, write_toml

from nanosched.config import Config
from schedulers import resolve
from sweep.plan import distinct, make_schedules, plan_branches, plan_runs
from sweep.store import CheckpointPaths, Store

TIMES = {"wall_s", "marginal_s", "tokens_per_s", "step_ms_p50", "step_ms_p95", "mfu", "step_s"}
SPECS = "constant,cosine,wsd,step,plateau:patience=1,cyclic"


@pytest.fixture
def config(tiny):
    return lambda **changes: Config(**{**tiny, "steps": 24, "warmup_steps": 3, **changes})


@pytest.fixture
def sweep(dataset, monkeypatch):
    """Trains specs into a folder, in this process; returns (runs, branches, errors)."""
    from sweep.execute import execute

    monkeypatch.setattr(os, "cpu_count", lambda: 1)

    def sweep(out, config, specs, horizons=(24,), display=None, should_stop=lambda: False, slots=0):
        schedules = make_schedules(config, resolve(specs), [config.peak_lr], horizons)
        runs = distinct(plan_runs(config, schedules, [0], dataset.fingerprint))
        branches = plan_branches(runs, config)
        store = Store(out)
        return (
            runs,
            branches,
            execute(branches, config, dataset, store, [], display or Silent(), should_stop, slots),
        )

    return sweep


def numbers(path):
    """A CSV without the columns of time."""
    with open(path, newline="") as file:
        return [
            {name: value for name, value in row.items() if name not in TIMES} for row in csv.DictReader(file)
        ]


def curve(out, run):
    return numbers(Store(out).folder(run.id) / "curve.csv")


def is_complete(out, run):
    return Store(out).get(run.id) is not None


def test_a_branch_is_bit_for_bit_the_run_trained_alone_for_every_schedule(config, dataset, sweep, tmp_path):
    from train import train

    c = config(dropout=0.1)
    runs, branches, errors = sweep(tmp_path / "sweep", c, "all", horizons=(12, 24))
    assert not errors and sum(branch.start > 0 for branch in branches) > 30
    for run in runs:
        alone = tmp_path / "alone" / run.id
        record = train(c, run.schedule, run.seed, dataset, alone)
        assert curve(tmp_path / "sweep", run) == numbers(alone / "curve.csv"), run
        assert record.run_id == run.id
    assert not list(tmp_path.glob("sweep/states/*"))


def test_a_branch_point_has_the_weights_and_moments_of_the_run_alone(config, dataset, sweep, tmp_path):
    import torch

    from train import train

    c, kept = config(), {}

    class Keeper(Silent):
        def end(self, branch, record, error):
            paths = CheckpointPaths(Store(tmp_path / "sweep"), branch.run, c, dataset.fingerprint)
            for step in branch.branch_points:
                kept[branch.run, step] = torch.load(paths.at(step), weights_only=True)

    sweep(tmp_path / "sweep", c, "constant,cosine,wsd", display=Keeper())
    assert len(kept) == 2
    for (run, step), state in kept.items():
        train(c, run.schedule, run.seed, dataset, tmp_path / f"alone{step}", steps_now=step)
        alone = torch.load(tmp_path / f"alone{step}" / "ckpt.pt", weights_only=True)
        for name, value in alone["model"].items():
            assert torch.equal(value, state["model"][name])
        for index, moments in alone["optimizer"]["state"].items():
            for name, value in moments.items():
                assert torch.equal(value, state["optimizer"]["state"][index][name])


def floats(rows, name):
    return [float(row[name]) for row in rows if row[name]]


@pytest.mark.parametrize("slots", [1, 3])
def test_stacked_runs_are_the_separate_ones_up_to_rounding(config, sweep, tmp_path, slots):
    """float32 keeps 7 digits, and 24 steps of a tiny model lose two of them."""
    runs, _, errors = sweep(tmp_path / "stacked", config(), "all", horizons=(12, 24), slots=slots)
    sweep(tmp_path / "separate", config(), "all", horizons=(12, 24))
    assert not errors and not list(tmp_path.glob("stacked/states/*"))
    for run in runs:
        stacked, separate = curve(tmp_path / "stacked", run), curve(tmp_path / "separate", run)
        for name in ("step", "lr"):
            assert [row[name] for row in stacked] == [row[name] for row in separate]
        for name in ("loss", "grad_norm", "val_loss"):
            assert floats(stacked, name) == pytest.approx(
                floats(separate, name), rel=1e-5 if name != "grad_norm" else 1e-4
            )


def test_stopped_stacked_runs_go_on(config, sweep, tmp_path):
    calls, c = [], config(checkpoint_interval=4, dropout=0.2)
    runs, _, _ = sweep(
        tmp_path / "stopped", c, "all", slots=3, should_stop=lambda: calls.append(1) or len(calls) > 60
    )
    assert 0 < sum(is_complete(tmp_path / "stopped", run) for run in runs) < len(runs)
    sweep(tmp_path / "stopped", c, "all", slots=3)
    sweep(tmp_path / "straight", c, "all", slots=3)
    for run in runs:
        assert curve(tmp_path / "stopped", run) == curve(tmp_path / "straight", run)


def test_a_stacked_run_that_diverges_or_fails_leaves_the_others_alone(config, sweep, tmp_path, monkeypatch):
    import train

    c = config(peak_lr=1e6)
    runs, _, errors = sweep(tmp_path / "diverged", c, "constant,wsd,cyclic", slots=3)
    assert not errors and all(is_complete(tmp_path / "diverged", run) for run in runs)

    validate = train.Training.validate

    def broken(training, *rest):
        if training.schedule.name == "cyclic":
            raise RuntimeError("broken")
        validate(training, *rest)

    monkeypatch.setattr(train.Training, "validate", broken)
    runs, _, errors = sweep(tmp_path / "failed", config(), "constant,wsd,cyclic", slots=3)
    assert list(errors) == [runs[2].id]
    assert [is_complete(tmp_path / "failed", run) for run in runs] == [True, True, False]


def test_what_branches_off_from_a_diverged_run_after_its_end_has_diverged_with_it(config, sweep, tmp_path):
    c = config(peak_lr=1e6)
    runs, branches, errors = sweep(tmp_path, c, "constant,wsd")
    assert not errors and branches[1].parent is runs[0]
    (constant, wsd) = (curve(tmp_path, run) for run in runs)
    assert len(constant) < branches[1].start and constant == wsd


def test_what_branches_off_from_a_failed_run_is_trained_all_the_same(config, sweep, tmp_path, monkeypatch):
    import train

    step_of_train = train.train_step

    def breaking(state, x, y, lr, config, forward=None):
        if state.step == 10 and not list(tmp_path.glob("broken/runs/*/error.txt")):
            raise RuntimeError("broken")
        return step_of_train(state, x, y, lr, config, forward)

    monkeypatch.setattr(train, "train_step", breaking)
    runs, _, errors = sweep(tmp_path / "broken", config(), "constant,cosine,wsd")
    assert list(errors) == [runs[0].id]
    again, _, errors = sweep(tmp_path / "fine", config(), "cosine,wsd")
    assert not errors
    for run in again:
        assert curve(tmp_path / "broken", run) == curve(tmp_path / "fine", run)


def test_a_reactive_run_that_nothing_triggers_is_its_untriggered_run(config, sweep, dataset, tmp_path):
    from train import train

    specs = "plateau:patience=100,plateau:patience=0;threshold=1,constant".replace(";", ",")
    runs, branches, errors = sweep(tmp_path, config(), specs)
    untriggered, reacting, constant = runs
    assert not errors and [branch.untriggered for branch in branches] == [constant, constant, None]
    assert Store(tmp_path).get(untriggered.id).record.trained_from == 24
    assert curve(tmp_path, untriggered) == curve(tmp_path, constant) != curve(tmp_path, reacting)
    for run in (untriggered, reacting):
        train(config(), run.schedule, 0, dataset, tmp_path / run.id)
        assert curve(tmp_path, run) == numbers(tmp_path / run.id / "curve.csv")


def damage_flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x10
    path.write_bytes(data)


@pytest.mark.parametrize(
    "damage",
    [
        damage_flip,
        lambda path: path.write_bytes(b""),
        lambda path: os.truncate(path, path.stat().st_size // 2),
    ],
)
def test_a_damaged_checkpoint_is_not_used(config, sweep, tmp_path, damage):
    sweep(tmp_path / "fine", config(), "constant,cosine,wsd")

    class Damaging(Silent):
        def end(self, branch, record, error):
            for path in tmp_path.glob("damaged/states/*.pt"):
                damage(path)

    runs, _, errors = sweep(tmp_path / "damaged", config(), "constant,cosine,wsd", display=Damaging())
    assert not errors
    for run in runs:
        assert curve(tmp_path / "damaged", run) == curve(tmp_path / "fine", run)


@pytest.mark.parametrize("file", ["run.json", "curve.csv"])
@pytest.mark.parametrize("damage", [damage_flip, lambda path: path.write_bytes(b""), Path.unlink])
def test_a_damaged_run_is_trained_again(config, sweep, tmp_path, file, damage):
    (run,), _, _ = sweep(tmp_path, config(), "cosine")
    before = curve(tmp_path, run)
    damage(Store(tmp_path).folder(run.id) / file)
    assert not is_complete(tmp_path, run)
    sweep(tmp_path, config(), "cosine")
    assert is_complete(tmp_path, run) and curve(tmp_path, run) == before


def test_stopped_and_gone_on_with_a_schedule_more(config, sweep, dataset, tmp_path):
    """The new one branches off from a run that is past that point: it takes the best checkpoint there is."""
    c, calls = config(checkpoint_interval=4), []

    def stop():
        calls.append(1)
        return len(calls) > 15

    runs, _, errors = sweep(tmp_path / "one", c, "constant,wsd", should_stop=stop)
    assert not errors and not is_complete(tmp_path / "one", runs[0])
    runs, _, errors = sweep(tmp_path / "one", c, "constant,wsd,cosine,trapezoid")
    again, _, _ = sweep(tmp_path / "two", c, "constant,wsd,cosine,trapezoid")
    assert not errors
    for run in runs:
        assert curve(tmp_path / "one", run) == curve(tmp_path / "two", run)


def compare(cwd, *args, cores=1, largest_file=resource.RLIM_INFINITY):
    """What a child process runs: compare.py as a user would, in one process or with workers."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, resource.RLIM_INFINITY))
    os.chdir(cwd)
    os.cpu_count = lambda: cores
    sys.argv = ["compare.py", *args]
    sys.stdout = sys.stderr = open("output.txt", "w")
    runpy.run_path(str(ROOT / "compare.py"), run_name="__main__")


@pytest.fixture
def command(tiny, tmp_path):
    settings = dict(tiny, steps=40, warmup_steps=4, checkpoint_interval=5, eval_interval=5, dropout=0.1)
    return [
        "--config",
        str(write_toml(tmp_path, **settings)),
        "--schedulers",
        SPECS,
        "--steps",
        "20,40",
        "--out",
    ]


# by a command that trains and draws: what takes long to import, so that 60 commands take it once
IMPORTED = ["torch", "model.adamw", "compare", "matplotlib.pyplot", "analysis.report.page"]
IMPORTED += ["scipy.stats", "scipy.optimize", "scipy.special", "plotly.graph_objects", "rich.progress"]


@pytest.fixture
def start(tmp_path, session_cache):
    """Starts compare.py in a process that is forked from one that has torch already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(IMPORTED)

    def start(*args, **limits):
        process = context.Process(target=compare, args=(tmp_path, *args), kwargs=limits)
        process.start()
        return process

    return start


def assert_same_tables(one, other):
    for name in ("runs.csv", "curves.csv"):
        assert numbers(one / name) == numbers(other / name)


def test_killed_at_30_random_moments(command, start, tmp_path):
    began = time.monotonic()
    start(*command, "whole").join()
    whole, kills, chance = time.monotonic() - began, 0, random.Random(0)
    assert len(numbers(tmp_path / "whole" / "runs.csv")) == 12
    while kills < 30:
        out = tmp_path / f"killed{kills}"
        while kills < 30:
            process = start(*command, out.name)
            process.join(chance.uniform(0.05, 0.4) * whole)
            if not process.is_alive():
                break
            process.kill()
            process.join()
            kills += 1
        process = start(*command, out.name)
        process.join()
        assert process.exitcode == 0
        assert_same_tables(tmp_path / "whole", out)
        assert not (out / "states").exists() and not list(out.glob("**/*.tmp"))


def test_killed_at_random_moments_while_it_trains_stacked(command, start, tmp_path):
    command = ["--dropout", "0", "--replicas", "stacked", *command]
    command[command.index(SPECS)] = "constant,wsd,plateau:patience=1"
    began = time.monotonic()
    start(*command, "whole").join()
    whole, chance = time.monotonic() - began, random.Random(0)
    assert {row["status"] for row in numbers(tmp_path / "whole" / "runs.csv")} == {"complete"}
    for _ in range(4):
        process = start(*command, "killed")
        process.join(chance.uniform(0.2, 0.6) * whole)
        process.kill()
        process.join()
    process = start(*command, "killed")
    process.join()
    assert process.exitcode == 0
    assert_same_tables(tmp_path / "whole", tmp_path / "killed")
    assert not (tmp_path / "killed" / "states").exists() and not list(tmp_path.glob("killed/**/*.tmp"))


def test_files_of_others_are_left_alone(command, start, tmp_path):
    for folder in ("", "mine", "runs/mine/deeper", "figures"):
        (tmp_path / "out" / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / "out" / folder / ".notes.tmp").write_text("mine")
        (tmp_path / "out" / folder / f".run.json.{os.getpid()}.1.tmp").write_text("half, by one that lives")
    before = sorted(tmp_path.glob("out/**/*.tmp"))
    assert len(before) == 8
    start(*command, "out").join()
    assert sorted(tmp_path.glob("out/**/*.tmp")) == before
    assert (tmp_path / "out" / "runs.csv").exists()


def test_killed_with_its_workers_at_work(command, start, tmp_path):
    start(*command, "whole").join()
    for waiting in ("curve.csv", "run.json"):
        process = start(*command, "killed", cores=2)
        deadline = time.monotonic() + 60
        while (
            process.is_alive()
            and not list(tmp_path.glob(f"killed/runs/*/{waiting}"))
            and time.monotonic() < deadline
        ):
            time.sleep(0.02)
        process.kill()
        process.join()
    process = start(*command, "killed")  # at once: what the workers still do must not matter
    process.join()
    assert process.exitcode == 0
    assert_same_tables(tmp_path / "whole", tmp_path / "killed")


def test_a_full_disk_fails_runs_and_loses_none(command, start, tmp_path):
    start(*command, "whole").join()
    process = start(*command, "full", largest_file=40_000)
    process.join()
    output = (tmp_path / "output.txt").read_text()
    assert process.exitcode == 1 and "is the disk full?" in output and "Traceback" not in output
    process = start(*command, "full")
    process.join()
    assert process.exitcode == 0
    assert_same_tables(tmp_path / "whole", tmp_path / "full")
