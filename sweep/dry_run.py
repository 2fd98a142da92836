"""What a comparison would train, in the terminal; only --time prepares data, and but for it torch is imported
only where averages are asked for and checkpoints are there that must have them.
"""

from __future__ import annotations

from dataclasses import replace

from rich.console import Console
from rich.markup import escape
from rich.tree import Tree

from data import find_dataset, open_dataset
from nanosched.config import Config
from nanosched.counted import counted
from nanosched.limits import MEAN_BYTES, check_fits, parameters
from nanosched.memory import format_bytes
from nanosched.visible import visible
from schedulers import Schedule

from .display import run_name
from .execute import count_workers
from .makespan import PLANS, choose_plan, makespan, trained_anyway
from .plan import Branch, Run, distinct, plan_branches, plan_runs, separate_runs
from .probe import Probe
from .slots import choose_slots
from .step_time import stored_step_s, timed_step_s
from .store import Store, saved_steps

UNKNOWN = "0" * 16  # the fingerprint of data that is not prepared yet
ROW_BYTES = 70  # of curve.csv
CHECKPOINT_BYTES = 12  # of a parameter: its weight and AdamW's two moments, float32


def print_dry_run(
    config: Config,
    schedules: list[tuple[str, Schedule]],
    seeds: list[int],
    store: Store,
    time: bool,
    probe: Probe | None = None,
    plan: str = "cheapest",
    executor: str = "local",
) -> list[Run]:
    """Print the tree of what is to train, steps asked for and to train, the time and the disk it takes.

    Args:
        config: of the comparison.
        schedules: (label, schedule) of its runs.
        seeds: of its runs.
        store: of the comparison; its folder need not be there.
        time: where the store has no such run, prepare the data and take a few steps.
        probe: what is trained beside them; default nothing.
        plan: a name in sweep.makespan.PLANS.
        executor: a name in sweep.executors.EXECUTORS; default this machine.

    Returns:
        all runs asked for, each once, without the probe's.

    Raises:
        ValueError: the runs don't fit this machine's memory.
    """
    dataset = (open_dataset if time else find_dataset)(config.dataset, config.tokenizer)
    if dataset:
        check_fits(config, dataset.vocab_size, val_tokens=len(dataset.val))
    slots = choose_slots(config, dataset.vocab_size if dataset else 0) if executor == "local" else 0
    config = replace(config, replicas="stacked" if slots else "separate")
    fingerprint = dataset.fingerprint if dataset else UNKNOWN
    planned = plan_runs(config, schedules, seeds, fingerprint)
    beside = probe.runs(config, fingerprint) if probe else []
    runs = distinct([*planned, *beside])
    missing = [run for run in runs if not store.get(run.id)]
    branches = plan_branches(missing, config, saved_steps(store, missing, config, fingerprint))
    for run in runs:
        if finished := store.get(run.id):
            print(f"{run_name(run)}: {'completed' if finished.record.complete else 'diverged'}")
    again = [run_name(run) for run in runs if store.lacks_averages(run.id)]
    if again:
        print(f"trained again for {'its' if len(again) == 1 else 'their'} averages: {'; '.join(again)}")
    print_trees(branches)
    print_cost(len(planned), len(beside), branches, config)
    if branches:
        print_plans(branches, count_workers(len(branches), config, slots, executor), plan)
    step_s = stored_step_s(config, store)
    if step_s is None and time:
        step_s = timed_step_s(config, dataset.vocab_size)
    print(f"time: {format_time(step_s, branches, config)}")
    print(f"disk: {format_disk(branches, config, dataset)}")
    print(f"data: {dataset.name if dataset else f'{config.dataset}, not prepared yet'}\nout: {store.out}")
    return distinct(planned)


def print_cost(n_planned: int, n_beside: int, branches: list[Branch], config: Config):
    n_runs, probe = len(branches), f" and {n_beside} of the probe" * bool(n_beside)
    steps_asked = sum(branch.run.schedule.steps for branch in branches)
    steps = sum(branch.steps for branch in branches)
    print(
        f"\n{counted(n_planned, 'run')} asked for{probe}, {n_runs} to train on {config.device}: "
        f"{steps_asked:,} steps of {config.tokens_per_step:,} tokens"
    )
    if n_runs:
        cost = separate_runs(steps, steps_asked, n_runs)
        print(
            f"to train: {steps:,} steps, {1 - steps / steps_asked:.1%} less: "
            f"{counted(n_runs, 'run')} at the cost of {cost:.1f} separate runs"
        )


