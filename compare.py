"""Compare learning-rate schedules: train each from the same fresh weights on the same batches, and rank them.

    python compare.py --schedulers all
    python compare.py --schedulers wsd:cooldown=0.4,cosine,my_schedule.py --steps 1000 --seeds 0-2

Runs that the output folder has already are not trained again, so adding a schedule trains only that one.
"""

from __future__ import annotations

import argparse
import math
import shlex
import sys
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path

import nanosched.startup  # noqa: F401  from here on Ctrl-C is quiet
from analysis.aa import control_of
from analysis.bounds import print_bounds
from analysis.comparison import Comparison, Setting, labels_of, read_results
from analysis.cost import cost_sentence, sweep_cost, tuning_cost, tuning_sentence
from analysis.figures.plan import draw_plan
from analysis.figures.planned_lrs import draw_planned_lrs
from analysis.looks import LOOKS, looks_up_to
from analysis.power import MAX_SEEDS
from analysis.processes import at_once
from analysis.race import expected_runs
from analysis.tensorboard import check_installed
from analysis.terminal import print_ranking, print_text, progress
from analysis.text import counted
from analysis.verdicts import MARGIN
from analysis.write import EVENTS, PAGES, TABLES, delete_leftovers, run_ids, write_files
from data import Dataset, open_dataset, tokenizer_of, vocab_size_of
from nanosched.cli import add_flags, check_seed, from_args
from nanosched.command import STOPPED, CommandParser, fail, run_command
from nanosched.config import Config
from nanosched.errors import not_allowed, quoted
from nanosched.interrupt import ctrl_c
from nanosched.known import Known
from nanosched.limits import check_fits
from nanosched.numbers import read_numbers
from nanosched.seeds import read_seeds, seeds_note
from schedulers import Schedule, describe_schedules, get_schedule, resolve
from schedulers.core.load import loaded_files
from schedulers.core.messages import nearest
from sweep.carry_over import plan_carry_over, still_to_train, train_carry_over
from sweep.display import Display
from sweep.dry_run import print_dry_run
from sweep.execute import execute
from sweep.optimizers import suit_optimizers
from sweep.plan import Branch, Run, distinct, make_schedules, plan_branches, plan_runs
from sweep.probe import Probe, make_probe
from sweep.slots import choose_slots
from sweep.store import Store, delete_checkpoints, locked, saved_steps
from sweep.tune import Grid, Losses, chosen_peak, first_grids, first_half, settings_of


@dataclass(frozen=True)
class Request:
    """What the command line and the TOML file ask for, checked."""

    config: Config
    schedules: list[
        tuple[str, Schedule]
    ]  # (as the user spelled it, schedule), each at every peak lr and horizon
    seeds: list[int]  # with --tune those that judge
    tuning_seeds: list[int]  # those that choose the peak lrs
    out: Path
    protocol: str  # fresh or carry-over
    tune: bool
    refine: bool
    control: bool  # the A/A control
    tensorboard: bool
    dry_run: bool
    time: bool  # a few steps in a dry run
    looks: tuple[int, ...]  # numbers of seeds, with --until-decided; else none
    baseline: str | None  # that all are compared with, as tables name it; None is the best, whichever it is
    margin: float  # nats per token
    probe: Probe | None  # trained beside all that
    known: Known  # what was measured of the preset, on its dataset

    def store(self) -> Store:
        return Store(self.out, self.config.average_specs)


@dataclass
class Trained:
    """What came of training: the runs asked for, those of the probe, and those that failed."""

    runs: list[Run]
    probe: list[Run] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)  # run id -> error in one line
    stopped: bool = False  # by Ctrl-C

    @property
    def complete(self) -> bool:
        """Whether no run that was asked for failed; the probe's are extra."""
        return not any(run.id in self.errors for run in self.runs)


def main():
    args = parse_args()
    try:
        if args.schedulers and args.schedulers[0] == "list":
            return print_schedules(args.schedulers[1:])
        request = read_request(args)
        if note := seeds_note(sorted({*request.seeds, *request.tuning_seeds})):
            print(note)
        if request.dry_run:
            return dry_run(request)
        dataset = open_dataset(request.config.dataset, request.config.tokenizer)
        dataset.check_windows(request.config.batch_size, request.config.block_size)
        check_writable(request.out / "runs")
        check_fits(request.config, dataset.vocab_size, val_tokens=len(dataset.val))
        store = request.store()
        slots = slots_for(request, dataset)
        lock = locked(request.out)
    except (ValueError, OSError) as e:
        fail(e)

    request = replace(
        request,
        config=replace(request.config, replicas="stacked" if slots else "separate"),
        known=request.known.on(dataset.name),
    )
    with lock:
        trained = train(request, dataset, store, slots)
        comparison = read_comparison(request, trained, dataset, store)
        written = write(comparison, request) if comparison.results else False
    if trained.stopped:
        print("\nStopped. What is trained is kept: the same command goes on from here.")
        return STOPPED
    return 0 if trained.complete and written else 1


