"""Shards to batches. A batch is a pure function of (data fingerprint, data seed, step): no loader state."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from .errors import DataError
from .shards import Tokens

if TYPE_CHECKING:
    import torch

Batch = tuple[np.ndarray, np.ndarray]  # x, y: int64 (batch_size, block_size); y is x one token later


def batch(tokens: Tokens, fingerprint: str, seed: int, step: int, batch_size: int, block_size: int) -> Batch:
    """Draws training windows at random.

    Their numbers are what numpy's Philox gives with key sha256(fingerprint:seed) and counter step.

    Args:
        tokens: every window of every shard is equally likely; none crosses from one shard into the next.
        fingerprint: of the dataset, hex.
        seed: data seed; runs with one seed see the same batches.
        step: 0-based.
        batch_size: windows per batch.
        block_size: tokens per window.

    Returns:
        x, y: int64 (batch_size, block_size); y is x one token later.

    Raises:
        DataError: no shard has block_size + 1 tokens, or a size or the step is not possible.

    References:
        Salmon et al. 2011, Parallel random numbers: as easy as 1, 2, 3.
    """
    ends = window_ends(tokens, batch_size, block_size)
    if step < 0:
        raise DataError(f"step must be 0 or more, got {step}")
    key = hashlib.sha256(f"{fingerprint}:{seed}".encode()).digest()
    # the step is the highest of Philox's four counter words, so steps are 2**192 draws apart
    philox = np.random.Philox(key=int.from_bytes(key[:16], "little"), counter=[0, 0, 0, step])
    # raw draws, since numpy promises them to stay what they are; the bias of % is below ends / 2**64
    numbers = (philox.random_raw(batch_size) % np.uint64(ends[-1])).astype(np.int64)
    return windows(tokens, ends, numbers, block_size)


def validation_batches(tokens: Tokens, n_batches: int, batch_size: int, block_size: int) -> list[Batch]:
    """Windows evenly spaced over the tokens: the same for all runs.

    Args:
        tokens: the shards of the val split.
        n_batches: how many batches.
        batch_size: windows per batch.
        block_size: tokens per window.

    Returns:
        n_batches times x, y: int64 (batch_size, block_size), as from `batch`.

    Raises:
        DataError: no shard has block_size + 1 tokens, or a size is not possible.
    """
    ends = window_ends(tokens, batch_size, block_size)
    if n_batches < 1:
        raise DataError(f"n_batches must be 1 or more, got {n_batches}")
    n = n_batches * batch_size
    positions = np.arange(n) * int(ends[-1]) // n
    return [windows(tokens, ends, rows, block_size) for rows in positions.reshape(n_batches, batch_size)]


def covering_batches(tokens: Tokens, max_tokens: int, batch_size: int, block_size: int) -> list[Batch]:
    """Windows that cover the tokens once, or evenly spaced as many of them as hold `max_tokens`.

    Args:
        tokens: the shards of the val split.
        max_tokens: to predict, rounded down to whole windows; at least one window.
        batch_size: windows per batch; the last one may have fewer.
        block_size: tokens per window.

    Returns:
        x, y: int64 (at most batch_size, block_size), as from `batch`; no token is predicted twice.

    Raises:
        DataError: no shard has block_size + 1 tokens, or a size is not possible.
    """
    ends = window_ends(tokens, batch_size, block_size)
    starts = ends - np.diff(ends, prepend=0)
    numbers = np.concatenate([np.arange(start, end, block_size) for start, end in zip(starts, ends)])
    n = min(len(numbers), max(1, max_tokens // block_size))
    chosen = numbers[np.arange(n) * len(numbers) // n]
    pieces = range(0, n, batch_size)
    return [windows(tokens, ends, chosen[i : i + batch_size], block_size) for i in pieces]


def window_ends(tokens: Tokens, batch_size: int, block_size: int) -> np.ndarray:
    """Numbers the windows over all shards.

    Args:
        tokens: the shards of one split.
        batch_size: windows per batch, only checked.
        block_size: tokens per window.

    Returns:
        int64 (shards,): shard i has the windows numbered ends[i - 1] to ends[i] - 1.

    Raises:
        DataError: no shard has block_size + 1 tokens, or a size is below 1.
    """
    for name, value in (("batch_size", batch_size), ("block_size", block_size)):
        if value < 1:
            raise DataError(f"{name} must be 1 or more, got {value}")
    ends = np.maximum(tokens.counts - block_size, 0).cumsum()
    if not ends.size or ends[-1] == 0:
        raise DataError(
            f"block_size {block_size} needs {block_size + 1} tokens in one shard and the longest of "
            f"{len(tokens.counts)} has {tokens.counts.max(initial=0)}; use a smaller block_size or more text"
        )
    return ends


def windows(tokens: Tokens, ends: np.ndarray, numbers: np.ndarray, block_size: int) -> Batch:
    """The windows with these numbers, int64 (n,), as x, y: int64 (n, block_size) each."""
    shards = np.searchsorted(ends, numbers, side="right")
    starts = numbers - (ends - np.diff(ends, prepend=0))[shards]
    rows = np.empty((len(starts), block_size + 1), np.int64)
    for index in np.unique(shards):
        here = shards == index
        rows[here] = tokens.windows(index, starts[here], block_size + 1)
    return rows[:, :-1].copy(), rows[:, 1:].copy()


def prefetch(
    get_batch: Callable[[int], Batch], steps: Iterable[int], device: str | torch.device = "cpu"
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Makes the next batch in a thread while the last one is used.

    The thread ends with the generator, also when that is closed early.

    Args:
        get_batch: step -> x, y: int64 (batch_size, block_size).
        steps: the steps wanted, in their order.
        device: where the tensors go.

    Yields:
        `get_batch(step)` for each of `steps`, as torch tensors on `device`.

    Raises:
        Exception: what get_batch raises.
    """
    import torch

    on_cuda = torch.device(device).type == "cuda"

    def make(step: int) -> list[torch.Tensor]:
        tensors = [torch.from_numpy(array) for array in get_batch(step)]
        return [tensor.pin_memory() for tensor in tensors] if on_cuda else tensors

    def deliver(future: Future) -> tuple[torch.Tensor, torch.Tensor]:
        return tuple(tensor.to(device, non_blocking=on_cuda) for tensor in future.result())

    with ThreadPoolExecutor(1, thread_name_prefix="prefetch") as thread:
        ahead = None
        for step in steps:
            ready, ahead = ahead, thread.submit(make, step)
            if ready:
                yield deliver(ready)
        if ahead:
            yield deliver(ahead)
