"""One run on several processes: the same numbers, one writer, and one end for all."""

import os
import signal
import subprocess
import sys
import time
from functools import partial

import numpy as np
import pytest
import torch
from helpers import ROOT, batch_of, one_line, read_curve, schedule_of
from helpers_processes import command, together

import train as train_module
from nanosched import distributed
from nanosched.config import Config
from nanosched.distributed import LOST, check_split, micro_batch, own_rows, own_share, run_together
from nanosched.run_files import read_run
from sweep.executors import check_executor
from train import backward, initial_state, train

SETTINGS = dict(steps=50, gradient_accumulation_steps=2, grad_clip=0.5, average="ema:decay=0.9")


def same_run(one, other):
    """Equal within the rounding of float32 sums, which 50 steps of Adam make larger; lr to the last bit."""
    a, b = read_curve(one), read_curve(other)
    assert np.array_equal(a.lr, b.lr)
    np.testing.assert_allclose(a.loss, b.loss, atol=1e-4, rtol=0)
    np.testing.assert_allclose(a.loss[:3], b.loss[:3], atol=2e-6, rtol=0)
    np.testing.assert_allclose(a.grad_norm, b.grad_norm, rtol=2e-3)
    np.testing.assert_allclose(a.grad_norm[:3], b.grad_norm[:3], rtol=2e-6)
    np.testing.assert_allclose(a.val_loss, b.val_loss, atol=3e-5)
    a, b = read_run(one).record, read_run(other).record
    assert a.run_id == b.run_id and a.steps_taken == b.steps_taken
    assert a.final_val_loss == pytest.approx(b.final_val_loss, abs=3e-5)
    assert a.averages == pytest.approx(b.averages, abs=3e-5)
    return True


def train_here(config, dataset, folder, spec="cosine", **more):
    return run_together(partial(train, config, schedule_of(config, spec), 0, dataset, folder, **more))


def test_any_number_of_processes_trains_the_same_run(tiny, dataset, tmp_path):
    config = Config(**{**tiny, **SETTINGS})
    for name in ("one", "two", "several"):
        (tmp_path / name).mkdir()
    one, two, several = tmp_path / "one", tmp_path / "two", tmp_path / "several"
    train_here(config, dataset, one, keep_checkpoint=True)
    assert together(2, tmp_path, train_here, config, dataset, two) == ([0, 0], "")
    assert same_run(one, two)
    assert read_run(two).record.device == f"2 x {read_run(one).record.device}"
    assert {path.name for path in two.iterdir()} == {"curve.csv", "run.json"}

    pieces = partial(train_here, config, dataset, several)
    assert together(4, tmp_path, partial(pieces, steps_now=30)) == ([0, 0, 0, 0], "")
    assert len(read_curve(several).loss) == 30
    assert together(2, tmp_path, partial(pieces, steps_now=10)) == ([0, 0], "")
    pieces()  # a checkpoint is any number's
    assert same_run(one, several)


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two GPUs")
@pytest.mark.parametrize("compiled", ["false", "true"])
def test_two_gpus_train_the_run_of_one(tiny, dataset, tmp_path, compiled):
    config = Config(**{**tiny, **SETTINGS, "device": "cuda", "compile": compiled})
    train_here(config, dataset, tmp_path / "one")
    assert together(2, tmp_path, train_here, config, dataset, tmp_path / "two")[0] == [0, 0]
    assert same_run(tmp_path / "one", tmp_path / "two")


@pytest.mark.parametrize("spec", ["plateau:patience=1,factor=0.5", "schedule_free"])
def test_schedules_that_have_more_than_lrs(tiny, dataset, tmp_path, spec):
    if spec == "schedule_free":
        pytest.importorskip("schedulefree")
    config = Config(**{**tiny, "eval_interval": 2, "peak_lr": 0.05})
    assert together(2, tmp_path, train_here, config, dataset, tmp_path / "two", spec) == ([0, 0], "")
    train_here(config, dataset, tmp_path / "one", spec)
    assert same_run(tmp_path / "one", tmp_path / "two")


