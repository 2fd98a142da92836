"""Which is faster on this machine: runs in a process each, or stacked in one? A few steps of both say it, once."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import time
from importlib.metadata import version
from pathlib import Path

from data.corpora import cache_folder
from nanosched.config import Config
from nanosched.files import atomic
from nanosched.hardware import device_name

from .execute import HUGE_PAGES, most_workers

WARMUP_STEPS, TIMED_STEPS = 3, 10
SLOTS = {"cpu": (2, 4), "cuda": (2, 4, 8, 16, 32)}
FALLBACK = 2  # slots, if nothing could be measured
WORTHWHILE = 0.95  # more slots have to be this much faster to be taken


def choose_slots(config: Config, vocab_size: int, runs: int, measure_now: bool = True) -> int:
    """How many runs to train together, stacked in one process; 0 if each is faster alone, or forced to be.

    Raises:
        ValueError: replicas=stacked is asked for with a dropout.
    """
    if config.replicas == "stacked" and config.dropout:
        raise ValueError(
            f"replicas='stacked' is not allowed with dropout={config.dropout}: give --replicas separate, or --dropout 0"
        )
    if config.replicas == "separate" or config.dropout:
        return 0
    if config.replicas == "auto" and (runs == 1 or config.device == "cpu" and most_workers(config) == 1):
        return 0
    measured = measured_before(config, vocab_size) or measure_now and measure(config, vocab_size)
    if not measured:
        return FALLBACK if config.replicas == "stacked" else 0
    seconds = measured["stacked"]
    slots = min(seconds, key=seconds.get, default=None)
    if slots is None or config.replicas == "auto" and seconds[slots] > WORTHWHILE * measured["separate"]:
        return 0
    return int(slots)


def seconds_a_run_step(config: Config, vocab_size: int) -> float | None:
    """What a step of one run adds to the time of a sweep; None if that was never measured."""
    measured = measured_before(config, vocab_size)
    if not measured:
        return None
    return (
        min(measured["stacked"].values())
        if config.replicas == "stacked" and measured["stacked"]
        else measured["separate"]
    )


def measured_before(config: Config, vocab_size: int) -> dict | None:
    """What `measure` gave for this model on this machine, if it ever did."""
    try:
        return json.loads(calibration_file(config, vocab_size).read_text())
    except (OSError, ValueError):
        return None


def calibration_file(config: Config, vocab_size: int) -> Path:
    names = (
        "n_layer",
        "n_head",
        "n_embd",
        "block_size",
        "bias",
        "batch_size",
        "gradient_accumulation_steps",
        "device",
        "threads",
        "dtype",
        "compile",
    )
    setting = [
        vocab_size,
        os.cpu_count(),
        device_name(config.device),
        version("torch"),
        *(getattr(config, name) for name in names),
    ]
    return (
        cache_folder()
        / "calibration"
        / f"{hashlib.sha256(json.dumps(setting).encode()).hexdigest()[:16]}.json"
    )


def measure(config: Config, vocab_size: int) -> dict | None:
    """Seconds for one run's step: {"separate": s, "stacked": {"2": s, ...}}; kept for the next time. None if a process died."""
    workers = most_workers(config)
    if workers > 1:
        measured = measure_in_workers(workers, config, vocab_size)
    else:
        measured = dict(separate=time_alone(config, vocab_size), stacked=time_stacked(config, vocab_size))
    if measured:
        with atomic(calibration_file(config, vocab_size)) as path:
            path.write_text(json.dumps(measured) + "\n")
    return measured


def measure_in_workers(workers: int, config: Config, vocab_size: int) -> dict | None:
    """As the sweep would train: `workers` processes at once, then one with all the cores."""
    os.environ.setdefault("GLIBC_TUNABLES", HUGE_PAGES)
    context = multiprocessing.get_context("spawn")
    together, pipes = context.Barrier(workers), []
    for index in range(workers):
        pipe, theirs = context.Pipe()
        context.Process(
            target=measuring_worker, args=(theirs, together, index == 0, config, vocab_size), daemon=True
        ).start()
        theirs.close()
        pipes.append(pipe)
    try:
        told = [pipe.recv() for pipe in pipes]
    except EOFError:
        return None
    return dict(separate=max(alone for alone, _ in told) / workers, stacked=told[0][1])


def measuring_worker(pipe, together, is_first: bool, config: Config, vocab_size: int):
    import train  # noqa: F401  takes a second, and not the same in each process

    together.wait()
    alone = time_alone(config, vocab_size)
    together.wait()
    pipe.send((alone, time_stacked(config, vocab_size) if is_first else None))


def time_alone(config: Config, vocab_size: int) -> float:
    import torch

    from train import compiled, initial_state, train_step

    torch.set_num_threads(config.threads)
    state, (x, y) = initial_state(config, vocab_size, 0), random_batch(config, vocab_size)
    forward = compiled(state, (x, y), config) if config.compile == "true" else state.model
    return seconds_a_step(lambda: train_step(state, x, y, config.peak_lr, config, forward)[0])


def time_stacked(config: Config, vocab_size: int) -> dict[str, float]:
    """By number of slots; those that don't fit the device's memory are left out."""
    import torch

    from train import initial_state

    from .stacked import Stack

    torch.set_num_threads(os.cpu_count() or 1)
    seconds = {}
    for slots in SLOTS[config.device]:
        try:
            stack = Stack([initial_state(config, vocab_size, seed) for seed in range(slots)], config)
            x, y = (torch.stack([tensor] * slots) for tensor in random_batch(config, vocab_size))
            seconds[str(slots)] = (
                seconds_a_step(lambda: stack.step(x, y, [config.peak_lr] * slots)[0]) / slots
            )
        except torch.cuda.OutOfMemoryError:
            break
        if slots > SLOTS[config.device][0] and seconds[str(slots)] > WORTHWHILE * seconds[str(slots // 2)]:
            break
    return seconds


def random_batch(config: Config, vocab_size: int):
    import torch

    rows = config.batch_size * config.gradient_accumulation_steps
    tokens = torch.randint(
        vocab_size, (2, rows, config.block_size), generator=torch.Generator().manual_seed(0)
    )
    return tokens.to(config.device)


def seconds_a_step(step) -> float:
    for _ in range(WARMUP_STEPS):
        step().sum().item()
    start = time.perf_counter()
    for _ in range(TIMED_STEPS):
        loss = step()
    loss.sum().item()  # waits for the device
    return (time.perf_counter() - start) / TIMED_STEPS
