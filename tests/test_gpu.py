"""Training on a GPU: a CPU's weights and nearly its numbers, and fast paths that agree with the plain one."""

import csv
import json
import math

import numpy as np
import pytest
import torch
from helpers import batch_of, read_curve, schedule_of, shell, write_toml

from nanosched.config import Config
from nanosched.recorder import MAX_PENDING
from sweep import stacked
from sweep.stacked import Stack
from train import initial_state, train, train_step

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")

# Tolerances, in nats on losses between 2.5 and 4.5. Sums are added up in another order on every device.
# Measured for this model on a CPU: bfloat16 changes a loss by up to 0.010, other dropout masks by 0.07, a
# fresh optimizer at step 13 by 0.10.
FLOAT32 = 2e-3
BFLOAT16 = 3e-2


@pytest.fixture
def config(tiny):
    def config(**changes):
        small = dict(
            n_layer=2,
            n_head=4,
            n_embd=64,
            block_size=32,
            batch_size=8,
            steps=30,
            eval_interval=10,
            peak_lr=0.004,
            device="cuda",
            dtype="float32",
        )
        return Config(**{**tiny, **small, **changes})

    return config


@pytest.fixture
def run(dataset):
    """Trains into a folder and returns (what run.json holds, the curve), None where it was stopped."""

    def run(folder, config, spec="cosine", **more):
        record = train(config, schedule_of(config, spec), 0, dataset, folder, **more)
        return record and (record, read_curve(folder))

    return run


@pytest.mark.parametrize("bias", [False, True])
def test_initial_weights_are_the_cpus_to_the_bit(config, dataset, bias):
    torch.cuda.manual_seed(99)
    here = initial_state(config(bias=bias), dataset.vocab_size, seed=3).model
    there = initial_state(config(bias=bias, device="cpu"), dataset.vocab_size, seed=3).model
    assert all(p.is_cuda for p in here.parameters()) and here.lm_head.weight is here.transformer.wte.weight
    for (name, a), b in zip(here.named_parameters(), there.parameters(), strict=True):
        assert torch.equal(a.cpu(), b), name


@pytest.mark.parametrize(
    "changes, tolerance",
    [
        (dict(compile="false"), FLOAT32),
        (dict(compile="true"), FLOAT32),
        (dict(compile="false", dtype="bfloat16"), BFLOAT16),
        (dict(compile="true", dtype="bfloat16"), BFLOAT16),
        (dict(compile="true", dtype="bfloat16", bias=True, gradient_accumulation_steps=2), BFLOAT16),
    ],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else "",
)
def test_training_falls_and_begins_like_the_cpus(config, run, tmp_path, changes, tolerance):
    c = config(**changes)
    record, curve = run(tmp_path / "gpu", c)
    _, cpu = run(
        tmp_path / "cpu", config(**{**changes, "device": "cpu", "dtype": "float32", "compile": "false"})
    )
    assert record.status == "complete" and len(curve.loss) == 30
    assert all(np.isfinite(getattr(curve, name)).all() for name in ("loss", "grad_norm", "lr"))
    assert curve.loss[-5:].mean() < curve.loss[0] - 1
    np.testing.assert_allclose(curve.loss[:6], cpu.loss[:6], rtol=0, atol=tolerance)
    np.testing.assert_allclose(curve.grad_norm[:3], cpu.grad_norm[:3], rtol=5 * tolerance)
    assert np.array_equal(curve.lr, cpu.lr)
    assert np.flatnonzero(np.isfinite(curve.val_loss)).tolist() == [9, 19, 29]
    assert abs(record.final_val_loss - curve.loss[-5:].mean()) < 0.7
    assert (curve.step_s > 0).all() and np.median(curve.step_s) < 1


def test_compiled_and_plain_agree(config, run, tmp_path):
    (_, plain), (_, compiled) = (
        run(tmp_path / name, config(dtype="bfloat16", compile=name)) for name in ("false", "true")
    )
    np.testing.assert_allclose(compiled.loss, plain.loss, rtol=0, atol=BFLOAT16)


