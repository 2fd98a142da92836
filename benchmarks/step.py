"""Time of a training step against a plain eager loop, in turns within one run.

    python -m benchmarks.step                   # nanoGPT's CPU recipe, or its char model on a GPU
    python -m benchmarks.step --config gpt2     # 124M

Both train the same model on the same batches. The plain loop is a first version: eager, on a CPU in float32,
unfused AdamW, all cores on one run, the loss fetched at every step. Ours is what compare.py does: on a CPU
one run per core, side by side, so that its time per step is that of all the runs' steps at once. The
machine's speed drifts, so what counts is the ratio of neighbours.
"""

from __future__ import annotations

import argparse
import atexit
import multiprocessing
import os
import statistics
import time
from dataclasses import replace

import torch

from data import batch, open_dataset, prefetch, tokenizer_of, vocab_size_of
from nanosched.cli import add_flags, from_args
from nanosched.hardware import device_name, peak_flops
from nanosched.recorder import MAX_PENDING
from schedulers import get_schedule
from sweep.workers import HUGE_PAGES, max_workers
from train import autocast, compiled, initial_state, train_step


def plain_turn(state, optimizer, batches, lrs, config):
    """nanoGPT's loop without its tricks."""
    for (x, y), lr in zip(batches, lrs):
        for group in optimizer.param_groups:
            group["lr"] = lr
        for x_micro, y_micro in zip(x.split(config.batch_size), y.split(config.batch_size)):
            with autocast(config):
                _, loss = state.model(x_micro, y_micro)
            (loss / config.gradient_accumulation_steps).backward()
        torch.nn.utils.clip_grad_norm_(state.model.parameters(), config.grad_clip)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        loss.item()


def plain_setting(config):
    """The same setup without what makes it fast: eager, and on a CPU in float32."""
    dtype = "float32" if config.device == "cpu" else config.dtype
    return replace(config, dtype=dtype, compile="false")


def plain_optimizer(state, config):
    """AdamW as nanoGPT has it, but unfused, for the parameters of `state`."""
    optimizer = torch.optim.AdamW(
        state.optimizer.param_groups, betas=(config.beta1, config.beta2), fused=False, foreach=False
    )
    for group in optimizer.param_groups:
        group.update(fused=False, foreach=False)  # the groups bring their own setting
    return optimizer


def our_turn(state, forward, batches, lrs, config):
    """The loop of train.py without its files."""
    pending = []
    for (x, y), lr in zip(batches, lrs):
        pending.append(train_step(state, x, y, lr, config, forward)[0])
        if config.device == "cpu" or len(pending) == MAX_PENDING:
            [loss.item() for loss in pending]
            pending.clear()


def plain_loop(config, dataset, steps):
    state, (batches, lrs) = initial_state(config, dataset.vocab_size, 0), inputs(config, dataset, 0, steps)
    optimizer = plain_optimizer(state, config)
    return lambda: plain_turn(state, optimizer, batches(), lrs, config)


def our_loop(config, dataset, seed, steps):
    state, (batches, lrs) = (
        initial_state(config, dataset.vocab_size, seed),
        inputs(config, dataset, seed, steps),
    )
    forward = compiled(state, config) if config.compile == "true" else state.model
    return lambda: our_turn(state, forward, batches(), lrs, config)


def inputs(config, dataset, seed, steps):
    rows = config.batch_size * config.gradient_accumulation_steps

    def batches():
        return prefetch(
            lambda step: batch(dataset.train, dataset.fingerprint, seed, step, rows, config.block_size),
            range(steps),
            config.device,
        )

    schedule = get_schedule(
        "cosine", steps=config.steps, peak_lr=config.peak_lr, warmup_steps=config.warmup_steps
    )
    return batches, schedule.lrs()[:steps]


def worker(pipe, config, dataset, seed, steps):
    """Train a turn each time the pipe says so."""
    torch.set_num_threads(config.threads)
    turn = our_loop(config, dataset, seed, steps)
    while pipe.recv() == "go":
        turn()
        pipe.send("done")


def side_by_side(config, dataset, steps, runs):
    """A turn of `runs` runs at once, a process each, as sweep.workers trains them."""
    os.environ.setdefault("GLIBC_TUNABLES", HUGE_PAGES)
    context, pipes = multiprocessing.get_context("spawn"), []
    for seed in range(runs):
        pipe, theirs = context.Pipe()
        context.Process(target=worker, args=(theirs, config, dataset, seed, steps), daemon=True).start()
        pipes.append(pipe)

    def turn():
        for pipe in pipes:
            pipe.send("go")
        for pipe in pipes:
            pipe.recv()

    atexit.register(lambda: [pipe.send("stop") for pipe in pipes])
    return turn


def timed(turn, config) -> float:
    start = time.perf_counter()
    turn()
    if config.device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--turns", type=int, default=20, help="of each loop, default 20")
    parser.add_argument("--turn-steps", type=int, default=20, help="steps a turn, default 20")
    add_flags(parser)
    args = parser.parse_args()
    setup = from_args(args, tokenizer_of, vocab_size_of)
    config, name = setup.one_run, setup.name
    dataset, steps = open_dataset(config.dataset, config.tokenizer), args.turn_steps
    runs, plain_config = max_workers(config), plain_setting(config)

    plain = plain_loop(plain_config, dataset, steps)
    ours = side_by_side(config, dataset, steps, runs) if runs > 1 else our_loop(config, dataset, 0, steps)
    for turn in (plain, ours) * 2:  # warm up, compile
        turn()
    plain_s, our_s = [], []
    for _ in range(args.turns):
        plain_s.append(timed(plain, config) / steps)
        our_s.append(timed(ours, config) / steps / runs)

    model = initial_state(config, dataset.vocab_size, 0).model
    print(
        f"{name}: {model.num_params() / 1e6:.1f}M parameters, {config.tokens_per_step:,} tokens per step, "
        f"{plain_config.dtype} and {config.dtype}, compile={config.compile}, {device_name(config.device)}"
    )
    for label, seconds, dtype in (
        (f"plain, {torch.get_num_threads()} threads", plain_s, plain_config.dtype),
        (f"ours, {runs} runs at once", our_s, config.dtype),
    ):
        tokens_per_s = config.tokens_per_step / statistics.median(seconds)
        mfu = tokens_per_s * model.flops_per_token() / peak_flops(config.device, dtype)
        ms, least = 1000 * statistics.median(seconds), 1000 * min(seconds)
        print(
            f"{label:22} {ms:8.2f} ms per step (min {least:.2f})  "
            f"{tokens_per_s:11,.0f} tokens/s  MFU {mfu:.1%}"
        )
    ratios = [a / b for a, b in zip(our_s, plain_s)]
    spread = f"median {statistics.median(ratios):.3f} (min {min(ratios):.3f}, max {max(ratios):.3f})"
    print(f"ours / plain: {spread} over {args.turns} turns of {steps} steps")


if __name__ == "__main__":
    main()
