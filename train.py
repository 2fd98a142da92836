"""Train one GPT-2 with one learning-rate schedule.

    python train.py --scheduler wsd:cooldown=0.4 --steps 1000 --out results/mine

A run is a pure function of (config, lr array, seed): weights, batches and dropout follow from them, and nothing else is
read on the way. So a run that was stopped goes on, by the same command, as if it never had been.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
import zlib
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from nanosched.cli import add_flags, check_seed, from_args
from nanosched.config import Config
from schedulers import get_schedule


def parse_args():
    """(args, config, schedule) from the command line; bad input ends here, in one line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--scheduler",
        "--lr_schedule",
        "--lr-schedule",
        default="cosine",
        metavar="NAME[:k=v,...]",
        help="a schedule's name, or a path to a file with one of your own; default cosine",
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        help="of the weights, the batches and the dropout; default 0",
    )
    parser.add_argument(
        "--out", metavar="DIR", help="the run is kept in DIR/runs/<run id>/; default results/<config>"
    )
    parser.add_argument(
        "--steps_this_run",
        "--steps-this-run",
        type=int,
        metavar="N",
        help="stop after N steps; the same command goes on from there",
    )
    parser.add_argument(
        "--end_lr_ratio",
        "--end-lr-ratio",
        type=float,
        metavar="X",
        help="final over peak lr, for a schedule that has a final_lr_ratio",
    )
    add_flags(parser)
    args = parser.parse_args()
    try:
        config, _, name = from_args(args)
        args.out = args.out or f"results/{name}"
        end = {} if args.end_lr_ratio is None else {"end_lr_ratio": args.end_lr_ratio}
        schedule = get_schedule(
            args.scheduler,
            steps=config.steps,
            peak_lr=config.peak_lr,
            warmup_steps=config.warmup_steps,
            **end,
        )
        schedule.lrs()  # a formula that fails at some step fails now
        check_seed("seed", args.seed)
        if args.steps_this_run is not None and args.steps_this_run < 1:
            raise ValueError(
                f"steps_this_run={args.steps_this_run} is not allowed: give a whole number of at least 1"
            )
    except ValueError as e:
        sys.exit(f"error: {e}")
    return args, config, schedule


if __name__ == "__main__":  # before torch, whose import takes a second
    args, config, schedule = parse_args()

import torch

from data import batch, open_dataset, prefetch, validation_batches
from model import GPT2, GPT2Config
from nanosched.checkpoint import NAME as CHECKPOINT
from nanosched.checkpoint import load_checkpoint, save_checkpoint
from nanosched.hardware import device_name, peak_flops
from nanosched.history import History
from nanosched.interrupt import ctrl_c
from nanosched.run_files import write_run
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
    shape = GPT2Config(
        config.block_size,
        vocab_size,
        config.n_layer,
        config.n_head,
        config.n_embd,
        config.bias,
        config.dropout,
    )
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


class OneCheckpoint:
    """folder/ckpt.pt: where a run of train.py is kept on its way, and at its end if `keep`."""

    forks = ()

    def __init__(self, folder: Path, keep: bool):
        self.file, self.keep = folder / CHECKPOINT, keep

    def starts(self) -> list[Path]:
        return [self.file] if self.file.exists() else []

    def path(self, step: int) -> Path:
        return self.file

    def kept(self, step: int):
        pass

    def ended(self):
        if not self.keep:
            self.file.unlink(missing_ok=True)