# -- request


def parse_args() -> argparse.Namespace:
    parser = CommandParser(__doc__)
    parser.add_argument(
        "--schedulers",
        nargs="+",
        metavar="NAME[:k=v,...]",
        help="which schedules, with commas or spaces between them: names, files of your own (FILE.py), all, "
        "or list, which prints them with their parameters; default all",
    )
    parser.add_argument(
        "--seeds",
        nargs="+",
        metavar="N",
        help="each schedule is trained once with each: 0,1,2 or 0-2; default 0",
    )
    parser.add_argument(
        "--out", metavar="DIR", help="folder of the results, where a run is kept; default results/<config>"
    )
    modes = parser.add_mutually_exclusive_group()
    modes.add_argument(
        "--protocol",
        choices=["fresh", "carry-over"],
        default="fresh",
        help="carry-over trains the schedules one after another on one model without resetting it, to show "
        "what that measures; default fresh",
    )
    modes.add_argument(
        "--tune",
        action="store_true",
        help="find the best peak lr of each schedule: factors of two from --peak-lr on, until it has a worse "
        "one on either side; other seeds judge it there",
    )
    modes.add_argument(
        "--until-decided",
        action="store_true",
        help="add seeds, 3, 5, 8, 12, 20, until each schedule is better or worse than the best (or the "
        "baseline), or equivalent within the margin; what is decided gets no more of them",
    )
    modes.add_argument(
        "--aa",
        action="store_true",
        help="the control: one schedule (default cosine) against itself, with as many other seeds; says what "
        "is noise here",
    )
    parser.add_argument(
        "--tuning-seeds",
        nargs="+",
        metavar="N",
        help="with --tune: the seeds that choose the peak lrs, which those of --seeds judge; default: the "
        "first half of --seeds chooses and the second half judges",
    )
    parser.add_argument(
        "--max-seeds",
        type=int,
        metavar="N",
        help=f"with --until-decided: the last look; default {LOOKS[-1]}",
    )
    parser.add_argument(
        "--refine",
        action="store_true",
        help="with --tune: at the end, two more peak lrs around each best one, halfway to its neighbours",
    )
    parser.add_argument(
        "--baseline",
        metavar="NAME",
        help="the schedule that all others are compared with; default: the best, whichever that is",
    )
    parser.add_argument(
        "--margin",
        metavar="X",
        default=MARGIN,
        help="what differs by less, in nats per token, is as good, and is said to be equivalent once that is "
        f"sure; default {MARGIN:g}",
    )
    parser.add_argument(
        "--no-probe",
        action="store_true",
        help="leave out the probe: one schedule at half and at twice the peak lr, beside the runs asked for, "
        "which tells whether the peak lr is far from the best",
    )
    parser.add_argument(
        "--tensorboard",
        action="store_true",
        help="write TensorBoard event files too; needs the extra nanosched[tensorboard]",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="say what would be trained, draw the learning rates, and stop"
    )
    parser.add_argument(
        "--time",
        action="store_true",
        help="with --dry-run: take a few steps, where no run of this model has ended here, to tell the time",
    )
    add_flags(parser)
    return parser.parse_args()


