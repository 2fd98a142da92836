"""Whether runs are faster here in a process each, or stacked in one: a few steps of both answer it, once."""

from __future__ import annotations

import hashlib
import json
import math
import multiprocessing
import os
import tempfile
import time
from contextlib import suppress
from dataclasses import replace
from importlib.metadata import version
from multiprocessing.connection import wait
from pathlib import Path

from data.corpora import cache_folder
from nanosched.config import Config
from nanosched.files import atomic
from nanosched.hardware import device_name
from nanosched.interrupt import unheard_by_children
from schedulers import Schedule
from train import compiled, initial_state, train_step

from .plan import plan_runs
from .store import Store
from .workers import HUGE_PAGES, max_workers, stderr_into

WARMUP_STEPS, TIMED_STEPS = 3, 10
SLOTS = {"cpu": (2, 4), "cuda": (2, 4, 8, 16, 32)}
FALLBACK = 2  # slots, if nothing could be measured
WORTHWHILE = 0.95  # more slots have to be this much faster to be taken
MEASURED_FOR = (  # what a step's time follows from
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


def choose_slots(
    config: Config,
    dataset,
    store: Store,
    schedules: list[tuple[str, Schedule]],
    seeds: list[int],
    measure_now: bool = True,
) -> int:
    """How many runs of a comparison to train at a time, stacked in one process.

    Stacked and separate runs differ in rounding, so they have different ids. With replicas=auto a comparison
    of which the store has runs goes on as they were trained; only for a new one, speed decides.

    Args:
        config: of the comparison.
        dataset: a data.Dataset, with the fingerprint and the vocab_size.
        store: of the comparison.
        schedules: (label, schedule) of its runs.
        seeds: of its runs.
        measure_now: if this model's speed was never measured on this machine, measure it; default True.

    Returns:
        the number of slots; 0 for separate runs.

    Raises:
        ValueError: replicas=stacked is asked for with a dropout.
    """
    replicas = config.replicas
    if replicas == "stacked" and config.dropout:
        raise ValueError(
            f"replicas='stacked' is not allowed with dropout={config.dropout}: "
            "give --replicas separate, or --dropout 0"
        )
    if replicas == "separate" or config.dropout:
        return 0
    if replicas == "auto":
        replicas = stored_replicas(config, dataset.fingerprint, store, schedules, seeds) or "auto"
    one_at_a_time = config.device == "cpu" and max_workers(config) == 1
    if replicas == "separate" or replicas == "auto" and (len(schedules) * len(seeds) == 1 or one_at_a_time):
        return 0
    times = measured_before(config, dataset.vocab_size)
    if measure_now:
        times = times or measure(config, dataset.vocab_size)
    return fastest_slots(times, replicas)


def fastest_slots(times: dict | None, replicas: str) -> int:
    """The number of slots for these times; 0 if separate runs are faster and `replicas` is not "stacked"."""
    if not times:
        return FALLBACK if replicas == "stacked" else 0
    stacked = times["stacked"]
    slots = min(stacked, key=stacked.get, default=None)
    if slots is None or replicas == "auto" and stacked[slots] > WORTHWHILE * times["separate"]:
        return 0
    return int(slots)


def stored_replicas(config: Config, fingerprint: str, store: Store, schedules, seeds) -> str | None:
    """Whether more runs of this comparison have ended "separate" or "stacked"; None if none has."""
    ended = {}
    for replicas in ("separate", "stacked"):
        runs = plan_runs(replace(config, replicas=replicas), schedules, seeds, fingerprint)
        ids = {run.id for run in runs}
        ended[replicas] = sum(store.get(run_id) is not None for run_id in ids)
        if ended[replicas] == len(ids):  # the other kind can't have more
            return replicas
    return max(ended, key=ended.get) if any(ended.values()) else None


def seconds_per_run_step(config: Config, vocab_size: int) -> float | None:
    """What a step of one run adds to the time of a sweep; None if that was never measured."""
    times = measured_before(config, vocab_size)
    if not times:
        return None
    stacked = config.replicas == "stacked" and times["stacked"]
    return min(stacked.values()) if stacked else times["separate"]


def measured_before(config: Config, vocab_size: int) -> dict | None:
    """What `measure` gave for this model on this machine, if it ever did."""
    try:
        times = json.loads(calibration_file(config, vocab_size).read_text())
        stacked = times["stacked"]
        seconds = [times["separate"], *stacked.values()]
        known = all(type(value) is float and 0 < value < math.inf for value in seconds)
        slots = {str(slots) for slots in SLOTS[config.device]}
        return times if known and slots.issuperset(stacked) else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def calibration_file(config: Config, vocab_size: int) -> Path:
    machine = [vocab_size, os.cpu_count(), device_name(config.device), version("torch")]
    setting = json.dumps([*machine, *(getattr(config, name) for name in MEASURED_FOR)])
    name = hashlib.sha256(setting.encode()).hexdigest()[:16]
    return cache_folder() / "calibration" / f"{name}.json"


def measure(config: Config, vocab_size: int) -> dict | None:
    """Seconds per step of one run, kept for the next time where the cache can be written.

    Returns:
        {"separate": seconds, "stacked": {number of slots as text: seconds, ...}}; None if it can't be
        measured: whatever the reason is, the runs will meet it and say so.
    """
    workers = max_workers(config)
    try:
        if workers > 1:
            times = measure_in_workers(workers, config, vocab_size)
        else:
            times = dict(separate=time_separate(config, vocab_size), stacked=time_stacked(config, vocab_size))
    except Exception:
        return None
    with suppress(OSError), atomic(calibration_file(config, vocab_size)) as path:
        path.write_text(json.dumps(times) + "\n")
    return times


def measure_in_workers(workers: int, config: Config, vocab_size: int) -> dict:
    """As the sweep would train: `workers` processes at once, then one with all the cores.

    Raises:
        EOFError, OSError: a process died, or could not be started.
    """
    os.environ.setdefault("GLIBC_TUNABLES", HUGE_PAGES)
    context = multiprocessing.get_context("spawn")
    barrier, processes, times = context.Barrier(workers), [], {}
    try:
        for index in range(workers):
            pipe, theirs = context.Pipe()
            arguments = (theirs, barrier, index == 0, config, vocab_size)
            with tempfile.TemporaryFile() as unread, unheard_by_children(), stderr_into(unread):
                process = context.Process(target=measuring_worker, args=arguments, daemon=True)
                process.start()
            theirs.close()
            processes.append(process)
            times[pipe] = None
        while waited_for := [pipe for pipe in times if not times[pipe]]:
            for pipe in wait(waited_for):  # one that dies leaves the others at the barrier
                times[pipe] = pipe.recv()
    finally:
        for process in processes:
            process.terminate()
    separate = max(separate for separate, _ in times.values()) / workers
    return dict(
        separate=separate, stacked=next(stacked for _, stacked in times.values() if stacked is not None)
    )


def measuring_worker(pipe, barrier, is_first: bool, config: Config, vocab_size: int):
    import torch  # noqa: F401  takes a second, and not the same in each process

    barrier.wait()
    separate = time_separate(config, vocab_size)
    barrier.wait()
    pipe.send((separate, time_stacked(config, vocab_size) if is_first else None))


def time_separate(config: Config, vocab_size: int) -> float:
    import torch

    torch.set_num_threads(config.threads)
    state, (x, y) = initial_state(config, vocab_size, 0), random_batch(config, vocab_size)
    forward = compiled(state, (x, y), config) if config.compile == "true" else state.model
    return seconds_per_step(lambda: train_step(state, x, y, config.peak_lr, config, forward)[0])


def time_stacked(config: Config, vocab_size: int) -> dict[str, float]:
    """By number of slots; those that don't fit the device's memory are left out."""
    import torch

    torch.set_num_threads(os.cpu_count() or 1)
    seconds = {}
    for slots in SLOTS[config.device]:
        try:
            seconds[str(slots)] = time_slots(slots, config, vocab_size)
        except torch.cuda.OutOfMemoryError:
            break
        if slots > SLOTS[config.device][0] and seconds[str(slots)] > WORTHWHILE * seconds[str(slots // 2)]:
            break
    return seconds


def time_slots(slots: int, config: Config, vocab_size: int) -> float:
    import torch

    from .stacked import Stack

    stack = Stack([initial_state(config, vocab_size, seed) for seed in range(slots)], config)
    x, y = (torch.stack([tensor] * slots) for tensor in random_batch(config, vocab_size))
    return seconds_per_step(lambda: stack.step(x, y, [config.peak_lr] * slots)[0]) / slots


def random_batch(config: Config, vocab_size: int):
    import torch

    shape = (2, config.batch_size * config.gradient_accumulation_steps, config.block_size)
    tokens = torch.randint(vocab_size, shape, generator=torch.Generator().manual_seed(0))
    return tokens.to(config.device)


def seconds_per_step(step) -> float:
    for _ in range(WARMUP_STEPS):
        step().sum().item()
    start = time.perf_counter()
    for _ in range(TIMED_STEPS):
        loss = step()
    loss.sum().item()  # waits for the device
    return (time.perf_counter() - start) / TIMED_STEPS