@pytest.mark.parametrize(
    "changes, tolerance",
    [
        (dict(), FLOAT32),
        (dict(dropout=0.5), FLOAT32),
        (dict(dropout=0.5, dtype="bfloat16", compile="true"), 2e-2),
    ],
    ids=["plain", "dropout", "dropout-compiled"],
)
def test_a_stopped_run_goes_on(config, run, tmp_path, changes, tolerance):
    c = config(**changes)
    straight, curve = run(tmp_path / "straight", c)
    for steps_now in (7, 6):  # neither is at a step where the numbers are read anyway
        assert run(tmp_path / "resumed", c, steps_now=steps_now) is None
        torch.rand(7, device="cuda")  # whatever else draws numbers in between
    resumed, after = run(tmp_path / "resumed", c)
    assert resumed.run_id == straight.run_id and len(after["loss"]) == 30
    for name in ("loss", "val_loss"):
        np.testing.assert_allclose(getattr(after, name), getattr(curve, name), rtol=0, atol=tolerance)


def test_dropout_masks_follow_from_the_step(config, run, tmp_path):
    """Two runs are alike, and unlike a run without dropout, so the test above can tell masks apart."""
    curves = [
        run(tmp_path / name, config(dropout=dropout))[1].loss
        for name, dropout in (("a", 0.5), ("b", 0.5), ("c", 0.0))
    ]
    np.testing.assert_allclose(curves[0], curves[1], rtol=0, atol=FLOAT32)
    assert np.abs(curves[0] - curves[2]).max() > 0.1


def test_a_checkpoint_made_on_a_gpu_loads_anywhere(config, run, tmp_path):
    run(tmp_path, config(compile="true", dtype="bfloat16"), steps_now=3)
    checkpoint = torch.load(tmp_path / "ckpt.pt", map_location="cpu", weights_only=True)
    assert checkpoint["iter_num"] == 3
    assert not any(name.startswith("_orig_mod.") for name in checkpoint["model"])
    # autocast leaves the weights alone
    assert {value.dtype for value in checkpoint["model"].values()} == {torch.float32}


def test_losses_are_flushed_a_few_steps_at_a_time(config, run, tmp_path):
    flushed = []
    run(tmp_path, config(eval_interval=15), on_step=lambda steps, loss: flushed.append(steps))
    assert MAX_PENDING == 10 and flushed == [10, 15, 25, 30]


def test_a_diverging_run_keeps_its_curve_to_the_step(config, run, tmp_path):
    record, curve = run(tmp_path, config(peak_lr=1e4), "constant")
    finite = np.isfinite(curve.loss) & np.isfinite(curve.grad_norm)
    assert (record.status, record.final_val_loss) == ("diverged", None)
    assert record.steps_taken == len(finite) < 30 and not finite[-1] and finite[:-1].all()


# --- stacked


@pytest.fixture
def stack_of(dataset):
    return lambda config, seeds: Stack([initial_state(config, dataset.vocab_size, s) for s in seeds], config)


@pytest.fixture
def train_stack(dataset):
    """Trains a stack on its seeds' batches; gives back losses and norms, (2, R, steps) on the CPU."""

    def train_stack(stack, lrs, steps):
        numbers = []
        for _ in range(steps):
            batches = [batch_of(dataset, stack.config, *run) for run in zip(stack.seeds, stack.steps)]
            x, y = (torch.stack(arrays).to(stack.config.device) for arrays in zip(*batches))
            numbers.append(torch.stack(stack.step(x, y, lrs)))
        return torch.stack(numbers, -1).cpu()

    return train_stack


@pytest.mark.parametrize("graphed", [True, False], ids=["one-graph", "no-graph"])
@pytest.mark.parametrize("compile", ["false", "true"], ids=["eager", "compiled"])
def test_each_slot_is_the_run_trained_alone(
    config, dataset, stack_of, train_stack, monkeypatch, compile, graphed
):
    """Warm-up and capture take no step, and fewer slots are captured anew."""
    if not graphed:
        monkeypatch.setattr(stacked, "GRAPHED_PARAMETERS", 0)
    c = config(compile=compile, gradient_accumulation_steps=2)
    lrs, stack = [0.001, 0.002, 0.003], stack_of(c, range(3))
    first = train_stack(stack, lrs, 5)
    assert (stack.graph is not None) == graphed
    stack.keep([2, 0])
    then = train_stack(stack, [lrs[2], lrs[0]], 5)
    assert stack.steps == [10, 10]
    for seed, slot in ((2, 0), (0, 1)):
        state = initial_state(c, dataset.vocab_size, seed)
        alone = []
        for step in range(10):
            x, y = (t.cuda() for t in batch_of(dataset, c, seed, step))
            alone.append(torch.stack(train_step(state, x, y, lrs[seed], c)))
        alone = torch.stack(alone, 1).cpu()
        numbers = torch.cat([first[:, seed], then[:, slot]], 1)
        torch.testing.assert_close(numbers, alone, rtol=0, atol=FLOAT32)
        left = initial_state(c, dataset.vocab_size, 9)
        stack.read(slot, left)
        for trained, expected in zip(left.model.parameters(), state.model.parameters()):
            torch.testing.assert_close(trained, expected, rtol=0, atol=FLOAT32)


