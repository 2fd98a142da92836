"""Compare learning-rate schedules: train each from the same fresh weights on the same batches, and rank them.

    python compare.py --schedulers all
    python compare.py --schedulers wsd:cooldown=0.4,cosine,my_schedule.py --steps 1000 --seeds 0-2

Runs that the output folder has already are not trained again, so adding a schedule trains only that one.
"""

from __future__ import annotations

import shlex
import sys
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path

import nanosched.startup  # noqa: F401  from here on Ctrl-C is quiet
from analysis.aa import control_of
from analysis.bounds import print_bounds
from analysis.comparison import Comparison, Setting, read_results
from analysis.cost import cost_sentence, sweep_cost, tuning_cost, tuning_sentence
from analysis.figures.plan import draw_plan
from analysis.figures.planned_lrs import draw_planned_lrs
from analysis.processes import at_once
from analysis.race import expected_runs
from analysis.terminal import print_ranking, print_text, progress
from analysis.text import counted
from analysis.write import PAGES, TABLES, delete_leftovers, run_ids, write_files
from data import Dataset, open_dataset
from nanosched.command import STOPPED, fail, run_command
from nanosched.config import Config
from nanosched.distributed import check_split, run_together
from nanosched.interrupt import ctrl_c
from nanosched.limits import check_fits
from nanosched.log import Log, LoggedRun, open_log
from nanosched.seeds import seeds_note
from request import Request, parse_args, read_request
from schedulers import describe_schedules
from schedulers.core.load import loaded_files
from sweep.carry_over import plan_carry_over, still_to_train, train_carry_over
from sweep.display import Display
from sweep.dry_run import print_dry_run
from sweep.execute import count_workers, execute
from sweep.makespan import choose_plan
from sweep.plan import Branch, Run, distinct, plan_branches, plan_runs
from sweep.slots import choose_slots
from sweep.store import Store, delete_checkpoints, locked, saved_steps
from sweep.tune import Grid, Losses, chosen_peak, first_grids, settings_of


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
    args = parse_args(__doc__)
    try:
        if args.schedulers and args.schedulers[0] == "list":
            return print_schedules(args.schedulers[1:])
        request = read_request(args)
        check_split(request.config)
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
        log = open_log(request.log, request.out)
    except (ValueError, OSError) as e:
        fail(e)

    request = replace(
        request,
        config=replace(request.config, replicas="stacked" if slots else "separate"),
        known=request.known.on(dataset.name),
    )
    with lock, log:
        trained = train(request, dataset, store, slots, log)
        comparison = read_comparison(request, trained, dataset, store)
        written = write(comparison, request) if comparison.results else False
    if trained.stopped:
        print("\nStopped. What is trained is kept: the same command goes on from here.")
        return STOPPED
    return 0 if trained.complete and written else 1


