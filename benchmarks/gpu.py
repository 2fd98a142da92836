"""Training on a GPU: our step beside nanoGPT's loop, and stacked runs beside one after another, in turns.

    python -m benchmarks.gpu                               # nanoGPT's char model, 10.7M
    python -m benchmarks.gpu --config gpt2 --slots none    # 124M, whose runs are not stacked

nanoGPT's loop is that of its train.py in substance: the model compiled, bfloat16 by autocast, fused AdamW,
batches drawn from a memory-mapped file and sent from pinned memory while the forward pass runs, the loss
fetched every 10 steps. It trains our model, which has its shape and names. The tokens are random: only time
is looked at, so no corpus is needed. On a CPU all of it runs too, with the settings of a CPU.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from data import batch, prefetch
from data.shards import Tokens, write_shard
from nanosched.cli import add_flags, from_args
from nanosched.config import Config
from nanosched.hardware import device_name, peak_flops
from nanosched.recorder import MAX_PENDING
from sweep.stacked import Stack
from train import autocast, compiled, initial_state, train_step

VOCABULARY = {"char": 65, "byte": 256, "gpt2": 50257}  # shakespeare's characters
N_TOKENS = 4_000_000
LOSS_EVERY = 10  # steps, nanoGPT's log_interval


@dataclass(frozen=True)
class Work:
    """What all loops train on.

    Args:
        config: the model and the batches, with the machine's settings decided.
        tokens: as of a dataset.
        steps: a turn's.
    """

    config: Config
    tokens: Tokens
    steps: int

    def state(self, seed: int = 0):
        return initial_state(self.config, VOCABULARY[self.config.tokenizer], seed)

    def batch(self, seed: int, step: int):
        c = self.config
        rows = c.batch_size * c.gradient_accumulation_steps
        return batch(self.tokens, "", seed, step, rows, c.block_size)


Loop = Callable[[], None]  # trains for one turn


def nanogpts_loop(work: Work) -> Loop:
    c, state, data = work.config, work.state(), work.tokens.shard(0)
    model = torch.compile(state.model) if c.compile == "true" else state.model
    groups = [dict(params=g["params"], weight_decay=g["weight_decay"]) for g in state.optimizer.param_groups]
    optimizer = torch.optim.AdamW(groups, lr=c.peak_lr, betas=(c.beta1, c.beta2), fused=True)

    def window(start):
        return torch.from_numpy(data[start : start + c.block_size].astype(np.int64))

    def get_batch():
        starts = torch.randint(len(data) - c.block_size, (c.batch_size,)).tolist()
        pair = [torch.stack([window(start + shift) for start in starts]) for shift in (0, 1)]
        if c.device == "cuda":
            return [t.pin_memory().to(c.device, non_blocking=True) for t in pair]
        return pair

    ahead = [get_batch()]

    def turn():
        for step in range(work.steps):
            for group in optimizer.param_groups:
                group["lr"] = c.peak_lr
            for _ in range(c.gradient_accumulation_steps):
                with autocast(c):
                    loss = model(*ahead.pop())[1] / c.gradient_accumulation_steps
                ahead.append(get_batch())  # while the GPU is at work
                loss.backward()
            if c.grad_clip:
                torch.nn.utils.clip_grad_norm_(model.parameters(), c.grad_clip)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            if step % LOSS_EVERY == 0:
                loss.item()

    return turn


def our_loop(work: Work) -> Loop:
    """train.train without its files."""
    c, state = work.config, work.state()
    forward = compiled(state, c) if c.compile == "true" else state.model

    def turn():
        pending = []
        for x, y in prefetch(lambda step: work.batch(0, step), range(work.steps), c.device):
            pending += train_step(state, x, y, c.peak_lr, c, forward)
            if len(pending) == 2 * MAX_PENDING or c.device == "cpu":
                [number.item() for number in pending]
                pending.clear()

    return turn


def stacked_loop(work: Work, slots: int) -> Loop:
    """sweep.stacked_training without its files: a turn's steps, each of all runs."""
    c, stack = work.config, Stack([work.state(seed) for seed in range(slots)], work.config)

    def get_batch(step):
        return [np.stack(arrays) for arrays in zip(*(work.batch(seed, step) for seed in range(slots)))]

    def turn():
        pending = []
        for x, y in prefetch(get_batch, range(work.steps), c.device):
            pending += stack.step(x, y, [c.peak_lr] * slots)
            if len(pending) == 2 * MAX_PENDING or c.device == "cpu":
                torch.stack(pending).tolist()
                pending.clear()

    return turn


