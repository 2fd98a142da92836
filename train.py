"""Train one GPT-2 with one learning-rate schedule.

    python train.py --scheduler wsd:cooldown=0.4 --steps 1000 --out results/mine
    torchrun --nproc_per_node=8 train.py ...    the same run on 8 devices

A run is a pure function of (config, lr array, seed): weights, batches and dropout follow from them, and
nothing else is read on the way. So a run that was stopped goes on, by the same command, as if it never
had been.
"""

from __future__ import annotations

import math
import sys
import zlib
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import nanosched.startup  # noqa: F401  from here on Ctrl-C is quiet
from data import (
    batch,
    covering_batches,
    open_dataset,
    prefetch,
    tokenizer_of,
    validation_batches,
    vocab_size_of,
)
from nanosched.averages import Ema, Tail, averaged_model, start_means, update_means
from nanosched.checkpoint import AGAIN, OneCheckpoint, fits, read_checkpoint, restore, save_checkpoint
from nanosched.checkpoint import NAME as CHECKPOINT
from nanosched.cli import add_flags, check_seed, from_args
from nanosched.command import CommandParser, fail, run_command
from nanosched.config import Config
from nanosched.distributed import (
    accumulating,
    check_split,
    data_parallel,
    end_together,
    give,
    in_any,
    is_data_parallel,
    least,
    mean_over_processes,
    micro_batch,
    own_rows,
    own_share,
    processes,
    rank,
    run_together,
    sequences,
    sums_over_processes,
)
from nanosched.errors import not_allowed
from nanosched.files import delete_leftovers
from nanosched.hardware import device_name, peak_flops
from nanosched.history import History
from nanosched.interrupt import ctrl_c
from nanosched.limits import check_fits
from nanosched.locks import lock_run
from nanosched.log import HELP as LOG_HELP
from nanosched.log import LOGS, LoggedRun, open_log
from nanosched.proof import Wanted
from nanosched.recorder import Recorder
from nanosched.regime import padded_vocab
from nanosched.run_files import RunRecord, Status, read_run, write_error, write_run
from nanosched.step_timer import StepTimer
from nanosched.version import code_version
from schedulers import get_schedule
from schedulers.core.evaluate import checked_lr
from schedulers.core.load import load_file, loaded_files
from schedulers.core.optimizers import check_optimizer
from schedulers.core.reactive import known_lrs

if TYPE_CHECKING:  # torch takes a second to import: where it is used, so that --help doesn't wait for it
    from model import GPT2
    from model.adamw import AdamW
    from model.schedule_free import ScheduleFreeAdamW


PASS_TOKENS = 1024  # of validation at once, where batches are small: fewer calls, and still in the cache


@dataclass
class State:
    """All that a training step reads and changes."""

    model: GPT2
    optimizer: AdamW | ScheduleFreeAdamW
    seed: int
    micro_batch: int  # sequences at once, of which a batch is a multiple
    step: int = 0  # steps taken
    means: dict[Ema | Tail, list] = field(default_factory=dict)  # of the weights so far, by parameter

    @property
    def weights(self) -> list:
        """Those that the run is judged by, by parameter: the model's own, but with schedule-free AdamW."""
        return self.optimizer.evaluated(list(self.model.parameters()))

    @property
    def judged(self) -> GPT2:
        """The model with these weights."""
        return self.model if self.optimizer.name == "adamw" else averaged_model(self.model, self.weights)


