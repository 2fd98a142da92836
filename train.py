"""Train one GPT-2 with one learning-rate schedule.

    python train.py --scheduler wsd:cooldown=0.4 --steps 1000 --out results/mine

A run is a pure function of (config, lr array, seed): weights, batches and dropout follow from them, and nothing else is
read on the way. So a run that was stopped goes on, by the same command, as if it never had been.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
import zlib
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from nanosched.config import Config, add_flags, check_seed, from_args
from schedulers import get_schedule


def parse_args():
    """(args, config, schedule) from the command line; bad input ends here, in one line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scheduler", "--lr_schedule", "--lr-schedule", default="cosine", metavar="NAME[:k=v,...]", help="a schedule's name, or a path to a file with one of your own; default cosine")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the weights, the batches and the dropout; default 0")
    parser.add_argument("--out", metavar="DIR", help="the run is kept in DIR/runs/<run id>/; default results/<config>")
    parser.add_argument("--steps_this_run", "--steps-this-run", type=int, metavar="N", help="stop after N steps; the same command goes on from there")
    parser.add_argument("--end_lr_ratio", "--end-lr-ratio", type=float, metavar="X", help="final over peak lr, for a schedule that has a final_lr_ratio")
    add_flags(parser)
    args = parser.parse_args()
    try:
        config, _, name = from_args(args)
        args.out = args.out or f"results/{name}"
        end = {} if args.end_lr_ratio is None else {"end_lr_ratio": args.end_lr_ratio}
        schedule = get_schedule(args.scheduler, steps=config.steps, peak_lr=config.peak_lr, warmup_steps=config.warmup_steps, **end)
        schedule.lrs()  # a formula that fails at some step fails now
        check_seed("seed", args.seed)
        if args.steps_this_run is not None and args.steps_this_run < 1:
            raise ValueError(f"steps_this_run={args.steps_this_run} is not allowed: give a whole number of at least 1")
    except ValueError as e:
        sys.exit(f"error: {e}")
    return args, config, schedule


if __name__ == "__main__":  # before torch, whose import takes a second
    args, config, schedule = parse_args()

import torch

from data import batch, open_dataset, prefetch, validation_batches
from model import GPT2, GPT2Config
from nanosched.checkpoint import NAME as CHECKPOINT, load_checkpoint, save_checkpoint
from nanosched.files import atomic
from nanosched.hardware import device_name, peak_flops
from nanosched.history import History
from nanosched.interrupt import ctrl_c
from nanosched.version import code_version

FLUSH = 10  # steps between two looks at a GPU's losses: each look waits for the GPU


@dataclass
class State:
    """All that a training step reads and changes."""

    model: GPT2
    optimizer: torch.optim.AdamW
    seed: int
    step: int = 0  # steps taken


def initial_state(config: Config, vocab_size: int, seed: int) -> State:
    """Fresh weights and a fresh optimizer: a pure function of (config, vocab_size, seed)."""
    if vocab_size > 1024:  # gpt2's 50257 becomes 50304: GPUs are faster on multiples of 64
        vocab_size = math.ceil(vocab_size / 64) * 64
    shape = GPT2Config(config.block_size, vocab_size, config.n_layer, config.n_head, config.n_embd, config.bias, config.dropout)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = GPT2(shape)
    model.to(config.device)
    parameters = list(model.parameters())
    groups = [  # nanoGPT's: matrices and embeddings decay, biases and LayerNorms don't
        dict(params=[p for p in parameters if p.dim() >= 2], weight_decay=config.weight_decay),
        dict(params=[p for p in parameters if p.dim() < 2], weight_decay=0.0),
    ]
    optimizer = torch.optim.AdamW(groups, lr=0.0, betas=(config.beta1, config.beta2), fused=True)
    return State(model, optimizer, seed)