def count_syncs(config, dataset, folder):
    """A line in `syncs` for each bucket of gradients that goes over to the other processes."""
    plain = distributed.data_parallel

    def counted(forward, device):
        parallel = plain(forward, device)
        parallel.register_comm_hook(None, noted)
        return parallel

    def noted(_, bucket):
        if not distributed.rank():
            with open(folder / "syncs", "a") as file:
                file.write("bucket\n")
        future = torch.futures.Future()
        torch.distributed.all_reduce(bucket.buffer())
        future.set_result(bucket.buffer() / 2)
        return future

    train_module.data_parallel = counted
    train_here(config, dataset, folder)


def test_gradients_are_exchanged_once_a_step(tiny, dataset, tmp_path):
    config = Config(**{**tiny, "gradient_accumulation_steps": 8})
    assert together(2, tmp_path, count_syncs, config, dataset, tmp_path) == ([0, 0], "")
    assert (tmp_path / "syncs").read_text().count("bucket") == config.steps  # a small model is one bucket


def break_at(step, what, config, dataset, folder):
    """The last process does something at a step."""
    plain = train_module.backward

    def broken(state, *args):
        if distributed.rank() and state.step == step:
            what()
        return plain(state, *args)

    train_module.backward = broken
    train_here(config, dataset, folder, should_stop=lambda: False)


def fail():
    raise ValueError("no such weight")


def end():
    os.kill(os.getpid(), signal.SIGKILL)


def press():
    signal.raise_signal(signal.SIGINT)


def test_an_error_in_any_process_ends_all_in_one_line(tiny, dataset, tmp_path):
    codes, said = together(2, tmp_path, break_at, 5, fail, Config(**tiny), dataset, tmp_path)
    assert (codes, said) == ([1, 1], "error: no such weight (process 1 of 2)\n")
    assert "in broken" in (tmp_path / "error.txt").read_text()


def test_a_process_that_is_gone_is_one_line(tiny, dataset, tmp_path):
    codes, said = together(2, tmp_path, break_at, 5, end, Config(**tiny), dataset, tmp_path)
    assert codes == [1, -signal.SIGKILL] and said.startswith(f"error: {LOST}") and said.count("\n") == 1


def test_ctrl_c_in_any_process_stops_all_after_the_same_step(tiny, dataset, tmp_path):
    codes, said = together(2, tmp_path, break_at, 5, press, Config(**tiny), dataset, tmp_path)
    assert (codes, said) == ([0, 0], "")
    assert torch.load(tmp_path / "ckpt.pt", weights_only=True)["iter_num"] == 6


def test_torchrun_with_a_killed_process_and_the_same_command_again(cli, toml, tmp_path, session_cache):
    config = toml(steps=3000, checkpoint_interval=20, eval_interval=1000)
    args = ["train.py", "--config", config, "--out", tmp_path]
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", ROOT / "train.py"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with open(tmp_path / "said", "w") as said:
        running = subprocess.Popen(
            [sys.executable, *launch, *args[1:]], stdout=said, stderr=subprocess.STDOUT, env=environment
        )
    until(lambda: list(tmp_path.glob("runs/*/ckpt.pt")))
    os.kill(max(children(running.pid)), signal.SIGKILL)
    assert running.wait(60) == 1
    lines = (tmp_path / "said").read_text().splitlines()
    (error,) = [line for line in lines if line.startswith("error")]
    assert error.startswith(f"error: {LOST}")

    taken = torch.load(next(tmp_path.glob("runs/*/ckpt.pt")), weights_only=True)["iter_num"]
    again = cli(*args, "--steps_this_run", 10)
    assert taken >= 20 and f"step {taken + 10}: " in again.out and "stopped" in again.out


