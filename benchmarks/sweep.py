"""Time of a whole comparison against the sum of plain loops over the same runs, and where the time goes.

    python -m benchmarks.sweep --config nanogpt-cpu    # nanoGPT's CPU recipe: all schedules, 300 steps
    python -m benchmarks.sweep --schedulers wsd,cosine --steps 500

Ours is compare.py from its start to its last figure. The plain loops train the same runs one after another,
each from step 0: nanoGPT's eager loop with unfused AdamW (on a CPU in float32), all cores on one run, and the
same validation; the corpus is open and torch imported before their clock starts. One half of them runs before
our sweep and one after, since a machine drifts. --cold gives ours an empty cache of compiled code.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, profile

from benchmarks.step import plain_optimizer, plain_setting, plain_turn
from data import batch, open_dataset, tokenizer_of, vocab_size_of
from nanosched.cli import add_flags, from_args
from nanosched.hardware import device_name
from nanosched.memory import format_bytes
from schedulers import resolve
from sweep.plan import distinct, make_schedules, plan_runs
from train import final_validation_set, initial_state, train_step, validate, validation_set

COMPARE = Path(__file__).parents[1] / "compare.py"
KINDS = {  # of time in an operation, by the first part that its name contains
    "optimizer": ("adamw", "foreach", "linalg_vector_norm", "clip"),
    "attention": ("scaled_dot_product", "attention"),
    "matmul": ("::mm", "addmm", "bmm", "matmul", "linear"),
    "gelu": ("gelu",),
    "layer norm": ("layer_norm",),
    "loss": ("softmax", "nll_loss", "cross_entropy"),
    "embedding": ("embedding", "index"),
}
PROFILED_STEPS = 30


def plain_run(run, config, dataset, val_batches, final_batches):
    """One run as a first version of nanoGPT's loop would train it; returns its final validation loss."""
    state = initial_state(config, dataset.vocab_size, run.seed)
    optimizer = plain_optimizer(state, config)
    lrs = run.schedule.lrs()
    for step in range(run.schedule.steps):
        x, y = get_batch(step, run.seed, config, dataset)
        plain_turn(state, optimizer, [(x.to(config.device), y.to(config.device))], [lrs[step]], config)
        if (step + 1) % config.eval_interval == 0 or step + 1 == run.schedule.steps:
            validate(state.model, val_batches, config)
    return validate(state.model, final_batches, config)


def get_batch(step, seed, config, dataset):
    rows = config.batch_size * config.gradient_accumulation_steps
    return [
        torch.from_numpy(array)
        for array in batch(dataset.train, dataset.fingerprint, seed, step, rows, config.block_size)
    ]


def plain_seconds(runs, config, dataset) -> float:
    val_batches, final_batches = validation_set(dataset, config), final_validation_set(dataset, config)
    start = time.perf_counter()
    for run in runs:
        plain_run(run, config, dataset, val_batches, final_batches)
    return time.perf_counter() - start


@dataclass(frozen=True)
class Ours:
    """What the command took."""

    seconds: float
    first_s: float  # to its first finished run
    after_s: float  # after its last one
    memory: int  # most bytes of all its processes at once; what they share is counted once
    steps: int
    steps_trained: int


def our_command(flags: list[str], out: str, cold: bool) -> Ours:
    env = dict(os.environ, **({"TORCHINDUCTOR_CACHE_DIR": f"{out}/compiled"} if cold else {}))
    command, began = [sys.executable, str(COMPARE), *flags, "--no-probe", "--out", out], time.time()
    process, memory = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, start_new_session=True), 0
    while process.poll() is None:
        memory = max(memory, session_bytes(process.pid))
        time.sleep(0.2)
    ended = time.time()
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed")
    runs = sorted(path.stat().st_mtime for path in Path(out).glob("runs/*/run.json"))
    cost = json.loads((Path(out) / "manifest.json").read_text())["cost"]
    return Ours(
        ended - began, runs[0] - began, ended - runs[-1], memory, cost["steps"], cost["steps_trained"]
    )


def session_bytes(session: int) -> int:
    """Memory of all processes of a session, in proportion to how many share it; 0 but on Linux."""
    kilobytes = 0
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, ValueError):  # it has ended, or is another user's
            if os.getsid(int(folder.name)) == session:
                lines = (folder / "smaps_rollup").read_text().splitlines()
                kilobytes += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return 1024 * kilobytes


