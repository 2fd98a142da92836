"""Compare learning-rate schedules: train each from the same fresh weights on the same batches, and rank them.

    python compare.py --schedulers all
    python compare.py --schedulers wsd:cooldown=0.4,shape=sqrt,cosine,path/to/my_schedule.py --steps 1000 --seeds 0,1,2

Runs that the output folder has already are not trained again, so adding a schedule trains only that one.
"""

from __future__ import annotations

import argparse
import shlex
import sys
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path

from data import open_dataset
from nanosched.cli import add_flags, check_seed, from_args
from schedulers import resolve
from schedulers.core.load import loaded_files
from sweep.calibrate import choose_slots
from sweep.dry_run import print_dry_run
from sweep.plan import distinct, make_schedules, plan_branches, plan_runs
from sweep.store import delete_states, is_complete, locked, saved_steps


def parse_args():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--schedulers",
        metavar="all|NAME[:k=v,...][,NAME...]|FILE.py",
        help="which schedules, default all; a file is one of your own",
    )
    parser.add_argument(
        "--seeds", metavar="N[,N...]", help="each schedule is trained once with each, default 0"
    )
    parser.add_argument("--out", metavar="DIR", help="default results/<config>")
    parser.add_argument(
        "--protocol",
        choices=["fresh", "carry-over"],
        default="fresh",
        help="carry-over trains the schedules one after another on one model without resetting it, to show what that measures; default fresh",
    )
    parser.add_argument(
        "--tune",
        action="store_true",
        help="find the best peak lr of each schedule: factors of two from --peak-lr on, until it has a worse one on either side",
    )
    parser.add_argument(
        "--refine",
        action="store_true",
        help="with --tune: at the end, two more peak lrs around each best one, halfway to its neighbours",
    )
    parser.add_argument(
        "--aa",
        action="store_true",
        help="the control: the first schedule against itself, with as many other seeds; says what is noise here",
    )
    parser.add_argument(
        "--tensorboard",
        action="store_true",
        help="write TensorBoard event files too; needs the extra nanosched[tensorboard]",
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be trained, and stop")
    add_flags(parser)
    return parser.parse_args()


def main():
    args = parse_args()
    try:
        request = read_request(args)
        if args.dry_run:
            return dry_run(*request, args.protocol, args.tune)
        config, schedules, seeds, out = request
        dataset = open_dataset(config.dataset, config.tokenizer)
        dataset.check_windows(config.batch_size, config.block_size)
        check_writable(out / "runs")
        lock = locked(out)
        slots = (
            choose_slots(config, dataset.vocab_size, len(schedules) * len(seeds))
            if args.protocol == "fresh"
            else 0
        )
        config = replace(config, replicas="stacked" if slots else "separate")
    except (ValueError, OSError) as e:
        sys.exit(f"error: {e}")
    except KeyboardInterrupt:
        sys.exit("\nStopped before training. The same command starts again.")

    with lock:
        tuned = partial(train_tuned, refine=args.refine)
        train = train_carried if args.protocol == "carry-over" else tuned if args.tune else train_asked
        runs, errors, stopped = train(config, schedules, seeds, dataset, out, slots)
        try:
            show_results(runs, errors, config, dataset, out, args)
        except OSError as e:
            sys.exit(f"error: {e}; what is trained is kept")
    if stopped:
        print("\nStopped. What is trained is kept: the same command goes on from here.")
        sys.exit(130)
    sys.exit(1 if errors else 0)


def read_request(args):
    """(config, schedules, seeds, out): what the command line and the TOML file ask for, checked.

    Raises:
        ValueError: one line that names what is wrong.
    """
    if args.tensorboard:
        from analysis.tensorboard import check_installed

        check_installed()
    peak_lr, args.peak_lr = args.peak_lr, None  # here it may be several
    horizons = args.steps and read_numbers("steps", args.steps, int)
    args.steps = horizons and max(horizons)
    config, comparison, name = from_args(args)
    asked = comparison.get("schedulers", "all") if args.schedulers is None else args.schedulers
    specs = resolve(asked if isinstance(asked, str) else ",".join(map(str, asked)))
    seeds = read_numbers("seeds", comparison.get("seeds", [0]) if args.seeds is None else args.seeds, int)
    for seed in seeds:
        check_seed("seeds", seed)
    peak_lrs = read_numbers("peak_lr", [config.peak_lr] if peak_lr is None else peak_lr, float)
    if args.protocol == "carry-over" and (args.tune or args.aa):
        raise ValueError("protocol='carry-over' is not allowed with --tune or --aa: leave one of them out")
    if args.refine and not args.tune:
        raise ValueError("--refine is not allowed alone: give it with --tune")
    if args.aa and args.tune:
        raise ValueError("--aa is not allowed with --tune: the control is of one peak lr")
    if args.aa:
        if len(seeds) < 2:
            raise ValueError(f"seeds={seeds} is not allowed with --aa: give two or more, such as 0,1,2")
        specs, peak_lrs, horizons = specs[:1], peak_lrs[:1], horizons and horizons[:1]
        seeds += range(max(seeds) + 1, max(seeds) + 1 + len(seeds))
        check_seed("seeds, doubled for --aa,", max(seeds))
        config = replace(config, steps=horizons[0] if horizons else config.steps)
    if len({f"{peak:g}" for peak in peak_lrs}) < len(peak_lrs):
        raise ValueError(
            f"peak_lr={','.join(map(repr, peak_lrs))} is not allowed: two of them agree to 6 digits; leave one out"
        )
    if (
        config.peak_lr not in peak_lrs
    ):  # the one that all are ranked at with --tune, and that a loss law is fitted at
        config = replace(config, peak_lr=sorted(peak_lrs)[(len(peak_lrs) - 1) // 2])
    return (
        config,
        make_schedules(config, specs, peak_lrs, horizons or [config.steps]),
        seeds,
        Path(args.out or Path("results", name)),
    )


def read_numbers(name: str, given, kind) -> list:
    """The numbers of "0,1,2" or of TOML's [0, 1, 2], each once."""
    try:
        numbers = [kind(piece) for piece in given.split(",")] if isinstance(given, str) else list(given)
    except (TypeError, ValueError):
        numbers = []
    if not numbers or any(type(number) is not kind for number in numbers):
        example = "whole numbers, such as 0,1,2" if kind is int else "numbers, such as 3e-4,6e-4"
        raise ValueError(f"{name}={given!r} is not allowed: give {example}")
    return list(dict.fromkeys(numbers))


def dry_run(config, schedules, seeds, out, protocol, tune):
    from analysis.bounds import print_bounds
    from analysis.figures.plan import draw_plan

    if protocol == "carry-over":
        steps = len(seeds) * sum(schedule.steps for _, schedule in schedules)
        return print(
            "\n".join(label for label, _ in schedules)
            + f"\n\none after another on one model, {steps:,} steps; nothing is shared"
        )
    if tune:
        from sweep.tune import first_grid

        schedules = [
            (label, schedule) for (label, _), own in first_grid(schedules).items() for schedule in own
        ]
    runs = print_dry_run(config, schedules, seeds, out)
    if tune:
        print(
            "--tune begins with these; a schedule that is best at the lowest or highest peak lr gets another one, until it isn't"
        )
    print_bounds(schedules)
    print(f"\nplan: {draw_plan(out, plan_branches(runs, config))}")


def check_writable(folder: Path):
    """OSError where the folder can't be made or written in: found now, and not after the first run."""
    folder.mkdir(parents=True, exist_ok=True)
    tempfile.TemporaryFile(dir=folder).close()


def train_asked(config, schedules, seeds, dataset, out, slots):
    """(the runs asked for, errors by run id, whether it was stopped)."""
    runs = plan_runs(config, schedules, seeds, dataset.fingerprint)
    return runs, *train_missing(runs, config, dataset, out, slots)


def train_tuned(config, schedules, seeds, dataset, out, slots, refine):
    """The same, with every schedule at peak lrs by factors of two until the best has a worse one on either side."""
    from analysis.tables import run_rows
    from analysis.tuned import mean_losses
    from sweep.tune import at_peak, first_grid, next_peak, refined

    grid = first_grid(schedules)
    began = {key: (min(s.peak_lr for s in own), max(s.peak_lr for s in own)) for key, own in grid.items()}
    errors = {}
    while True:
        wanted = [
            (label, schedule)
            for (label, _), own in grid.items()
            for schedule in sorted(own, key=lambda s: s.peak_lr)
        ]
        runs = plan_runs(config, wanted, seeds, dataset.fingerprint)
        failed, stopped = train_missing(
            [run for run in runs if run.id not in errors], config, dataset, out, slots
        )
        errors |= failed
        rows = run_rows(out, runs, errors)
        if stopped:
            return runs, errors, stopped
        losses = {key: mean_losses(rows, *key) for key in grid}
        peaks = {key: [peak] for key in grid if (peak := next_peak(losses[key], began[key]))}
        if not peaks and refine:
            peaks, refine = {key: refined(losses[key]) for key in grid}, False
        for key in peaks:
            grid[key] += [at_peak(grid[key][0], peak) for peak in peaks[key]]
        if not any(peaks.values()):
            return runs, errors, stopped


def train_carried(config, schedules, seeds, dataset, out, slots):
    """The same, one after another on a model that is never reset."""
    from nanosched.interrupt import ctrl_c
    from sweep.carry_over import plan_carry_over, still_to_train, train_carry_over
    from sweep.display import Display
    from sweep.plan import Branch

    runs = plan_carry_over(config, schedules, seeds, dataset.fingerprint)
    todo = still_to_train(runs, out)
    print(
        f"{len(runs)} runs on {dataset.name}, carried over: {len(runs) - len(todo)} complete, {len(todo)} to train on {config.device}"
    )
    if not todo:
        return runs, {}, False
    with ctrl_c() as pressed, Display([Branch(run) for run in todo]) as display:
        errors = train_carry_over(runs, config, dataset, out, display, pressed)
        return runs, errors, pressed()


def train_missing(runs, config, dataset, out, slots):
    """Train what the store doesn't have, with a progress display; returns (errors by run id, whether it was stopped)."""
    from nanosched.interrupt import ctrl_c
    from sweep.display import Display

    needed = distinct(runs)
    todo = [run for run in needed if not is_complete(out, run.id)]
    horizons = ", ".join(map(str, dict.fromkeys(run.schedule.steps for run in needed)))
    print(
        f"{len(needed)} runs of {horizons} steps on {dataset.name}: {len(needed) - len(todo)} complete, {len(todo)} to train on {config.device}"
    )
    if not todo:
        return {}, False

    from sweep.execute import execute

    branches = plan_branches(todo, config, saved_steps(out, todo, config, dataset.fingerprint))
    with ctrl_c() as pressed, Display(branches) as display:
        errors = execute(branches, config, dataset, out, loaded_files(), display, pressed, slots)
        stopped = pressed()
    if not errors and not stopped:
        delete_states(out, needed, config, dataset.fingerprint)
    return errors, stopped


def show_results(runs, errors, config, dataset, out, args):
    """Write the tables, the manifest, the figures and the report, then print the ranking and where the files are."""
    from analysis.cost import spell_cost, sweep_cost
    from analysis.figures.draw import draw_figures
    from analysis.figures.plan import draw_plan
    from analysis.manifest import write_manifest
    from analysis.markdown import write_markdown
    from analysis.ranking import CARRIED, print_ranking, unfinished
    from analysis.report.page import write_report
    from analysis.tables import delete_leftovers, run_rows, write_tables

    rows = run_rows(out, runs, errors)
    if not rows:
        return
    summary, cost = write_tables(out, rows), sweep_cost(out, rows)
    write_manifest(
        out,
        runs,
        rows,
        config,
        dataset,
        args.protocol,
        shlex.join(["python", "compare.py", *sys.argv[1:]]),
        cost,
    )
    files = [
        out / "runs.csv",
        out / "summary.csv",
        out / "curves.csv",
        out / "manifest.json",
        *out.glob("pairs.csv"),
    ]
    figures = draw_figures(out, rows, summary)
    branches, judged, noise = None, None, None
    if args.protocol == "fresh":
        branches = plan_branches(distinct(runs), config)
        figures.append(draw_plan(out, branches))
    if args.tune:
        from analysis.figures.tuned import draw_tuned
        from analysis.tuned import at_best, print_tuned, tuned_rows, write_tuned

        best = tuned_rows(rows, summary, config.peak_lr)
        judged = [at_best(row, summary) for row in best]
        files.append(write_tuned(out, best))
        figures += draw_tuned(out, rows, best, summary)
        print_tuned(best)
    else:
        print_ranking(summary, len({run.seed for run in runs}))
    notes = [unfinished(len(rows), len(runs))] * (len(rows) < len(runs)) + [CARRIED] * (
        args.protocol == "carry-over"
    )
    files.append(write_markdown(out, judged or summary, notes))
    if notes:
        print("\n" + "\n".join(notes))
    if args.protocol == "fresh" and cost["runs"] > 1:
        print("\n" + spell_cost(cost, rows))
    if args.aa and len(rows) == len(runs):
        from analysis.aa import control

        seeds = list(dict.fromkeys(run.seed for run in runs))
        noise = control(out, rows, (seeds[: len(seeds) // 2], seeds[len(seeds) // 2 :]))
        print("\n" + noise)
    delete_leftovers(out, [*files, *figures, *[out / "aa.json"] * (noise is not None)])
    report = write_report(out, rows, summary, branches, judged, noise)
    if args.tensorboard:
        from analysis.tensorboard import write_events

        files.append(write_events(out, rows))
    print("\n" + "\n".join(map(str, [report, *files, *figures])))


if __name__ == "__main__":
    main()
