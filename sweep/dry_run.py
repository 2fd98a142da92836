"""What a comparison would train, in the terminal: nothing is fetched or prepared, and torch is not imported."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.tree import Tree

from data import find_dataset
from nanosched.config import Config

from .calibrate import choose_slots, seconds_a_run_step
from .display import name_of
from .plan import Branch, Run, distinct, plan_branches, plan_runs, price
from .store import is_complete, saved_steps

UNKNOWN = "0" * 16  # the fingerprint of data that nobody has looked at yet


def print_dry_run(config: Config, schedules, seeds: list[int], out: Path) -> list[Run]:
    """Print the tree of what is to train, steps asked and to train, the time and the disk it takes; returns all runs asked for, each once."""
    dataset = find_dataset(config.dataset, config.tokenizer)
    if dataset and choose_slots(config, dataset.vocab_size, len(schedules) * len(seeds), measure_now=False):
        config = replace(config, replicas="stacked")
    fingerprint = dataset.fingerprint if dataset else UNKNOWN
    asked = plan_runs(config, schedules, seeds, fingerprint)
    runs = distinct(asked)
    todo = [run for run in runs if not is_complete(out, run.id)]
    branches = plan_branches(todo, config, saved_steps(out, todo, config, fingerprint))
    for run in runs:
        if run not in todo:
            print(f"{name_of(run)}: complete")
    print_trees(branches)
    steps_asked, steps = sum(run.schedule.steps for run in todo), sum(branch.steps for branch in branches)
    print(
        f"\n{len(asked)} runs asked for, {len(todo)} to train on {config.device}: {steps_asked:,} steps of {config.tokens_per_step:,} tokens"
    )
    if todo:
        print(
            f"to train: {steps:,} steps, {1 - steps / steps_asked:.1%} less: {len(todo)} runs for the price of {price(steps, steps_asked, len(todo)):.1f}"
        )
    print(f"time: {spell_time(branches, config, dataset)}")
    print(f"disk: {spell_disk(branches, config, dataset)}")
    print(f"data: {dataset.name if dataset else f'{config.dataset}, not prepared yet'}\nout: {out}")
    return runs


def print_trees(branches: list[Branch]):
    """A tree for each root; seeds that look alike are printed once."""
    console = Console(highlight=False, width=max(Console().width, 100))
    by_seed = {}
    for branch in branches:
        by_seed.setdefault(branch.run.seed, []).append(branch)
    alike = {}
    for seed, group in by_seed.items():
        alike.setdefault(
            tuple((spell_run(b), b.start, b.parent and b.parent.label) for b in group), []
        ).append(seed)
    for seeds in alike.values():
        group = by_seed[seeds[0]]
        print(f"seed {seeds[0]}" if len(seeds) == 1 else f"each of seeds {', '.join(map(str, seeds))}")
        children = {}
        for branch in group:
            children.setdefault(branch.parent and branch.parent.id, []).append(branch)
        for root in children[None]:
            tree = Tree(spell_branch(root))
            grow(tree, root, children)
            console.print(tree)


def grow(tree: Tree, branch: Branch, children: dict):
    for child in sorted(children.get(branch.run.id, []), key=lambda child: child.start):
        grow(tree.add(spell_branch(child)), child, children)


def spell_run(branch: Branch) -> str:
    return f"{branch.run.label} @ {branch.run.schedule.peak_lr:g}, {branch.run.schedule.steps:,} steps"


def spell_branch(branch: Branch) -> str:
    start = (
        ""
        if not branch.start
        else f" from step {branch.start:,}"
        if branch.parent
        else f" from its state after {branch.start:,} steps"
    )
    return escape(f"{spell_run(branch)}: trains {branch.steps:,}{start}")


def spell_time(branches: list[Branch], config: Config, dataset) -> str:
    step_s = seconds_a_run_step(config, dataset.vocab_size) if dataset else None
    if step_s is None:
        return "not known before this model was first trained on this machine"
    validations = sum(1 + branch.steps // config.eval_interval for branch in branches)
    validation_s = (
        step_s / 3 * config.eval_batches / config.gradient_accumulation_steps
    )  # forward is a third of a step
    seconds = step_s * sum(branch.steps for branch in branches) + validations * validation_s
    return (
        f"about {seconds:.0f} s"
        if seconds < 120
        else f"about {seconds / 60:.0f} min"
        if seconds < 7200
        else f"about {seconds / 3600:.1f} h"
    )


def spell_disk(branches: list[Branch], config: Config, dataset) -> str:
    """What the store takes at most, on the way and at the end."""
    forks = sum(len(branch.forks) for branch in branches)
    states = forks + len({branch.run.seed for branch in branches})  # and a checkpoint or so
    curves = 70 * sum(branch.run.schedule.steps for branch in branches)  # bytes a row
    if not dataset:
        return f"up to {spell_bytes(curves)} of curves, and {states} states while it trains"
    return f"up to {spell_bytes(curves)} of curves, and {spell_bytes(states * state_bytes(config, dataset.vocab_size))} of states while it trains"


def state_bytes(config: Config, vocab_size: int) -> int:
    """Of weights and AdamW's two moments, float32."""
    width = config.n_embd
    block = 12 * width**2 + 2 * width + config.bias * 11 * width
    return 12 * ((vocab_size + config.block_size) * width + config.n_layer * block + width)


def spell_bytes(n: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if n < 1000:
            break
        n /= 1000
    else:
        unit = "TB"
    return f"{n:.0f} {unit}" if n >= 10 or unit == "B" else f"{n:.1f} {unit}"