def print_plans(branches: list[Branch], workers: int, chosen: str):
    """What each plan takes on the workers at hand; one line, where they are the same."""
    plans = {name: choose_plan(name, branches, workers) for name in PLANS}
    if plans["fastest"] == plans["cheapest"]:
        return print(f"plan: {format_plan(branches, workers)}; no other is faster")
    for name, plan in plans.items():
        print(f"plan {name}{', chosen' * (name == chosen)}: {format_plan(plan, workers)}")


def format_plan(branches: list[Branch], workers: int) -> str:
    steps, least = sum(branch.steps for branch in branches), trained_anyway(branches)
    unless = f", {least:,} if nothing triggers a reaction" if least < steps else ""
    ends = f"with {workers} at a time the last run ends after {makespan(branches, workers):,}"
    return f"{steps:,} steps trained{unless}; {ends}"


def print_trees(branches: list[Branch]):
    """A tree for each root; seeds that look alike are printed once."""
    console = Console(highlight=False, width=max(Console().width, 100))
    by_seed, alike = {}, {}
    for branch in branches:
        by_seed.setdefault(branch.run.seed, []).append(branch)
    for seed, group in by_seed.items():
        look = tuple((format_run(b), b.start, b.parent and b.parent.label) for b in group)
        alike.setdefault(look, []).append(seed)
    for seeds in alike.values():
        group = by_seed[seeds[0]]
        print(f"seed {seeds[0]}" if len(seeds) == 1 else f"each of seeds {', '.join(map(str, seeds))}")
        children = {}
        for branch in group:
            children.setdefault(branch.parent and branch.parent.id, []).append(branch)
        for root in children[None]:
            tree = Tree(format_branch(root))
            grow(tree, root, children)
            console.print(tree)


def grow(tree: Tree, branch: Branch, children: dict):
    for child in sorted(children.get(branch.run.id, []), key=lambda child: child.start):
        grow(tree.add(format_branch(child)), child, children)


def format_run(branch: Branch) -> str:
    schedule = branch.run.schedule
    return visible(f"{branch.run.label} @ {schedule.peak_lr:g}, {counted(schedule.steps, 'step')}")


def format_branch(branch: Branch) -> str:
    start = ""
    if branch.start:
        start = (
            f"branches off at step {branch.start:,}, "
            if branch.parent
            else f"goes on from its checkpoint at step {branch.start:,}, "
        )
    return escape(f"{format_run(branch)}: {start}trains {branch.steps:,}")


def format_time(step_s: float | None, branches: list[Branch], config: Config) -> str:
    if step_s is None:
        return "not known before a run has ended here; --time takes a few steps"
    validations = sum(1 + branch.steps // config.eval_interval for branch in branches)
    forward_s = step_s / 3 / config.gradient_accumulation_steps  # a third of a step
    seconds = step_s * sum(branch.steps for branch in branches)
    seconds += validations * config.eval_batches * forward_s
    if seconds < 120:
        return f"about {seconds:.0f} s" if seconds >= 1 else "less than a second"
    return f"about {seconds / 60:.0f} min" if seconds < 7200 else f"about {seconds / 3600:.1f} h"


def format_disk(branches: list[Branch], config: Config, dataset) -> str:
    """What the store takes at most, on the way and at the end."""
    n_branch_points = sum(len(branch.branch_points) for branch in branches)
    n_checkpoints = n_branch_points + len(
        {branch.run.seed for branch in branches}
    )  # and one or so on the way
    curves = format_bytes(ROW_BYTES * sum(branch.run.schedule.steps for branch in branches))
    checkpoints = counted(n_checkpoints, "checkpoint")
    if dataset:
        per_parameter = CHECKPOINT_BYTES + MEAN_BYTES * len(config.averages)
        size = format_bytes(n_checkpoints * per_parameter * parameters(config, dataset.vocab_size))
        checkpoints = f"{size} of checkpoints"
    return f"up to {curves} of curves, and {checkpoints} while it trains"