def initial_state(config: Config, vocab_size: int, seed: int, optimizer: str = "adamw") -> State:
    """Fresh weights and a fresh optimizer: a pure function of (config, vocab_size, seed, optimizer).

    Args:
        config: a Config with the machine's settings decided.
        vocab_size: of the data; padded to a multiple of 64 above 1024.
        seed: int, of the weights and later of the dropout.
        optimizer: the schedule's, adamw or schedule_free.

    Returns:
        the State before the first step, on config.device.
    """
    import torch

    from model import GPT2, GPT2Config
    from model.adamw import AdamW

    shape = GPT2Config(
        config.block_size,
        padded_vocab(vocab_size),
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
    betas = config.beta1, config.beta2
    if optimizer == "schedule_free":
        from model.schedule_free import ScheduleFreeAdamW

        return State(model, ScheduleFreeAdamW(groups, lr=0.0, betas=betas), seed, config.batch_size)
    return State(model, AdamW(groups, lr=0.0, betas=betas, fused=True), seed, config.batch_size)


def train_step(state: State, x, y, lr: float, config: Config, forward=None):
    """One update of `state`, in place: a function of (state, batch, lr) and nothing else.

    Args:
        x, y: int64 (gradient_accumulation_steps * batch_size, block_size), on the model's device; of several
            processes, each has its rows.
        lr: learning rate of this step.
        forward: the model compiled or data parallel, where it is.

    Returns:
        (loss, grad_norm): scalars on the device; the loss of the whole batch, the norm before clipping.
    """
    import torch

    loss = gradients(state, x, y, config, state.model if forward is None else forward)
    grad_norm = torch.nn.utils.clip_grad_norm_(state.model.parameters(), config.grad_clip or math.inf)
    for group in state.optimizer.param_groups:
        group["lr"] = lr
    state.optimizer.step()
    state.optimizer.zero_grad(set_to_none=True)
    state.step += 1
    if state.means:
        update_means(state.means, state.weights, state.step)
    return loss, grad_norm


def gradients(state: State, x, y, config: Config, forward):
    """As `backward`, in smaller micro-batches from here on where a GPU's memory is too small for these."""
    import torch

    while True:
        try:
            return backward(state, x, y, config, forward)
        except torch.OutOfMemoryError:
            if is_data_parallel(forward):  # the others are in the middle of the batch
                raise
            state.optimizer.zero_grad(set_to_none=True)
            state.micro_batch = smaller_micro_batch(state.micro_batch)


def backward(state: State, x, y, config: Config, forward):
    """The loss of a batch, a scalar on the device, its gradients left in the parameters.

    Where several processes have a part of the batch each, both are of the whole.
    """
    import torch

    if config.dropout:  # the masks too follow from (seed, step); torch takes 32 bits of a seed on a CPU
        own = f":{rank()}" if rank() else ""
        torch.manual_seed(zlib.crc32(f"{state.seed}:{state.step}{own}".encode()))
    loss, micro_batches = 0.0, len(x) // state.micro_batch
    for i, (x_micro, y_micro) in enumerate(zip(x.split(state.micro_batch), y.split(state.micro_batch)), 1):
        with accumulating(forward, last=i == micro_batches):
            with autocast(config):
                _, micro_loss = forward(x_micro, y_micro)
            micro_loss = micro_loss / micro_batches
            micro_loss.backward()
        loss = loss + micro_loss.detach()
    return mean_over_processes(loss) if is_data_parallel(forward) else loss


def smaller_micro_batch(sequences: int) -> int:
    """The next smaller part of a micro-batch that a GPU has no memory for; a line says so.

    Raises:
        torch.OutOfMemoryError: it is one sequence already.
    """
    import torch

    if sequences == 1:
        raise torch.OutOfMemoryError("one sequence at a time is too much for the GPU: give a smaller model")
    smaller = max(part for part in range(1, sequences) if sequences % part == 0)
    print(f"out of GPU memory: batch_size={sequences} is trained as {smaller} at a time", file=sys.stderr)
    return smaller


def validate(model: GPT2, batches, config: Config) -> float:
    """Mean loss over the validation batches.

    Args:
        model: changed in nothing; dropout is off meanwhile.
        batches: (x, y) pairs of `validation_set` or `final_validation_set`; of several processes, each has
            its share.
        config: for autocast.

    Returns:
        nats per token.
    """
    import torch

    model.eval()
    with torch.no_grad(), autocast(config):
        sums = [model(x, y)[1] * len(x) for x, y in batches]
    model.train()
    own = torch.stack(sums).sum().item() if sums else 0.0
    loss, rows = sums_over_processes(own, sum(len(x) for x, _ in batches))
    return loss / rows


def autocast(config: Config):
    import torch

    return torch.autocast(config.device, dtype=torch.bfloat16, enabled=config.dtype == "bfloat16")


def compiled(state: State, config: Config):
    """torch.compile of the model, its first call done: that takes up to a minute, which is no step's time.

    All processes find the code that the first one compiled in torch's cache, so that all give the same
    numbers; code for other shapes, or none at all, would round differently and is an error.
    """
    import torch
    import torch._dynamo

    torch._dynamo.config.fail_on_recompile_limit_hit = True
    forward = torch.compile(state.model, fullgraph=True, dynamic=False)
    x = torch.zeros(state.micro_batch, config.block_size, dtype=torch.long, device=config.device)
    gradients(state, x, x, config, forward)
    state.optimizer.zero_grad(set_to_none=True)
    return forward


def shared_by_processes(state: State, config: Config, forward):
    """`forward` data parallel, where there are several processes.

    What torch compiled stays as it is for one process, and its numbers with it.
    """
    if processes() == 1:
        return forward
    state.micro_batch = least(state.micro_batch)
    return data_parallel(forward, config.device)


def validation_set(dataset, config: Config) -> list:
    """The validation batches on the device: the same for all runs, and joined up to PASS_TOKENS."""
    arrays = validation_batches(dataset.val, config.eval_batches, config.batch_size, config.block_size)
    joined = max(1, PASS_TOKENS // (config.batch_size * config.block_size))
    passes = own_share([arrays[i : i + joined] for i in range(0, len(arrays), joined)])

    def get_pass(i):
        return [np.concatenate(rows) for rows in zip(*passes[i])]

    return list(prefetch(get_pass, range(len(passes)), config.device))


def final_validation_set(dataset, config: Config) -> list:
    """As `validation_set`, of the whole validation split or so much of it as config.final_eval_tokens."""
    at_once = max(config.batch_size, PASS_TOKENS // config.block_size)
    batches = own_share(covering_batches(dataset.val, config.final_eval_tokens, at_once, config.block_size))
    return list(prefetch(batches.__getitem__, range(len(batches)), config.device))


@dataclass(frozen=True)
class Start:
    """Where a carried-over run starts: on the model, the optimizer and the batches of the run before it."""

    run_id: str  # says too which runs came before
    before: str  # the id of the run before it
    checkpoint: Path | None  # of that one; None for the first
    first_batch: int  # steps of the runs before


def train(
    config,
    schedule,
    seed,
    dataset,
    folder,
    *,
    start=None,
    checkpoints=None,
    steps_now=None,
    keep_checkpoint=False,
    on_step=None,
    should_stop=None,
) -> RunRecord | None:
    """Train one run into `folder`, from a checkpoint of it if there is one.

    Args:
        config: a Config with the machine's settings decided.
        schedule: a Schedule; the run has its steps.
        seed: int, of weights, batches and dropout.
        dataset: a data.Dataset.
        folder: Path; gets curve.csv, row by row, and at the end run.json.
        start: a Start, for a run that goes on from another one; default fresh weights.
        checkpoints: where they go and which are kept for other runs, as OneCheckpoint and
            sweep.store.BranchCheckpoints say it; default folder/ckpt.pt.
        steps_now: stop with a checkpoint after this many steps; default after all.
        keep_checkpoint: leave the last ckpt.pt there; default False.
        on_step: called with (steps taken, the last one's loss) when they are known.
        should_stop: called after each step; if it is true, the run stops with a checkpoint.

    Returns:
        what run.json holds, or None if the run was stopped before its end.

    Raises:
        ValueError: folder/ckpt.pt is another run's, or a reactive schedule gives no learning rate.
        OSError: a file can't be read or written.
        Parted: of several processes, one has failed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    checkpoints = checkpoints or OneCheckpoint(folder, keep_checkpoint)
    training = Training(config, schedule, seed, dataset, folder, checkpoints, start)
    stop_at = None if steps_now is None else training.state.step + steps_now
    if processes() == 1:
        return train_on(training, stop_at, on_step, should_stop)
    with end_together(folder):
        give(partial(load_files, loaded_files()))
        give(partial(train_beside, training, stop_at))
        return train_on(training, stop_at, on_step, in_any(should_stop))


def load_files(files: list[str]):
    """The users' schedules, before one of them is received."""
    for file in files:
        load_file(file)


def train_beside(training: Training, stop_at: int | None):
    """Train with the first process, from the same state on; that one writes."""
    with end_together(training.folder), ctrl_c() as pressed:
        train_on(training, stop_at, None, in_any(pressed))


def train_on(training: Training, stop_at: int | None, on_step, should_stop) -> RunRecord | None:
    """Train from the state that a run is in; arguments and what is returned are `train`'s."""
    import torch

    config, schedule, state, recorder = training.config, training.schedule, training.state, training.recorder
    torch.set_num_threads(config.threads)
    val_batches = validation_set(training.dataset, config)
    forward = compiled(state, config) if config.compile == "true" else state.model
    forward = shared_by_processes(state, config, forward)

    for x, y in prefetch(training.batch, training.steps_left(), config.device):
        lr = training.next_lr()

        timer = StepTimer(config.device)
        loss, grad_norm = train_step(state, x, y, lr, config, forward)
        recorder.add(lr, loss, grad_norm, timer.stop())

        stop_now = state.step < schedule.steps and (
            state.step == stop_at or should_stop is not None and should_stop()
        )
        if not (training.flush_due or stop_now):
            continue
        finite = recorder.flush()
        if on_step:
            on_step(recorder.steps, recorder.last_loss)
        if not finite:
            break
        if training.validation_due:
            training.validate(val_batches)
        if training.checkpoint_due or stop_now:
            training.save_checkpoint()
        recorder.write_curve()
        if stop_now:
            return None

    recorder.flush()
    return training.finish(val_batches)


@dataclass(frozen=True)
class FinalLosses:
    """Final validation losses, in nats per token."""

    weights: float  # of the last weights; NaN where training diverged
    averages: dict[str, float]  # of their averages, by spec


class Training:
    """One run on its way: what it follows from, the state it is in, and what is due after a step."""

    def __init__(self, config, schedule, seed, dataset, folder, checkpoints, start=None):
        self.config, self.schedule, self.seed, self.dataset = config, schedule, seed, dataset
        self.folder, self.checkpoints = folder, checkpoints
        self.id = start.run_id if start else config.run_id(schedule, seed, dataset.fingerprint)
        self.first_batch = start.first_batch if start else 0
        self.lrs = schedule.lrs()
        self.state = initial_state(config, dataset.vocab_size, seed, schedule.optimizer)
        self.state.micro_batch = micro_batch(config)
        history = History()
        if start and start.checkpoint:
            carry_over(self.state, start)
        means = tuple(dict.fromkeys((*config.means(schedule.steps), *checkpoints.tails)))
        self.state.means = start_means(means, self.state.model)
        lrs = known_lrs(schedule, config)
        wanted = Wanted(self.id, config, seed, dataset.fingerprint, lrs, means, schedule.optimizer)
        self.trained_from = resume(self.state, history, checkpoints, wanted)
        self.recorder = Recorder(folder, history, config.device)
        self.writes = True

    def __getstate__(self):
        """What another process gets, which trains beside this one and writes nothing."""
        checkpoints = Unwritten(self.checkpoints.branch_points)
        return vars(self) | dict(checkpoints=checkpoints, recorder=self.recorder.unwritten(), writes=False)

    def steps_left(self) -> range:
        """The steps that are still to train; none after a loss that is not finite."""
        finite = self.recorder.history.finite
        return range(self.state.step, self.schedule.steps if finite else self.state.step)

    def batch(self, step: int):
        c, tokens = self.config, self.dataset.train
        step += self.first_batch
        x, y = batch(tokens, self.dataset.fingerprint, self.seed, step, sequences(c), c.block_size)
        return own_rows(x), own_rows(y)

    def next_lr(self) -> float:
        step = self.state.step
        if self.schedule.reactive:
            return checked_lr(self.schedule, step, self.recorder.history.val)
        return float(self.lrs[step])

    @property
    def validation_due(self) -> bool:
        return self.state.step % self.config.eval_interval == 0

    @property
    def checkpoint_due(self) -> bool:
        step = self.state.step
        regular = step % self.config.checkpoint_interval == 0 and step < self.schedule.steps
        return regular or step in self.checkpoints.branch_points

    @property
    def flush_due(self) -> bool:
        return self.recorder.full or self.validation_due or self.checkpoint_due

    def validate(self, val_batches):
        self.recorder.add_validation(validate(self.state.judged, val_batches, self.config))

    def save_checkpoint(self, step: int | None = None):
        """Keep the state as the one after `step` steps, by default those it has taken."""
        if not self.writes:
            return
        step = self.state.step if step is None else step
        path, history = self.checkpoints.path(step), self.recorder.history
        fingerprint = self.dataset.fingerprint
        save_checkpoint(path, self.id, self.trained_from, self.state, history, self.config, fingerprint)
        self.checkpoints.saved(step)

    def finish(self, val_batches) -> RunRecord | None:
        """Validate, write the run's files and give back what run.json holds; None where another writes it."""
        history = self.recorder.history
        if not history.finite:
            for step in self.checkpoints.branch_points:
                if step >= self.recorder.steps:  # whoever would branch off there has diverged with it
                    self.save_checkpoint(step)
        elif self.schedule.steps - 1 not in dict(history.val):
            self.validate(val_batches)
        final = self.final_val_losses() if history.finite else FinalLosses(math.nan, {})
        if not self.writes:
            return None
        record = self.record(final)
        if before := read_run(self.folder):  # it was trained again, for other averages or its checkpoint
            record = record.with_averages_of(before.record)
        if self.checkpoints.keep_last:
            self.save_checkpoint()
        write_run(self.folder, record, history.to_csv())
        self.checkpoints.finished()
        return record

    def final_val_losses(self) -> FinalLosses:
        """Of the last weights that the run is judged by, and of their averages."""
        config, state = self.config, self.state
        batches = final_validation_set(self.dataset, config)
        averages = {}
        for average in config.averages:
            mean = average.mean(self.schedule.steps, config.tokens_per_step)
            model = averaged_model(state.model, state.means[mean])
            averages[average.spec] = validate(model, batches, config)
        return FinalLosses(validate(state.judged, batches, config), averages)

    def record(self, final: FinalLosses) -> RunRecord:
        """How the run ended, what it was made from, and what its speed is measured by."""
        import torch

        config, schedule, model = self.config, self.schedule, self.state.model
        steps_taken = self.recorder.steps
        complete = math.isfinite(final.weights)
        return RunRecord(
            run_id=self.id,
            status=(Status.COMPLETE if complete else Status.DIVERGED).value,
            final_val_loss=final.weights if complete else None,
            schedule=schedule.spec,
            seed=self.seed,
            peak_lr=schedule.peak_lr,
            steps=schedule.steps,
            steps_taken=steps_taken,
            trained_from=min(self.trained_from, steps_taken),
            tokens=steps_taken * config.tokens_per_step,
            parameters=model.num_params(),
            flops_per_token=model.flops_per_token(),
            peak_flops=processes() * peak_flops(config.device, config.dtype),
            device=f"{processes()} x " * (processes() > 1) + device_name(config.device),
            dataset=self.dataset.name,
            data_fingerprint=self.dataset.fingerprint,
            torch_version=torch.__version__,
            code_version=code_version(),
            config=asdict(replace(config, steps=schedule.steps, peak_lr=schedule.peak_lr)),
            averages={
                spec: loss if math.isfinite(loss) else None
                for spec, loss in final.averages.items()
                if complete
            },
        )


@dataclass(frozen=True)
class Unwritten:
    """The checkpoints of a run that another process writes."""

    branch_points: tuple[int, ...]


def carry_over(state: State, start: Start):
    """Begin with another run's last weights and optimizer; that one's history stays its own."""
    checkpoint = read_checkpoint(start.checkpoint)
    if checkpoint is None or checkpoint.get("run_id") != start.before or not fits(checkpoint, state):
        raise OSError(
            f"{start.checkpoint} is not the end of run {start.before}: "
            "run the comparison again into another --out"
        )
    restore(checkpoint, state, History())
    state.step = 0


def resume(state: State, history: History, checkpoints, wanted: Wanted) -> int:
    """Go on from the best checkpoint that proves to be the run's; returns how many of its steps are another
    run's.
    """
    for steps, path in checkpoints.candidates():
        checkpoint = read_checkpoint(path)
        if checkpoint is None:
            continue
        owner = checkpoint.get("run_id", "none of nanosched's")
        if path.name == CHECKPOINT and owner != wanted.run_id:
            raise ValueError(f"{path} belongs to run {owner}, not to {wanted.run_id}: give another --out")
        doubt = wanted.doubt(checkpoint, steps) or ("" if fits(checkpoint, state) else "is of another model")
        if doubt:
            print(f"{path} {doubt}: {AGAIN}", file=sys.stderr)
            continue
        restore(checkpoint, state, history)
        return checkpoint.get("trained_from", 0) if owner == wanted.run_id else state.step
    return 0


def parse_args():
    """(args, config, schedule) from the command line; bad input ends here, in one line."""
    parser = CommandParser(__doc__)
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
    parser.add_argument("--log", choices=LOGS, help=LOG_HELP)
    add_flags(parser)
    args = parser.parse_args()
    try:
        setup = from_args(args, tokenizer_of, vocab_size_of)
        config = setup.one_run
        check_split(config)
        check_fits(config)
        args.out = args.out or f"results/{setup.name}"
        schedule = get_schedule(
            args.scheduler,
            steps=config.steps,
            peak_lr=config.peak_lr,
            warmup_steps=config.warmup_steps,
            **({} if args.end_lr_ratio is None else {"end_lr_ratio": args.end_lr_ratio}),
        )
        schedule.lrs()  # a formula that fails at some step fails now
        check_optimizer(schedule, config)
        check_seed("seed", args.seed)
        if args.steps_this_run is not None and args.steps_this_run < 1:
            raise not_allowed("steps_this_run", args.steps_this_run, "give a whole number of at least 1")
    except ValueError as e:
        fail(e)
    return args, config, schedule


def is_complete(folder: Path, wanted: Wanted) -> bool:
    """Whether the run has ended and left its last checkpoint, and both prove to be of this run.

    compare.py keeps no checkpoints: a run that it trained is trained once more, for its checkpoint.
    """
    finished, path = read_run(folder), folder / CHECKPOINT
    if finished is None or finished.record.run_id != wanted.run_id or not path.exists():
        return False
    checkpoint = read_checkpoint(path)
    return (
        checkpoint is not None
        and finished.record.has_averages(wanted.config.average_specs)
        and checkpoint.get("run_id") == wanted.run_id
        and not wanted.doubt(checkpoint)
        and len(checkpoint["history"]["loss"]) == finished.record.steps_taken
    )


def format_loss(loss: float | None) -> str:
    return "not finite" if loss is None else f"{loss:.4f}"


def main(args, config, schedule):
    try:
        dataset = open_dataset(config.dataset, config.tokenizer)
        dataset.check_windows(config.batch_size, config.block_size)
        check_fits(config, dataset.vocab_size, val_tokens=len(dataset.val))
        run_id = config.run_id(schedule, args.seed, dataset.fingerprint)
        lrs, means = known_lrs(schedule, config), config.means(config.steps)
        wanted = Wanted(run_id, config, args.seed, dataset.fingerprint, lrs, means, schedule.optimizer)
        folder = Path(args.out) / "runs" / run_id
        lock = lock_run(folder)
        log = open_log(args.log, Path(args.out))
    except (ValueError, OSError) as e:
        fail(e)
    tokens = f"{config.steps} steps of {config.tokens_per_step:,} tokens of {dataset.name}"
    print(f"{schedule.spec}: {tokens}, on {device_name(config.device)} in {config.dtype}")

    def print_step(done, loss):
        if done % 10 == 0 or done == config.steps:
            print(f"step {done}: loss {loss:.4f}")

    try:
        with lock, log, ctrl_c() as pressed:
            log.follow([LoggedRun.of(run_id, args.scheduler, schedule, args.seed, config, folder)])
            if is_complete(folder, wanted):
                print(f"complete already: {folder}")
                return
            delete_leftovers(folder)
            record = train(
                config,
                schedule,
                args.seed,
                dataset,
                folder,
                steps_now=args.steps_this_run,
                keep_checkpoint=True,
                on_step=print_step,
                should_stop=pressed,
            )
    except (ValueError, OSError) as e:
        fail(e)
    except Exception as e:  # error.txt has where it came from
        fail(write_error(folder, e))
    if record is None:
        print(f"stopped; the same command goes on from {folder / CHECKPOINT}")
    elif record.complete:
        losses = [f"{record.final_val_loss:.4f}"]
        losses += [f"{spec} {format_loss(loss)}" for spec, loss in record.averages.items()]
        print(f"complete, validation loss {', '.join(losses)}: {folder}")
    else:
        print(f"diverged at step {record.steps_taken - 1}: {folder}")


if __name__ == "__main__":
    run_command(lambda: run_together(lambda: main(*parse_args())))