def warmed_up(make: Callable[[], Loop], config: Config) -> tuple[Loop, int]:
    """(the loop, compiled and its libraries awake; bytes of a GPU's memory that it took at most, else 0)."""
    on_gpu, before = config.device == "cuda", 0
    if on_gpu:
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
    loop = make()
    for _ in range(2):
        loop()
    return loop, torch.cuda.max_memory_allocated() - before if on_gpu else 0


def in_turns(loops: list[Loop], turns: int, config: Config) -> list[list[float]]:
    """Seconds of each turn, by loop; each loop's first turn is followed by the others' first."""
    seconds = [[] for _ in loops]
    for _ in range(turns):
        for loop, times in zip(loops, seconds):
            start = time.perf_counter()
            loop()
            if config.device == "cuda":
                torch.cuda.synchronize()
            times.append(time.perf_counter() - start)
    return seconds


def spread(ratios: list[float]) -> str:
    return f"{statistics.median(ratios):.3f} (min {min(ratios):.3f}, max {max(ratios):.3f})"


def print_loops(work: Work, turns: int):
    """Our training step beside nanoGPT's loop."""
    c, labels = work.config, ("nanoGPT's loop", "ours")
    loops, memory = zip(*(warmed_up(lambda m=make: m(work), c) for make in (nanogpts_loop, our_loop)))
    seconds = in_turns(loops, turns, c)
    flops, peak = work.state().model.flops_per_token(), peak_flops(c.device, c.dtype)
    for label, times, taken in zip(labels, seconds, memory):
        step_s = statistics.median(times) / work.steps
        tokens_per_s = c.tokens_per_step / step_s
        print(
            f"{label:14} {1000 * step_s:9.2f} ms per step  {tokens_per_s:11,.0f} tokens/s  "
            f"MFU {tokens_per_s * flops / peak:.1%}{gigabytes(taken)}"
        )
    print(f"tokens/s, ours / nanoGPT's: {spread([a / b for a, b in zip(*seconds)])}")


def print_stacks(work: Work, turns: int, sizes: list[int]):
    """Steps of one run per second, stacked and one run after another."""
    c = work.config
    print(f"{'slots':>5}  {'stacked':>9}  {'one after another':>17}  stacked / one after another")
    alone, _ = warmed_up(lambda: our_loop(work), c)
    for slots in sizes:
        try:
            stacked, taken = warmed_up(lambda n=slots: stacked_loop(work, n), c)
            stacked_s, alone_s = in_turns([stacked, alone], turns, c)
        except torch.cuda.OutOfMemoryError:
            return print(f"{slots:5}  don't fit into the GPU's memory")
        del stacked  # before the next one is built
        ratios = [slots * b / a for a, b in zip(stacked_s, alone_s)]
        per_s = slots * work.steps / statistics.median(stacked_s), work.steps / statistics.median(alone_s)
        print(f"{slots:5}  {per_s[0]:9.1f}  {per_s[1]:17.1f}  {spread(ratios)}{gigabytes(taken)}")


def gigabytes(taken: int) -> str:
    return f"  {taken / 1e9:.1f} GB" if taken else ""


def random_tokens(config: Config, folder: str) -> Tokens:
    """A shard of random tokens of the vocabulary."""
    numbers = np.random.default_rng(0).integers(VOCABULARY[config.tokenizer], size=N_TOKENS, dtype=np.uint16)
    path = Path(folder) / "train_000000.bin"
    write_shard(path, numbers)
    return Tokens([path])


def slots_list(text: str) -> list[int]:
    return [] if text == "none" else [int(part) for part in text.split(",")]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--turns", type=int, default=10, help="of each loop, default 10")
    parser.add_argument("--turn-steps", type=int, default=20, help="steps a turn, default 20")
    parser.add_argument(
        "--slots",
        type=slots_list,
        default="1,2,4,8,16,32",
        help="runs to stack, or none; default %(default)s",
    )
    add_flags(parser)
    args = parser.parse_args()
    setup = from_args(args, lambda dataset: None, lambda dataset, tokenizer: VOCABULARY[tokenizer])
    config, name = setup.one_run, setup.name
    with tempfile.TemporaryDirectory() as folder:
        work = Work(config, random_tokens(config, folder), args.turn_steps)
        million = work.state().model.num_params() / 1e6
        threads = "" if config.device == "cuda" else f" ({torch.get_num_threads()} threads)"
        print(
            f"{name}: {million:.1f}M parameters, {config.tokens_per_step:,} tokens per step, {config.dtype}, "
            f"compile {config.compile}, dropout {config.dropout}, {device_name(config.device)}{threads}, "
            f"torch {torch.__version__}, {args.turns} turns of {args.turn_steps} steps"
        )
        print_loops(work, args.turns)
        if args.slots:
            print_stacks(work, args.turns, args.slots)


if __name__ == "__main__":
    main()
