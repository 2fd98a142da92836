"""What a step of one run adds to the time of a comparison: from its store, or from a few steps taken now."""

from __future__ import annotations

import statistics
import time
from itertools import islice

from nanosched.config import Config
from nanosched.hardware import device_name
from train import compiled, initial_state, train_step

from .slots import choose_slots
from .store import Store
from .workers import max_workers

WARMUP_STEPS, TIMED_STEPS = 3, 10
ENOUGH_RUNS = 20
SAME_TIME = (  # settings that a step's time follows from
    "n_layer",
    "n_head",
    "n_embd",
    "block_size",
    "bias",
    "dropout",
    "batch_size",
    "gradient_accumulation_steps",
    "device",
    "threads",
    "replicas",
    "dtype",
    "compile",
)


def stored_step_s(config: Config, store: Store) -> float | None:
    """Seconds, by the median step of the runs in the store that have this model, batch and machine.

    Args:
        config: of the comparison, `replicas` decided.
        store: of the comparison; its folder need not be there.

    Returns:
        seconds; None where no such run has ended.
    """
    here = device_name(config.device)

    def alike(record) -> bool:
        same = all(record.config.get(name) == getattr(config, name) for name in SAME_TIME)
        return same and record.device == here and record.steps_taken > 0

    runs = islice((run for run in store.finished() if alike(run.record)), ENOUGH_RUNS)
    seconds = [statistics.median(run.curve.step_s) for run in runs]
    return float(statistics.median(seconds)) / side_by_side(config) if seconds else None


def timed_step_s(config: Config, vocab_size: int) -> float:
    """Seconds, by the mean of a few steps of fresh weights; each process of a comparison would take as long.

    Args:
        config: of the comparison, `replicas` decided.
        vocab_size: of the data.
    """
    import torch

    if config.replicas == "stacked":
        return timed_stack_s(config, vocab_size)
    torch.set_num_threads(config.threads)
    state, (x, y) = initial_state(config, vocab_size, 0), random_batch(config, vocab_size)
    forward = compiled(state, config) if config.compile == "true" else state.model
    step_s = seconds_per_step(lambda: train_step(state, x, y, config.peak_lr, config, forward)[0])
    return step_s / side_by_side(config)


def timed_stack_s(config: Config, vocab_size: int) -> float:
    import torch

    from .stacked import Stack

    slots = choose_slots(config, vocab_size)
    stack = Stack([initial_state(config, vocab_size, seed) for seed in range(slots)], config)
    x, y = (torch.stack([tensor] * slots) for tensor in random_batch(config, vocab_size))
    return seconds_per_step(lambda: stack.step(x, y, [config.peak_lr] * slots)[0]) / slots


def side_by_side(config: Config) -> int:
    """Runs whose steps are taken at once; the step of a stack is shared out among its runs already."""
    return 1 if config.replicas == "stacked" else max_workers(config)


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