def read_request(args: argparse.Namespace) -> Request:
    """What is asked for, checked.

    Raises:
        ValueError: one line that names what is wrong.
    """
    if args.tensorboard:
        check_installed()
    if args.refine and not args.tune:
        raise ValueError("--refine is not allowed alone: give it with --tune")
    if args.tuning_seeds is not None and not args.tune:
        raise ValueError("--tuning-seeds is not allowed alone: give it with --tune")
    if args.time and not args.dry_run:
        raise ValueError("--time is not allowed alone: give it with --dry-run")
    if args.aa and args.baseline is not None:
        raise ValueError("--baseline is not allowed with --aa, which compares one schedule with itself")
    peak_lr, args.peak_lr = args.peak_lr, None  # here it may be several
    steps = args.steps and read_numbers("steps", args.steps, int)
    setup = from_args(args, tokenizer_of, vocab_size_of, steps)
    config, horizons = setup.config, setup.horizons
    check_fits(config)
    peak_lrs = read_peak_lrs(peak_lr, config)
    specs = read_specs(args, setup.comparison)
    seeds, looks = read_seeds_or_looks(args, setup.comparison)
    if args.aa:
        if len(specs) * len(peak_lrs) * len(horizons) > 1:
            print(f"--aa: {specs[0]} alone, at a peak lr of {peak_lrs[0]:g} and {horizons[0]:,} steps")
        specs, peak_lrs, horizons, seeds = specs[:1], peak_lrs[:1], horizons[:1], double_seeds(seeds)
        config = replace(config, steps=horizons[0])
    tuning_seeds, seeds = split_seeds(args, seeds) if args.tune else ([], seeds)
    # all are ranked at this one with --tune, and a loss law is fitted at it
    if config.peak_lr not in peak_lrs:
        config = replace(config, peak_lr=sorted(peak_lrs)[(len(peak_lrs) - 1) // 2])
    schedules = make_schedules(config, specs, peak_lrs, horizons)
    config = suit_optimizers(config, schedules, args.protocol)
    baseline = None if args.baseline is None else read_baseline(args.baseline, schedules, args.tune)
    probing = not (
        args.no_probe or args.tune or args.aa or args.protocol == "carry-over" or len(peak_lrs) > 1
    )
    return Request(
        config=config,
        schedules=schedules,
        seeds=seeds,
        tuning_seeds=tuning_seeds,
        out=Path(args.out or Path("results", setup.name)),
        protocol=args.protocol,
        tune=args.tune,
        refine=args.refine,
        control=args.aa,
        tensorboard=args.tensorboard,
        dry_run=args.dry_run,
        time=args.time,
        looks=looks,
        baseline=baseline,
        margin=read_margin(args.margin),
        probe=make_probe(schedules, seeds, baseline) if probing else None,
        known=setup.known_of(config),
    )


def read_seeds_or_looks(args: argparse.Namespace, comparison: dict) -> tuple[list[int], tuple[int, ...]]:
    """The seeds to train with, and, with --until-decided, the numbers of them to look at."""
    if not args.until_decided:
        if args.max_seeds is not None:
            raise ValueError("--max-seeds is not allowed alone: give it with --until-decided")
        return read_seeds(comparison.get("seeds", [0]) if args.seeds is None else " ".join(args.seeds)), ()
    if args.seeds is not None:
        raise ValueError("--seeds is not allowed with --until-decided, which adds them: give --max-seeds")
    if args.max_seeds is not None and args.max_seeds > MAX_SEEDS:
        raise not_allowed("max_seeds", args.max_seeds, f"give at most {MAX_SEEDS}")
    looks = looks_up_to(LOOKS[-1] if args.max_seeds is None else args.max_seeds)
    return list(range(looks[-1])), looks


def read_baseline(given: str, schedules: list[tuple[str, Schedule]], tune: bool) -> str:
    """The schedule of the comparison with this label, or else the one that this is another spec of."""
    shortest = min(schedule.steps for _, schedule in schedules)
    compared = {
        Setting.of_schedule(label, schedule): schedule
        for label, schedule in schedules
        if schedule.steps == shortest
    }
    labels = dict.fromkeys(setting.scheduler for setting in compared)
    if not tune:  # which finds the peak lrs that tables name beside the schedule
        labels |= dict.fromkeys(labels_of(compared).values())
    if given in labels:
        return given
    for setting, schedule in compared.items():
        if is_spec_of(schedule, given):
            return setting.scheduler
    raise not_allowed("baseline", given, f"give one of the schedules compared{nearest(given, labels)}")


def is_spec_of(schedule: Schedule, spec: str) -> bool:
    try:
        steps, peak_lr = schedule.steps, schedule.peak_lr
        return schedule == get_schedule(spec, steps, peak_lr, warmup_steps=schedule.warmup_steps)
    except ValueError:
        return False


def read_margin(given: str | float) -> float:
    try:
        margin = float(given)
    except ValueError:
        margin = -1.0
    if not 0 <= margin < math.inf:
        raise not_allowed("margin", given, f"give nats per token from 0 on, such as {MARGIN:g}")
    return margin


def read_specs(args: argparse.Namespace, comparison: dict) -> list[str]:
    """The schedules of the flag, else of the TOML file, else all, or cosine for the control."""
    given = comparison.get("schedulers", "all") if args.schedulers is None else " ".join(args.schedulers)
    if args.aa and given == "all":
        given = "cosine"
    return resolve(given if isinstance(given, str) else ",".join(given))


def double_seeds(seeds: list[int]) -> list[int]:
    """The seeds and as many others, for the A/A control."""
    if len(seeds) < 2:
        raise ValueError(f"seeds={quoted(seeds)} is not allowed with --aa: give two or more, such as 0,1,2")
    others = range(max(seeds) + 1, max(seeds) + 1 + len(seeds))
    check_seed("seeds, doubled for --aa,", others[-1])
    return [*seeds, *others]


def split_seeds(args: argparse.Namespace, seeds: list[int]) -> tuple[list[int], list[int]]:
    """The seeds that choose the peak lrs, and those that judge them; a single one does both."""
    if args.tuning_seeds is None:
        tuning = first_half(seeds)
        return tuning, seeds[len(tuning) :] or seeds
    tuning = read_seeds(" ".join(args.tuning_seeds), "tuning_seeds")
    both, judges = [s for s in seeds if s in tuning], [s for s in seeds if s not in tuning]
    if args.seeds is not None and both:
        raise not_allowed(
            "tuning_seeds", tuning, f"{both[0]} is among --seeds, and the seeds that choose don't judge"
        )
    if not judges:
        raise not_allowed(
            "tuning_seeds", tuning, "none of the seeds is left to judge; give others with --seeds"
        )
    return tuning, judges


def read_peak_lrs(given, config: Config) -> list[float]:
    peak_lrs = read_numbers("peak_lr", [config.peak_lr] if given is None else given, float)
    if len({f"{peak:g}" for peak in peak_lrs}) < len(peak_lrs):
        raise not_allowed("peak_lr", peak_lrs, "two of them agree to 6 digits; leave one out")
    return peak_lrs


def check_writable(folder: Path):
    """ValueError where the folder can't be made or written in: found now, and not after the first run."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as e:
        raise ValueError(f"{folder}: can't be written: {e.strerror}; give another --out") from None


def slots_for(request: Request, dataset: Dataset) -> int:
    """How many runs train stacked in one process; 0 for each in a process of its own."""
    return 0 if request.protocol == "carry-over" else choose_slots(request.config, dataset.vocab_size)


# -- plan


def print_schedules(files: list[str]):
    """Each schedule with its parameters and what it is, users' files too."""
    for info in describe_schedules(files):
        also = f" (also {', '.join(info.aliases)})" * bool(info.aliases)
        print_text(f"{info.name}{also}: {info.summary}")
        if info.params:
            print_text(f"    {info.params}")
    print_text("\nParameters go behind a colon: wsd:cooldown=0.4,shape=sqrt")
    print_text(
        "torch:CLASS is any class of torch.optim.lr_scheduler: torch:OneCycleLR:max_lr=6e-4,total_steps=1000"
    )


def dry_run(request: Request):
    """Say what would be trained, in which tree, and what the convex bound thinks of it."""
    if request.protocol == "carry-over":
        steps = len(request.seeds) * sum(schedule.steps for _, schedule in request.schedules)
        print("\n".join(label for label, _ in request.schedules))
        return print(f"\none after another on one model, {steps:,} steps; nothing is shared")
    grids = first_grids(request.schedules, request.tuning_seeds) if request.tune else []
    seeds = request.tuning_seeds[:1] or request.seeds[: request.looks[0] if request.looks else None]
    schedules = settings_of(grids, seeds[0]) or request.schedules
    runs = print_dry_run(request.config, schedules, seeds, request.store(), request.time, request.probe)
    if request.tune:
        print_refusals(grids)
        print_tuning(request, grids)
    if request.looks:
        print_expected(request, runs)
    print_bounds(schedules)
    print(f"\nplan: {draw_plan(plan_branches(runs, request.config), request.out)}")
    print(f"learning rates: {draw_planned_lrs(schedules, request.out)}")


def print_expected(request: Request, runs: list[Run]):
    """How many runs --until-decided takes, if the differences are those of the seeds in the store."""
    comparison = read_comparison(request, Trained(runs), None, request.store())
    expected = [
        expected_runs(
            {row.standing.name: row.entry.losses for row in ranking.rows if not row.entry.setting.average},
            request.looks,
            ranking.verdicts.baseline,
            request.margin,
        )
        for ranking in comparison.rankings.values()
    ]
    most = len(request.schedules) * request.looks[-1]
    words = "the store has too few seeds to tell how many runs it takes"
    if None not in expected and set(comparison.settings) == set(map(Setting.of, runs)):
        words = f"about {sum(expected)} runs in all, if the differences stay those of the seeds in the store"
    print(f"--until-decided begins with these seeds: {words}; {most} at most")


# -- train


def train(request: Request, dataset: Dataset, store: Store, slots: int) -> Trained:
    probe = request.probe.runs(request.config, dataset.fingerprint) if request.probe else []
    if request.protocol == "carry-over":
        return train_carried_over(request, dataset, store)
    if request.tune:
        return train_tuned(request, dataset, store, slots)
    if request.looks:
        return train_until_decided(request, dataset, store, slots, probe)
    runs = plan_runs(request.config, request.schedules, request.seeds, dataset.fingerprint)
    return train_missing(Trained(runs, probe), request.config, dataset, store, slots)


def train_until_decided(
    request: Request, dataset: Dataset, store: Store, slots: int, probe: list[Run]
) -> Trained:
    """Every schedule with the seeds of the first look, then those that are undecided with those of the next.

    What to train follows from the losses in the store alone, so the same command comes to the same decision
    however often it was killed on the way.
    """
    planned = plan_runs(request.config, request.schedules, request.seeds, dataset.fingerprint)
    trained = Trained([run for run in planned if run.seed < request.looks[0]], probe)
    while True:
        trained = train_missing(trained, request.config, dataset, store, slots)
        wanted = read_comparison(request, trained, dataset, store).seeds_wanted
        runs = [run for run in planned if run.seed < wanted.get(Setting.of(run), 0)]
        if trained.stopped or {run.id for run in runs} <= {run.id for run in trained.runs}:
            return trained
        trained = replace(trained, runs=runs)


def train_tuned(request: Request, dataset: Dataset, store: Store, slots: int) -> Trained:
    """Every schedule at peak lrs by factors of two until the best has a worse one on either side, and then
    there with the seeds that judge.
    """
    grids = first_grids(request.schedules, request.tuning_seeds)
    trained, refine = Trained([]), request.refine
    while True:
        runs = plan_tuning(request, grids, dataset)
        trained = train_missing(replace(trained, runs=runs), request.config, dataset, store, slots)
        losses = [tuning_losses(grid, runs, store) for grid in grids]
        grown = [grid.grow(table) for grid, table in zip(grids, losses)]
        if not any(grown) and refine:
            refine = False
            grown = [grid.refine(table) for grid, table in zip(grids, losses)]
        if trained.stopped or not any(grown):
            break
    print_refusals(grids)
    if trained.stopped:
        return trained
    judged = [(grid.label, grid.at(chosen_peak(table))) for grid, table in zip(grids, losses)]
    judging = plan_runs(request.config, judged, request.seeds, dataset.fingerprint)
    runs += [run for run in judging if run.seed not in request.tuning_seeds]
    return train_missing(replace(trained, runs=runs), request.config, dataset, store, slots)


def plan_tuning(request: Request, grids: list[Grid], dataset: Dataset) -> list[Run]:
    """The runs that the peak lrs are chosen by, as far as the grids have grown."""
    return [
        run
        for seed in request.tuning_seeds
        for run in plan_runs(request.config, settings_of(grids, seed), [seed], dataset.fingerprint)
    ]


def print_refusals(grids: list[Grid]):
    for refusal in (refusal for grid in grids for refusal in grid.refusals.values()):
        print(refusal)


def print_tuning(request: Request, grids: list[Grid]):
    """What follows on the first seed's runs, as far as it can be known."""
    first, *others = request.tuning_seeds
    print("--tune begins with these, and goes on past a lowest or highest peak lr that is best")
    if others:
        most = sum(len(grid.schedules) for grid in grids) * len(others)
        words = f"then {seeds_words(others)}: {counted(most, 'run')} more at most"
        print(f"{words} of these, since peak lrs far from the best are left at seed {first}")
    if request.seeds == request.tuning_seeds:
        return print("the same seed chooses and judges; give two --seeds or more to hold some out")
    runs = len(grids) * len(request.seeds)
    steps = sum(grid.schedules[0].steps for grid in grids) * len(request.seeds)
    print(
        f"then each schedule is judged at its chosen peak lr with {seeds_words(request.seeds)}: "
        f"{counted(runs, 'run')}, {steps:,} steps at most"
    )


def seeds_words(seeds: list[int]) -> str:
    return f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}"


def tuning_losses(grid: Grid, runs: list[Run], store: Store) -> Losses:
    """peak lr -> seed -> final validation loss, inf for a run that did not complete."""
    losses = {}
    for run in runs:
        if (run.label, run.schedule.steps) == (grid.label, grid.schedules[0].steps):
            finished = store.get(run.id)
            completed = finished is not None and finished.record.complete
            loss = finished.record.final_val_loss if completed else float("inf")
            losses.setdefault(run.schedule.peak_lr, {})[run.seed] = loss
    return losses


def train_carried_over(request: Request, dataset: Dataset, store: Store) -> Trained:
    """One after another on a model that is never reset."""
    config = request.config
    runs = plan_carry_over(config, request.schedules, request.seeds, dataset.fingerprint)
    todo = still_to_train(runs, store)
    complete = f"{len(runs) - len(todo)} complete, {len(todo)} to train on {config.device}"
    print(f"{counted(len(runs), 'run')} on {dataset.name}, carried over: {complete}")
    if not todo:
        return Trained(runs)
    with ctrl_c() as pressed, Display([Branch(run) for run in todo]) as display:
        errors = train_carry_over(runs, config, dataset, store, display, pressed)
        return Trained(runs, errors=errors, stopped=pressed())


def train_missing(trained: Trained, config: Config, dataset: Dataset, store: Store, slots: int) -> Trained:
    """Train what the store doesn't have and what hasn't failed, with a progress display."""
    needed = [run for run in distinct([*trained.runs, *trained.probe]) if run.id not in trained.errors]
    todo = [run for run in needed if not store.get(run.id)]
    horizons = ", ".join(map(str, dict.fromkeys(run.schedule.steps for run in needed)))
    complete = f"{len(needed) - len(todo)} complete, {len(todo)} to train on {config.device}"
    probe = f", {len(trained.probe)} of them the probe" * bool(trained.probe)
    print(f"{counted(len(needed), 'run')} of {horizons} steps on {dataset.name}{probe}: {complete}")
    if not todo:
        return trained

    branches = plan_branches(todo, config, saved_steps(store, todo, config, dataset.fingerprint))
    with ctrl_c() as pressed, Display(branches) as display:
        errors = execute(branches, config, dataset, store, loaded_files(), display, pressed, slots)
        stopped = pressed()
    if not errors and not stopped:
        delete_checkpoints(store, needed, config, dataset.fingerprint)
    return replace(trained, errors=trained.errors | errors, stopped=stopped)


# -- results


def read_comparison(request: Request, trained: Trained, dataset: Dataset | None, store: Store) -> Comparison:
    fresh = request.protocol == "fresh"
    probe = [replace(run, label=request.probe.label) for run in trained.probe]
    return Comparison(
        results=read_results(store, trained.runs, trained.errors),
        requested=tuple(trained.runs),
        config=request.config,
        dataset=dataset,
        command=shlex.join(["python", "compare.py", *sys.argv[1:]]),
        protocol=request.protocol,
        tuned=request.tune,
        tuning_seeds=tuple(request.tuning_seeds),
        control=request.control,
        baseline=request.baseline,
        margin=request.margin,
        looks=request.looks,
        probe=read_results(store, probe, trained.errors),
        known=request.known,
        branches=tuple(plan_branches(distinct(trained.runs), request.config)) if fresh else (),
    )


# -- write


def write(comparison: Comparison, request: Request) -> bool:
    """Write the tables, print the ranking, write report and figures; whether all of it could be written."""
    out, before = request.out, run_ids(request.out)
    tables = write_files(TABLES, comparison, out)
    print_ranking(comparison)
    cost = sweep_cost(comparison)
    if comparison.branches and cost.runs > 1:
        print_text("\n" + cost_sentence(cost, comparison))
    if tuning := tuning_cost(comparison):
        print_text("\n" + tuning_sentence(tuning))
    if control := control_of(comparison):
        print_text("\n" + control.sentence)
    pages = [*PAGES, EVENTS] if request.tensorboard else PAGES
    with progress(len(pages), "report and figures") as advance:
        files = write_files(pages, comparison, out, advance, at_once())
    delete_leftovers(out, tables.paths + files.paths, same_runs=before == run_ids(out))
    report = [path for path in files.paths if path.suffix == ".html"]
    others = [path for path in files.paths if path.suffix != ".html"]
    print("\n" + "\n".join(map(str, report + tables.paths + others)))
    return tables.complete and files.complete


if __name__ == "__main__":
    run_command(main)