class Training:
    """One run on its way: its state, what it has measured, and what is due between two steps."""

    def __init__(
        self, config, schedule, seed, dataset, folder, states, run_id=None, begin=None, first_batch=0
    ):
        self.config, self.schedule, self.seed, self.dataset, self.folder, self.states = (
            config,
            schedule,
            seed,
            dataset,
            folder,
            states,
        )
        self.id, self.first_batch = run_id or config.run_id(schedule, seed, dataset.fingerprint), first_batch
        self.lrs = schedule.lrs()
        self.state, self.history = initial_state(config, dataset.vocab_size, seed), History()
        if begin:
            self.carry_over(begin)
        self.trained_from = self.load()  # the steps before are another run's
        self.unread = []  # steps whose numbers are still on the device
        self.written = 0  # rows of curve.csv
        self.write_curve()

    def load(self) -> int:
        for path in self.states.starts():
            checkpoint = load_checkpoint(path, self.state, self.history)
            if checkpoint and path.name == CHECKPOINT and checkpoint["run_id"] != self.id:
                raise ValueError(
                    f"{path} belongs to run {checkpoint['run_id']}, not to {self.id}: give another --out"
                )
            if checkpoint:
                return checkpoint["trained_from"] if checkpoint["run_id"] == self.id else self.state.step
        return 0

    def carry_over(self, checkpoint: Path):
        """Begin with another run's last weights and optimizer; that one's history stays its own."""
        if load_checkpoint(checkpoint, self.state, History()) is None:
            raise OSError(f"{checkpoint} can't be read: run the comparison again into another --out")
        self.state.step = 0

    def steps_left(self) -> range:
        return range(self.state.step, self.schedule.steps if self.history.finite else self.state.step)

    def batch(self, step: int):
        rows = self.config.batch_size * self.config.gradient_accumulation_steps
        return batch(
            self.dataset.train,
            self.dataset.fingerprint,
            self.seed,
            self.first_batch + step,
            rows,
            self.config.block_size,
        )

    def next_lr(self) -> float:
        step = self.state.step
        return self.schedule(step, self.history.val) if self.schedule.reactive else float(self.lrs[step])

    @property
    def validation_due(self) -> bool:
        return self.state.step % self.config.eval_interval == 0

    @property
    def saving_due(self) -> bool:
        step = self.state.step
        return (
            step in self.states.forks
            or step % self.config.checkpoint_interval == 0
            and step < self.schedule.steps
        )

    def must_read(self) -> bool:
        """Whether the steps' numbers are due; each look waits for the GPU."""
        return (
            self.config.device == "cpu" or len(self.unread) == FLUSH or self.validation_due or self.saving_due
        )

    def read(self) -> bool:
        """Move the steps taken since the last look into the history; False at a loss or norm that is not finite."""
        for lr, loss, grad_norm, seconds in self.unread:
            self.history.lr.append(lr)
            self.history.loss.append(float(loss))
            self.history.grad_norm.append(float(grad_norm))
            self.history.step_s.append(seconds())
            if not self.history.finite:
                break
        self.unread.clear()
        return self.history.finite

    def between_steps(self, val_batches):
        """Validate and keep the state where that is due."""
        if self.validation_due:
            self.validate(val_batches)
        if self.saving_due:
            self.save()
        self.write_curve()

    def validate(self, val_batches):
        self.history.val.append((self.state.step - 1, validate(self.state.model, val_batches, self.config)))

    def save(self, step: int | None = None):
        step = self.state.step if step is None else step
        save_checkpoint(
            self.states.path(step), self.id, self.trained_from, self.state, self.history, self.config
        )
        self.states.kept(step)

    def write_curve(self):
        """Append the new rows to curve.csv, for whoever watches; the whole file is written again at the end."""
        with open(self.folder / "curve.csv", "a" if self.written else "w") as file:
            file.write(self.history.to_csv(self.written))
        self.written = len(self.history.loss)

    def finish(self, val_batches) -> dict:
        """Validate, write the run's files and give back what run.json holds."""
        steps = self.schedule.steps
        if not self.history.finite:
            for step in self.states.forks:
                if step >= len(self.history.loss):  # whoever would part from it there has diverged with it
                    self.save(step)
        elif steps - 1 not in dict(self.history.val):
            self.validate(val_batches)
        run = describe(self)
        if self.states.keep:
            self.save()
        write_run(self.folder, run, self.history.to_csv())
        self.states.ended()
        return run