def check_writable(folder: Path):
    """ValueError where the folder can't be made or written in: found now, and not after the first run."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as e:
        raise ValueError(f"{folder}: can't be written: {e.strerror}; give another --out") from None


def slots_for(request: Request, dataset: Dataset) -> int:
    """How many runs train stacked in one process; 0 for each in a process of its own."""
    separate = request.protocol == "carry-over" or request.executor != "local"
    return 0 if separate else choose_slots(request.config, dataset.vocab_size)


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
    runs = print_dry_run(
        request.config,
        schedules,
        seeds,
        request.store(),
        request.time,
        request.probe,
        request.plan,
        request.executor,
    )
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


def train(request: Request, dataset: Dataset, store: Store, slots: int, log: Log) -> Trained:
    probe = request.probe.runs(request.config, dataset.fingerprint) if request.probe else []
    if request.protocol == "carry-over":
        return train_carried_over(request, dataset, store, log)
    if request.tune:
        return train_tuned(request, dataset, store, slots, log)
    if request.looks:
        return train_until_decided(request, dataset, store, slots, log, probe)
    runs = plan_runs(request.config, request.schedules, request.seeds, dataset.fingerprint)
    return train_missing(Trained(runs, probe), request, dataset, store, slots, log)


def train_until_decided(
    request: Request, dataset: Dataset, store: Store, slots: int, log: Log, probe: list[Run]
) -> Trained:
    """Every schedule with the seeds of the first look, then those that are undecided with those of the next.

    What to train follows from the losses in the store alone, so the same command comes to the same decision
    however often it was killed on the way.
    """
    planned = plan_runs(request.config, request.schedules, request.seeds, dataset.fingerprint)
    trained = Trained([run for run in planned if run.seed < request.looks[0]], probe)
    while True:
        trained = train_missing(trained, request, dataset, store, slots, log)
        wanted = read_comparison(request, trained, dataset, store).seeds_wanted
        runs = [run for run in planned if run.seed < wanted.get(Setting.of(run), 0)]
        if trained.stopped or {run.id for run in runs} <= {run.id for run in trained.runs}:
            return trained
        trained = replace(trained, runs=runs)


def train_tuned(request: Request, dataset: Dataset, store: Store, slots: int, log: Log) -> Trained:
    """Every schedule at peak lrs by factors of two until the best has a worse one on either side, and then
    there with the seeds that judge.
    """
    grids = first_grids(request.schedules, request.tuning_seeds)
    trained, refine = Trained([]), request.refine
    while True:
        runs = plan_tuning(request, grids, dataset)
        trained = train_missing(replace(trained, runs=runs), request, dataset, store, slots, log)
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
    return train_missing(replace(trained, runs=runs), request, dataset, store, slots, log)


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


def train_carried_over(request: Request, dataset: Dataset, store: Store, log: Log) -> Trained:
    """One after another on a model that is never reset."""
    config = request.config
    runs = plan_carry_over(config, request.schedules, request.seeds, dataset.fingerprint)
    log.follow(logged_runs(runs, config, store))
    todo = still_to_train(runs, store)
    complete = f"{len(runs) - len(todo)} complete, {len(todo)} to train on {config.device}"
    print(f"{counted(len(runs), 'run')} on {dataset.name}, carried over: {complete}")
    if not todo:
        return Trained(runs)
    with ctrl_c() as pressed, Display([Branch(run) for run in todo]) as display:
        errors = train_carry_over(runs, config, dataset, store, display, pressed)
        return Trained(runs, errors=errors, stopped=pressed())


def train_missing(
    trained: Trained, request: Request, dataset: Dataset, store: Store, slots: int, log: Log
) -> Trained:
    """Train what the store doesn't have and what hasn't failed, with a progress display."""
    config, files = request.config, loaded_files()
    needed = [run for run in distinct([*trained.runs, *trained.probe]) if run.id not in trained.errors]
    log.follow(logged_runs(needed, config, store))
    todo = [run for run in needed if not store.get(run.id)]
    horizons = ", ".join(map(str, dict.fromkeys(run.schedule.steps for run in needed)))
    complete = f"{len(needed) - len(todo)} complete, {len(todo)} to train on {config.device}"
    probe = f", {len(trained.probe)} of them the probe" * bool(trained.probe)
    print(f"{counted(len(needed), 'run')} of {horizons} steps on {dataset.name}{probe}: {complete}")
    if not todo:
        return trained

    branches = plan_branches(todo, config, saved_steps(store, todo, config, dataset.fingerprint))
    workers = count_workers(len(branches), config, slots, request.executor)
    branches = choose_plan(request.plan, branches, workers)
    with ctrl_c() as pressed, Display(branches) as display:
        errors = execute(branches, config, dataset, store, files, display, pressed, slots, request.executor)
        stopped = pressed()
    if not errors and not stopped:
        delete_checkpoints(store, needed, config, dataset.fingerprint)
    return replace(trained, errors=trained.errors | errors, stopped=stopped)


def logged_runs(runs: list[Run], config: Config, store: Store) -> list[LoggedRun]:
    """The runs as their log knows them."""
    return [
        LoggedRun.of(run.id, run.label, run.schedule, run.seed, config, store.folder(run.id)) for run in runs
    ]


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
    with progress(len(PAGES), "report and figures") as advance:
        files = write_files(PAGES, comparison, out, advance, at_once())
    delete_leftovers(out, tables.paths + files.paths, same_runs=before == run_ids(out))
    report = [path for path in files.paths if path.suffix == ".html"]
    others = [path for path in files.paths if path.suffix != ".html"]
    print("\n" + "\n".join(map(str, report + tables.paths + others)))
    return tables.complete and files.complete


if __name__ == "__main__":
    run_command(lambda: run_together(main))
