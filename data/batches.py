"""Shards to batches. A batch is a pure function of (data fingerprint, data seed, step): there is no loader state."""

import hashlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from .errors import DataError


def batch(tokens, fingerprint, seed, step, batch_size, block_size):
    """Training windows drawn at random.

    Args:
        tokens: a `Tokens`. Every window of every shard is equally likely; none crosses from one shard into the next.
        fingerprint: of the dataset (hex str).
        seed: data seed (int); runs with one seed see the same batches.
        step: 0-based (int).
    Returns:
        x, y: int64 (batch_size, block_size); y is x one token later.
    Raises:
        DataError: no shard has block_size + 1 tokens, or a size or the step is not possible.
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


def validation_batches(tokens, n_batches, batch_size, block_size):
    """A list of n_batches (x, y) as from `batch`, evenly spaced over the tokens: the same for all runs."""
    ends = window_ends(tokens, batch_size, block_size)
    if n_batches < 1:
        raise DataError(f"n_batches must be 1 or more, got {n_batches}")
    n = n_batches * batch_size
    positions = np.arange(n) * int(ends[-1]) // n
    return [windows(tokens, ends, rows, block_size) for rows in positions.reshape(n_batches, batch_size)]


def window_ends(tokens, batch_size, block_size):
    """Running number of windows, int64 (shards,): shard i has the windows numbered ends[i - 1] to ends[i] - 1."""
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


def windows(tokens, ends, numbers, block_size):
    """The windows with these numbers (n,) as x, y: int64 (n, block_size) each."""
    shards = np.searchsorted(ends, numbers, side="right")
    starts = numbers - (ends - np.diff(ends, prepend=0))[shards]
    rows = np.empty((len(starts), block_size + 1), np.int64)
    for index in np.unique(shards):
        shard = tokens.shard(index)
        for row in np.flatnonzero(shards == index):
            rows[row] = shard[starts[row] : starts[row] + block_size + 1]
    return rows[:, :-1].copy(), rows[:, 1:].copy()


def prefetch(get_batch, steps, device="cpu"):
    """Yields `get_batch(step)` for each of `steps` as torch tensors (x, y) on `device`.

    One thread makes the next batch meanwhile; it ends with the generator, also when that is closed early, and what
    get_batch raises is raised here.
    """
    import torch

    on_cuda = torch.device(device).type == "cuda"

    def make(step):
        made = [torch.from_numpy(array) for array in get_batch(step)]
        return [tensor.pin_memory() for tensor in made] if on_cuda else made

    def deliver(making):
        return tuple(tensor.to(device, non_blocking=on_cuda) for tensor in making.result())

    with ThreadPoolExecutor(1, thread_name_prefix="prefetch") as thread:
        ahead = None
        for step in steps:
            ready, ahead = ahead, thread.submit(make, step)
            if ready:
                yield deliver(ready)
        if ahead:
            yield deliver(ahead)
