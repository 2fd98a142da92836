"""What this machine has no room for: said before anything is allocated."""

from __future__ import annotations

import os
from dataclasses import dataclass

from .config import Config
from .errors import not_allowed
from .memory import format_bytes, room

MAX_THREADS = 256  # or as many as there are cores; some thousands end in a segmentation fault
# At least so many bytes; what is let through may still not fit.
STEP_BYTES = 400  # of a run's numbers, and of its curve.csv while that is written
LR_BYTES = 16  # of a schedule's lr, and of its bits while the plan compares them
PARAMETER_BYTES = 16  # weight, gradient and AdamW's two moments
MEAN_BYTES = 4  # of a parameter, for each average of the weights
ACTIVATIONS = 10  # that are kept for the backward pass, per layer, token and unit of the width
LOGIT_BYTES = 4
TOKEN_BYTES = 16  # x and y, int64


@dataclass(frozen=True)
class Need:
    """Memory for one part of the training."""

    setting: str  # that makes it large
    what: str
    bytes: int
    on_device: bool = True


def check_fits(
    config: Config, vocab_size: int | None = None, schedules: int = 1, val_tokens: int | None = None
):
    """Refuse a training that this machine's memory has no room for.

    Args:
        config: with the machine's settings decided and the longest horizon as its steps.
        vocab_size: of the data; default unknown, which counts as none.
        schedules: how many lr arrays are made.
        val_tokens: of the data's validation split; default unknown, which counts as none.

    Raises:
        ValueError: one line that names the setting, what it takes and what there is.
    """
    check_threads(config.threads)
    on_device = config.device == "cuda"
    left = {False: room("cpu"), True: room(config.device)} if on_device else {False: room("cpu")}
    for need in needs(config, vocab_size or 0, schedules, val_tokens or 0):
        place = need.on_device and on_device
        if left[place] is None:
            continue
        if need.bytes > left[place]:
            machine = "the GPU" if place else "this machine"
            takes, there_is = format_bytes(need.bytes), format_bytes(left[place])
            allowed = f"{need.what} at least {takes}, and {machine} has {there_is} for it; give less"
            raise not_allowed(need.setting, getattr(config, need.setting), allowed)
        left[place] -= need.bytes


def check_threads(threads: int):
    cores = os.cpu_count() or 1
    most = max(MAX_THREADS, cores)
    if threads > most:
        raise not_allowed("threads", threads, f"give at most {most}; this machine has {cores} cores")


def needs(c: Config, vocab_size: int, schedules: int = 1, val_tokens: int = 0) -> list[Need]:
    """What a run takes."""
    n_parameters, tokens = parameters(c, vocab_size), c.batch_size * c.block_size
    per_parameter = PARAMETER_BYTES + MEAN_BYTES * len(c.averages)
    widest = "n_layer" if c.n_layer > c.n_embd else "n_embd"
    if c.block_size > max(vocab_size, 12 * c.n_layer * c.n_embd):
        widest = "block_size"
    bytes_a_number = 2 if c.dtype == "bfloat16" else 4
    activations = tokens * (ACTIVATIONS * c.n_layer * c.n_embd * bytes_a_number + LOGIT_BYTES * vocab_size)
    batch = "batch_size" if c.batch_size > c.block_size else "block_size"
    accumulated = "gradient_accumulation_steps" if c.gradient_accumulation_steps > c.batch_size else batch
    final = TOKEN_BYTES * min(c.final_eval_tokens, val_tokens)
    return [
        Need("steps", "the numbers of its steps take", c.steps * (STEP_BYTES + LR_BYTES * schedules), False),
        Need(widest, "the model, its gradients and its optimizer take", per_parameter * n_parameters),
        Need(accumulated, "a batch takes", TOKEN_BYTES * c.tokens_per_step),
        Need(batch, "the activations of a micro-batch take", activations),
        Need("eval_batches", "the validation batches take", TOKEN_BYTES * tokens * c.eval_batches),
        Need("final_eval_tokens", "the batches of the final validation take", final),
    ]


def training_bytes(config: Config, vocab_size: int = 0) -> int:
    """At least so much does one run take."""
    return sum(need.bytes for need in needs(config, vocab_size))


def parameters(c: Config, vocab_size: int) -> int:
    """Of the model, with the position embedding."""
    block = 12 * c.n_embd**2 + 2 * c.n_embd + c.bias * 11 * c.n_embd
    return (vocab_size + c.block_size) * c.n_embd + c.n_layer * block + (1 + c.bias) * c.n_embd