def train_step(state: State, x, y, lr: float, config: Config, forward=None):
    """One update of `state`, in place: a function of (state, batch, lr) and nothing else.

    Args:
        x, y: int64 (gradient_accumulation_steps * batch_size, block_size), on the model's device.
        lr: learning rate of this step.
        forward: the compiled model, where there is one.

    Returns:
        (loss, grad_norm): scalars on the device; the loss of the whole batch, the norm before clipping.
    """
    forward = state.model if forward is None else forward
    if config.dropout:  # the masks too follow from (seed, step); torch takes 32 bits of a seed on a CPU
        torch.manual_seed(zlib.crc32(f"{state.seed}:{state.step}".encode()))
    loss = 0.0
    for x_micro, y_micro in zip(x.split(config.batch_size), y.split(config.batch_size)):
        with autocast(config):
            _, micro_loss = forward(x_micro, y_micro)
        micro_loss = micro_loss / config.gradient_accumulation_steps
        micro_loss.backward()
        loss = loss + micro_loss.detach()
    grad_norm = torch.nn.utils.clip_grad_norm_(state.model.parameters(), config.grad_clip or math.inf)
    for group in state.optimizer.param_groups:
        group["lr"] = lr
    state.optimizer.step()
    state.optimizer.zero_grad(set_to_none=True)
    state.step += 1
    return loss, grad_norm


@torch.no_grad()
def validate(model: GPT2, batches, config: Config) -> float:
    """Mean loss over the validation batches, in nats a token."""
    model.eval()
    with autocast(config):
        losses = [model(x, y)[1] for x, y in batches]
    model.train()
    return torch.stack(losses).mean().item()


def autocast(config: Config):
    return torch.autocast(config.device, dtype=torch.bfloat16, enabled=config.dtype == "bfloat16")


def train(config, schedule, seed, dataset, folder, steps_now=None, keep_checkpoint=False, on_step=None, should_stop=None):
    """Train one run into `folder`, from the checkpoint there if there is one.

    Args:
        config: a Config with the machine's settings decided.
        schedule: a Schedule over config.steps.
        seed: int, of weights, batches and dropout.
        dataset: a data.Dataset.
        folder: gets ckpt.pt on the way and at the end curve.csv and, last of all, run.json.
        steps_now: stop with a checkpoint after this many steps.
        keep_checkpoint: leave the last ckpt.pt there.
        on_step: called with (steps taken, the last one's loss) when they are known.
        should_stop: asked after each step; if true, stop with a checkpoint.

    Returns:
        what run.json holds, or None if the run was stopped before its end.
    """
    torch.set_num_threads(config.threads)
    run_id = config.run_id(schedule, seed, dataset.fingerprint)
    state, history = initial_state(config, dataset.vocab_size, seed), History()
    load_checkpoint(folder, run_id, state, history)
    rows = config.batch_size * config.gradient_accumulation_steps
    val_arrays = validation_batches(dataset.val, config.eval_batches, config.batch_size, config.block_size)
    val_batches = list(prefetch(val_arrays.__getitem__, range(len(val_arrays)), config.device))
    forward = compiled(state, val_batches[0], config) if config.compile == "true" else state.model
    lrs = schedule.lrs()
    stop_at = None if steps_now is None else state.step + steps_now
    unread = []  # steps whose numbers are still on the device

    def get_batch(step):
        return batch(dataset.train, dataset.fingerprint, seed, step, rows, config.block_size)

    for x, y in prefetch(get_batch, range(state.step, config.steps), config.device):
        step = state.step
        lr = schedule(step, history.val) if schedule.reactive else float(lrs[step])

        start = moment(config.device)
        loss, grad_norm = train_step(state, x, y, lr, config, forward)
        unread.append((lr, loss, grad_norm, start, moment(config.device)))

        last = state.step == config.steps
        validate_now = last or state.step % config.eval_interval == 0
        save_now = keep_checkpoint if last else state.step % config.checkpoint_interval == 0
        stop_now = not last and (state.step == stop_at or should_stop is not None and should_stop())

        if config.device == "cpu" or len(unread) == FLUSH or validate_now or save_now or stop_now:
            finite = read(unread, history)
            if on_step:
                on_step(len(history.loss), history.loss[-1])
            if not finite:
                break
        if validate_now:
            history.val.append((step, validate(state.model, val_batches, config)))
        if save_now or stop_now:
            save_checkpoint(folder, run_id, state, history, config)
        if stop_now:
            return None

    run = describe(run_id, config, schedule, seed, dataset, state.model, history)
    with atomic(folder / "curve.csv") as path:
        path.write_text(history.to_csv())
    with atomic(folder / "run.json") as path:  # the run is complete once this is there
        path.write_text(json.dumps(run, indent=1) + "\n")
    if not keep_checkpoint:
        (folder / CHECKPOINT).unlink(missing_ok=True)
    (folder / "error.txt").unlink(missing_ok=True)  # of an earlier try
    return run