@pytest.mark.parametrize("compile", ["false", "true"], ids=["eager", "compiled"])
def test_a_stacks_dropout_masks_are_the_cpus(config, stack_of, train_stack, compile):
    """Other masks change a loss of this model by up to 0.07."""
    here = config(dropout=0.5, compile=compile)
    there = config(dropout=0.5, device="cpu", compile="false")
    gpu, cpu = (train_stack(stack_of(c, range(3)), [0.001] * 3, 5) for c in (here, there))
    torch.testing.assert_close(gpu[0], cpu[0], rtol=0, atol=FLOAT32)


@pytest.mark.parametrize("graphed", [True, False], ids=["one-graph", "no-graph"])
def test_nothing_in_a_step_waits_for_the_gpu(config, dataset, stack_of, monkeypatch, graphed):
    if not graphed:
        monkeypatch.setattr(stacked, "GRAPHED_PARAMETERS", 0)
    stack = stack_of(config(dropout=0.1, dtype="bfloat16"), range(3))
    batches = [batch_of(dataset, stack.config, seed) for seed in range(3)]
    x, y = (torch.stack(arrays).cuda() for arrays in zip(*batches))
    stack.step(x, y, [0.001] * 3)  # captures
    torch.cuda.set_sync_debug_mode("error")
    try:
        for _ in range(3):
            stack.step(x, y, [0.001] * 3)
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_a_stack_in_bfloat16_compiled_falls_like_the_run_alone(config, run, stack_of, train_stack, tmp_path):
    c = config(dtype="bfloat16", compile="true", warmup_steps=0, peak_lr=0.001)
    _, curve = run(tmp_path, c, "constant")
    losses = train_stack(stack_of(c, [0, 1]), [c.peak_lr] * 2, 30)[0]
    assert losses[:, -5:].mean() < losses[:, 0].mean() - 1
    np.testing.assert_allclose(losses[0], curve.loss, rtol=0, atol=BFLOAT16)


# --- commands


def test_auto_takes_the_gpu(tiny):
    c = Config(**{**tiny, "device": "auto", "dtype": "auto", "compile": "auto"}).on_this_machine()
    assert (c.device, c.dtype, c.compile) == ("cuda", "bfloat16", "true")


def test_a_comparison(tmp_path, tiny):
    settings = {**tiny, "n_embd": 64, "steps": 25, "device": "auto", "dtype": "auto", "compile": "auto"}
    write_toml(tmp_path, **settings, schedulers=["constant", "wsd:cooldown=0.5", "plateau"])
    done = shell(tmp_path, "compare.py", "--config", "tiny.toml")
    assert done.code == 0, done.err
    with open(tmp_path / "results" / "tiny" / "runs.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["status"], row["dtype"], row["device"]) for row in rows] == [
        ("complete", "bfloat16", torch.cuda.get_device_name())
    ] * 3
    for row in rows:
        for name in ("mfu", "tokens_per_s", "wall_s", "step_ms_p50", "step_ms_p95"):
            assert 0 < float(row[name]) < math.inf, name
        assert float(row["mfu"]) < 1
    curves = [read_curve(folder) for folder in sorted((tmp_path / "results" / "tiny").glob("runs/*"))]
    assert len({curve.loss[0] for curve in curves}) == 1
    manifest = json.loads((tmp_path / "results" / "tiny" / "manifest.json").read_text())
    assert manifest["machine"]["device"] == torch.cuda.get_device_name()
    assert (manifest["config"]["device"], manifest["config"]["compile"]) == ("cuda", "true")