def print_where_time_goes(config, dataset):
    """One run's steps, alone on `threads` cores, by kind of work, and its validation and data per step."""
    torch.set_num_threads(config.threads)
    state = initial_state(config, dataset.vocab_size, 0)
    inputs = [get_batch(step, 0, config, dataset) for step in range(2 * PROFILED_STEPS)]
    inputs = [(x.to(config.device), y.to(config.device)) for x, y in inputs]

    def steps(chosen):
        start = time.perf_counter()
        for x, y in chosen:
            loss, _ = train_step(state, x, y, config.peak_lr, config)
            loss.item()
        return (time.perf_counter() - start) / PROFILED_STEPS

    steps(inputs[:PROFILED_STEPS])
    step_s = steps(inputs[PROFILED_STEPS:])
    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        steps(inputs[PROFILED_STEPS:])
    seconds = dict.fromkeys([*KINDS, "other operations"], 0.0)
    for event in profiled.key_averages():
        if event.key.startswith("aten::"):
            seconds[kind_of(event.key)] += event.self_cpu_time_total / 1e6 / PROFILED_STEPS
    seconds["Python and autograd"] = max(step_s - sum(seconds.values()), 0.0)

    start = time.perf_counter()
    for step in range(PROFILED_STEPS):
        get_batch(step, 0, config, dataset)
    seconds["data (a thread beside)"] = (time.perf_counter() - start) / PROFILED_STEPS
    val_batches = validation_set(dataset, config)
    validate(state.model, val_batches, config)
    start = time.perf_counter()
    validate(state.model, val_batches, config)
    seconds["validation"] = (time.perf_counter() - start) / config.eval_interval

    total = sum(seconds.values())
    threads = f"{config.threads} thread{'s' * (config.threads > 1)}"
    print(f"where the time of a step goes ({threads}, {1000 * total:.1f} ms):")
    for kind, s in sorted(seconds.items(), key=lambda item: -item[1]):
        print(f"  {kind:24} {1000 * s:7.2f} ms  {s / total:6.1%}")


def kind_of(operation: str) -> str:
    return next(
        (kind for kind, parts in KINDS.items() if any(part in operation for part in parts)),
        "other operations",
    )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--schedulers", default="all", help="as compare.py's, default all")
    parser.add_argument("--cold", action="store_true", help="compile anew, with an empty cache")
    add_flags(parser)
    args = parser.parse_args()
    flags = [flag for flag in sys.argv[1:] if flag != "--cold"]
    setup = from_args(args, tokenizer_of, vocab_size_of)
    config, name = setup.one_run, setup.name
    dataset = open_dataset(config.dataset, config.tokenizer)
    runs = distinct(
        plan_runs(
            config,
            make_schedules(config, resolve(args.schedulers), [config.peak_lr], [config.steps]),
            [0],
            dataset.fingerprint,
        )
    )

    threads, plain_config = torch.get_num_threads(), plain_setting(config)
    half = len(runs) // 2
    plain = plain_seconds(runs[:half], plain_config, dataset)
    with tempfile.TemporaryDirectory() as out:
        ours = our_command(flags, out, args.cold)
    plain += plain_seconds(runs[half:], plain_config, dataset)

    print(f"{name}: {len(runs)} runs of {config.steps} steps on {dataset.name}, {device_name(config.device)}")
    print(f"plain loops, {plain_config.dtype}, one after another on {threads} threads: {plain:7.1f} s")
    print(f"compare.py, {config.dtype}, compile={config.compile}, to its last figure: {ours.seconds:7.1f} s")
    print(f"  {ours.first_s:.1f} s to its first run, {ours.after_s:.1f} s after its last")
    print(f"  {ours.steps_trained:,} of {ours.steps:,} steps trained")
    print(f"  memory of all its processes at most {format_bytes(ours.memory)}")
    print(f"ours / plain: {ours.seconds / plain:.3f}; steps alone {ours.steps_trained / ours.steps:.3f}\n")
    print_where_time_goes(config, dataset)


if __name__ == "__main__":
    main()
