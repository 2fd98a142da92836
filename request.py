"""What compare.py is asked for: its options, and the command line and TOML file read into a Request.

Everything that can't be right is refused here, before anything is trained.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass, replace
from pathlib import Path

from analysis.comparison import Setting, labels_of
from analysis.looks import LOOKS, looks_up_to
from analysis.power import MAX_SEEDS
from analysis.verdicts import MARGIN
from data import tokenizer_of, vocab_size_of
from nanosched.cli import add_flags, check_seed, from_args
from nanosched.command import CommandParser
from nanosched.config import Config
from nanosched.errors import not_allowed, quoted
from nanosched.known import Known
from nanosched.limits import check_fits
from nanosched.log import HELP as LOG_HELP
from nanosched.log import LOGS, check_log
from nanosched.numbers import read_numbers
from nanosched.seeds import read_seeds
from schedulers import Schedule, get_schedule, resolve
from schedulers.core.messages import nearest
from sweep.executors import EXECUTORS, check_executor
from sweep.makespan import PLANS
from sweep.optimizers import suit_optimizers
from sweep.plan import make_schedules
from sweep.probe import Probe, make_probe
from sweep.store import Store
from sweep.tune import first_half


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
    log: str | None  # where people look at the runs
    dry_run: bool
    time: bool  # a few steps in a dry run
    looks: tuple[int, ...]  # numbers of seeds, with --until-decided; else none
    baseline: str | None  # that all are compared with, as tables name it; None is the best, whichever it is
    margin: float  # nats per token
    executor: str  # where runs train
    plan: str  # cheapest or fastest
    probe: Probe | None  # trained beside all that
    known: Known  # what was measured of the preset, on its dataset

    def store(self) -> Store:
        return Store(self.out, self.config.average_specs)


def parse_args(description: str) -> argparse.Namespace:
    parser = CommandParser(description)
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
        "--executor",
        choices=list(EXECUTORS),
        default="local",
        help="where the runs train: on this machine, as tasks of a Ray cluster (of this machine alone where "
        "none runs), or as SLURM jobs; both need an extra, nanosched[ray] or nanosched[slurm], and a shared "
        "--out; default local",
    )
    parser.add_argument(
        "--plan",
        choices=PLANS,
        default="cheapest",
        help="cheapest trains the fewest steps, one seed after another; fastest ends earliest with the "
        "processes that train at a time: the longest runs first, and schedules that react to the loss don't "
        "wait to see whether they are another run; the numbers are the same; default cheapest",
    )
    parser.add_argument("--log", choices=LOGS, help=LOG_HELP)
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
    check_log(args.log)
    if args.refine and not args.tune:
        raise ValueError("--refine is not allowed alone: give it with --tune")
    if args.tuning_seeds is not None and not args.tune:
        raise ValueError("--tuning-seeds is not allowed alone: give it with --tune")
    if args.time and not args.dry_run:
        raise ValueError("--time is not allowed alone: give it with --dry-run")
    if args.plan == "fastest" and args.protocol == "carry-over":
        raise ValueError("--plan fastest is not allowed with --protocol carry-over, which has one order")
    if args.aa and args.baseline is not None:
        raise ValueError("--baseline is not allowed with --aa, which compares one schedule with itself")
    peak_lr, args.peak_lr = args.peak_lr, None  # here it may be several
    steps = args.steps and read_numbers("steps", args.steps, int)
    setup = from_args(args, tokenizer_of, vocab_size_of, steps)
    config, horizons = setup.config, setup.horizons
    check_executor(args.executor, args.protocol, config.replicas)
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
        log=args.log,
        dry_run=args.dry_run,
        time=args.time,
        looks=looks,
        baseline=baseline,
        margin=read_margin(args.margin),
        executor=args.executor,
        plan=args.plan,
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