def train(
    config,
    schedule,
    seed,
    dataset,
    folder,
    steps_now=None,
    keep_checkpoint=False,
    on_step=None,
    should_stop=None,
    states=None,
    **carried,
):
    """Train one run into `folder`, from a state of it if one is kept.

    Args:
        config: a Config with the machine's settings decided.
        schedule: a Schedule; the run has its steps.
        seed: int, of weights, batches and dropout.
        dataset: a data.Dataset.
        folder: gets curve.csv, row by row, and at the end run.json.
        steps_now: stop with a checkpoint after this many steps.
        keep_checkpoint: leave the last ckpt.pt there.
        on_step: called with (steps taken, the last one's loss) when they are known.
        should_stop: asked after each step; if true, stop with a checkpoint.
        states: where states are kept and others part from this run; default folder/ckpt.pt.
        carried: run_id, begin (the checkpoint of another run to go on from) and first_batch, of a run that is not its own beginning.

    Returns:
        what run.json holds, or None if the run was stopped before its end.
    """
    torch.set_num_threads(config.threads)
    folder.mkdir(parents=True, exist_ok=True)
    training = Training(
        config, schedule, seed, dataset, folder, states or OneCheckpoint(folder, keep_checkpoint), **carried
    )
    val_batches = on_device(
        validation_batches(dataset.val, config.eval_batches, config.batch_size, config.block_size), config
    )
    state = training.state
    forward = compiled(state, val_batches[0], config) if config.compile == "true" else state.model
    stop_at = None if steps_now is None else state.step + steps_now

    for x, y in prefetch(training.batch, training.steps_left(), config.device):
        lr = training.next_lr()

        start = moment(config.device)
        loss, grad_norm = train_step(state, x, y, lr, config, forward)
        training.unread.append((lr, loss, grad_norm, since(start, config.device)))

        stop_now = state.step < schedule.steps and (
            state.step == stop_at or should_stop is not None and should_stop()
        )
        if training.must_read() or stop_now:
            finite = training.read()
            if on_step:
                on_step(len(training.history.loss), training.history.loss[-1])
            if not finite:
                break
            training.between_steps(val_batches)
        if stop_now:
            if not training.saving_due:
                training.save()
            return None

    training.read()
    return training.finish(val_batches)


def on_device(arrays, config: Config) -> list:
    return list(prefetch(arrays.__getitem__, range(len(arrays)), config.device))


def compiled(state: State, batch, config: Config):
    """torch.compile of the model, its first call done: that compiles for a minute, which is no step's time."""
    forward = torch.compile(state.model)
    with autocast(config):
        forward(*batch)[1].backward()
    state.optimizer.zero_grad(set_to_none=True)
    return forward


def describe(training: Training) -> dict:
    """What run.json holds: how the run ended, what it was made from, and what its speed is measured by."""
    config, schedule, history, model = (
        training.config,
        training.schedule,
        training.history,
        training.state.model,
    )
    final_val_loss = dict(history.val).get(schedule.steps - 1, math.nan)  # a diverged run has none
    complete = math.isfinite(final_val_loss)
    return dict(
        run_id=training.id,
        status="complete" if complete else "diverged",
        final_val_loss=final_val_loss if complete else None,
        schedule=schedule.spec,
        seed=training.seed,
        peak_lr=schedule.peak_lr,
        steps=schedule.steps,
        steps_taken=len(history.loss),
        trained_from=min(training.trained_from, len(history.loss)),
        tokens=len(history.loss) * config.tokens_per_step,
        parameters=model.num_params(),
        flops_per_token=model.flops_per_token(),
        peak_flops=peak_flops(config.device, config.dtype),
        device=device_name(config.device),
        dataset=training.dataset.name,
        data_fingerprint=training.dataset.fingerprint,
        torch_version=torch.__version__,
        code_version=code_version(),
        config=asdict(replace(config, steps=schedule.steps, peak_lr=schedule.peak_lr)),
    )


def moment(device: str):
    """A time on the device's own clock; on a GPU an event that waits for nothing."""
    if device == "cpu":
        return time.perf_counter()
    event = torch.cuda.Event(enable_timing=True)
    event.record()
    return event


def since(start, device: str):
    """A function that says how many seconds there were from the moment `start` to now."""
    end = moment(device)
    return lambda: end - start if device == "cpu" else start.elapsed_time(end) / 1000


def main():
    try:
        dataset = open_dataset(config.dataset, config.tokenizer)
        folder = Path(args.out) / "runs" / config.run_id(schedule, args.seed, dataset.fingerprint)
        folder.mkdir(parents=True, exist_ok=True)
        dataset.check_windows(config.batch_size, config.block_size)
    except (ValueError, OSError) as e:
        sys.exit(f"error: {e}")
    print(
        f"{schedule.spec}: {config.steps} steps of {config.tokens_per_step:,} tokens of {dataset.name}, on {device_name(config.device)} in {config.dtype}"
    )
    if (folder / "run.json").exists() and (folder / CHECKPOINT).exists():  # compare.py keeps no checkpoints
        return print(f"complete already: {folder}")

    def print_step(done, loss):
        if done % 10 == 0 or done == config.steps:
            print(f"step {done}: loss {loss:.4f}")

    with ctrl_c() as pressed:
        run = train(
            config, schedule, args.seed, dataset, folder, args.steps_this_run, True, print_step, pressed
        )
    if run is None:
        print(f"stopped; the same command goes on from {folder / CHECKPOINT}")
    else:
        print(f"{run['status']}, validation loss {run['final_val_loss']}: {folder}")


if __name__ == "__main__":
    main()