def until(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def children(process):
    with open(f"/proc/{process}/task/{process}/children") as file:
        return list(map(int, file.read().split()))


def test_compare_trains_every_run_data_parallel(cli, toml, tmp_path):
    config, own = toml(steps=12), tmp_path / "own.py"
    own.write_text("def get_lr(step):\n    return 1e-3 * (step + 1)\n")
    schedulers = f"wsd,linear,{own}"
    args = ["compare.py", "--config", config, "--schedulers", schedulers, "--no-probe", "--out"]
    codes, said = together(2, tmp_path, command, *args, tmp_path / "two")
    assert (codes, said) == ([0, 0], "") and (tmp_path / "stdout-1").read_text() == ""
    runs = sorted(path.name for path in (tmp_path / "two" / "runs").iterdir())
    records = [read_run(tmp_path / "two" / "runs" / name).record for name in runs]
    assert all(record.device.startswith("2 x ") for record in records)
    assert sum(record.steps_taken - record.trained_from for record in records) < 36  # a trunk is shared

    for record in records:
        spec = own if record.schedule.startswith("own") else record.schedule
        alone = cli("train.py", "--config", config, "--scheduler", spec, "--out", tmp_path)
        assert alone.code == 0 and (tmp_path / "runs" / record.run_id / "ckpt.pt").exists()
        assert same_run(tmp_path / "two" / "runs" / record.run_id, tmp_path / "runs" / record.run_id)


def test_a_batch_that_cannot_be_shared_is_one_line(toml, tmp_path):
    args = ["train.py", "--config", toml(batch_size=5), "--out", tmp_path / "out"]
    codes, said = together(2, tmp_path, command, *args)
    assert codes == [2, 0] and not (tmp_path / "out").exists()
    assert said.count("\n") == 1 and "batch_size=5" in said and "2 processes" in said


@pytest.fixture
def processes(monkeypatch):
    def pretend(n, rank=0):
        monkeypatch.setenv("TORCHELASTIC_RUN_ID", "test")
        monkeypatch.setenv("RANK", "0")
        monkeypatch.setenv("WORLD_SIZE", str(n))
        monkeypatch.setenv("RANK", str(rank))

    return pretend


def test_each_row_is_one_processes(processes):
    rows, items = np.arange(24).reshape(12, 2), list(range(7))
    taken, shares = [], []
    for rank in range(4):
        processes(4, rank)
        taken.append(own_rows(rows))
        shares += own_share(items)
    assert np.array_equal(np.concatenate(taken), rows) and all(len(part) == 3 for part in taken)
    assert sorted(shares) == items


@pytest.mark.parametrize(
    "batch_size, accumulated, n, at_once",
    [(12, 8, 4, 12), (12, 1, 4, 3), (12, 3, 2, 9), (7, 2, 2, 7), (4, 3, 6, 2)],
)
def test_a_micro_batch_is_as_large_as_its_process_has_rows_for(
    processes, tiny, batch_size, accumulated, n, at_once
):
    processes(n)
    config = Config(**{**tiny, "batch_size": batch_size, "gradient_accumulation_steps": accumulated})
    check_split(config)
    assert micro_batch(config) == at_once


def test_what_processes_cannot_share_is_refused(processes, tiny):
    processes(3)
    with pytest.raises(ValueError) as error:
        check_split(Config(**tiny))
    assert "batch_size=4" in one_line(error) and "multiple of 3" in one_line(error)
    processes(2)
    with pytest.raises(ValueError) as error:
        check_split(Config(**tiny, replicas="stacked"))
    assert "replicas='stacked'" in one_line(error)
    with pytest.raises(ValueError) as error:
        check_executor("ray")
    assert "torchrun" in one_line(error)


def test_each_process_has_its_own_dropout_masks(processes, tiny, dataset):
    def losses(**changes):
        config = Config(**{**tiny, **changes})
        state = initial_state(config, dataset.vocab_size, seed=0)
        x, y = batch_of(dataset, config)
        for rank in range(2):
            processes(2, rank)
            yield backward(state, x, y, config, state.model).item()

    first, second = losses(dropout=0.2)
    assert first != second
    first, second = losses()
    assert first == second