def compiled(state: State, batch, config: Config):
    """torch.compile of the model, its first call done: that compiles for a minute, which is no step's time."""
    forward = torch.compile(state.model)
    with autocast(config):
        forward(*batch)[1].backward()
    state.optimizer.zero_grad(set_to_none=True)
    return forward


def describe(run_id, config, schedule, seed, dataset, model, history) -> dict:
    """What run.json holds: how the run ended, what it was made from, and what its speed is measured by."""
    final_val_loss = dict(history.val).get(config.steps - 1, math.nan)  # a diverged run has none
    complete = math.isfinite(final_val_loss)
    return dict(
        run_id=run_id,
        status="complete" if complete else "diverged",
        final_val_loss=final_val_loss if complete else None,
        schedule=schedule.spec,
        seed=seed,
        peak_lr=schedule.peak_lr,
        steps=config.steps,
        steps_taken=len(history.loss),
        tokens=len(history.loss) * config.tokens_per_step,
        parameters=model.num_params(),
        flops_per_token=model.flops_per_token(),
        peak_flops=peak_flops(config.device, config.dtype),
        device=device_name(config.device),
        dataset=dataset.name,
        data_fingerprint=dataset.fingerprint,
        torch_version=torch.__version__,
        code_version=code_version(),
        config=asdict(replace(config, peak_lr=schedule.peak_lr)),
    )


def moment(device: str):
    """A time on the device's own clock; on a GPU an event that waits for nothing."""
    if device == "cpu":
        return time.perf_counter()
    event = torch.cuda.Event(enable_timing=True)
    event.record()
    return event


def read(unread: list, history: History) -> bool:
    """Move the steps taken since the last look into the history; False at a loss or norm that is not finite."""
    for lr, loss, grad_norm, start, end in unread:
        history.lr.append(lr)
        history.loss.append(loss.item())
        history.grad_norm.append(grad_norm.item())
        history.step_s.append(end - start if isinstance(start, float) else start.elapsed_time(end) / 1000)
        if not (math.isfinite(history.loss[-1]) and math.isfinite(history.grad_norm[-1])):
            return False
    unread.clear()
    return True


def main():
    try:
        dataset = open_dataset(config.dataset, config.tokenizer)
        folder = Path(args.out) / "runs" / config.run_id(schedule, args.seed, dataset.fingerprint)
        folder.mkdir(parents=True, exist_ok=True)
        dataset.check_windows(config.batch_size, config.block_size)
    except (ValueError, OSError) as e:
        sys.exit(f"error: {e}")
    print(f"{schedule.spec}: {config.steps} steps of {config.tokens_per_step:,} tokens of {dataset.name}, on {device_name(config.device)} in {config.dtype}")
    if (folder / "run.json").exists() and (folder / CHECKPOINT).exists():  # compare.py keeps no checkpoints
        return print(f"complete already: {folder}")

    def print_step(done, loss):
        if done % 10 == 0 or done == config.steps:
            print(f"step {done}: loss {loss:.4f}")

    with ctrl_c() as pressed:
        run = train(config, schedule, args.seed, dataset, folder, args.steps_this_run, True, print_step, pressed)
    if run is None:
        print(f"stopped; the same command goes on from {folder / CHECKPOINT}")
    else:
        print(f"{run['status']}, validation loss {run['final_val_loss']}: {folder}")


if __name__ == "__main__":
    main()
