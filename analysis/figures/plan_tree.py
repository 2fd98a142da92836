"""The plan of a sweep as a tree that can be drawn: its rows, their labels, and what it says in words."""

from __future__ import annotations

from dataclasses import replace

from analysis.comparison import Setting, labels_of
from analysis.figures.colours import name_of
from analysis.text import counted
from sweep.plan import Branch, separate_runs

MAX_ROWS = 40  # more can't be read on one page


def walk(branches: list[Branch]) -> list[Branch]:
    """Each branch above its own branches, the last branch point first, so that no line down crosses a bar."""
    branches, children = with_constant_trunks(branches), {}
    for branch in sorted(branches, key=lambda branch: -branch.start):
        children.setdefault(branch.parent and branch.parent.id, []).append(branch)

    rows, waiting = [], [branch for branch in branches if not branch.parent][::-1]
    while waiting:
        rows.append(waiting.pop())
        waiting += reversed(children.get(rows[-1].run.id, []))
    return rows


def with_constant_trunks(branches: list[Branch]) -> list[Branch]:
    """The same tree with the steps that a constant schedule shares with others in its own bar.

    A run that was asked for before constant may train the steps that they share. Whose bar they are in
    changes neither a run nor their number, and constant is what others branch off from.
    """
    tree = {branch.run.id: branch for branch in branches}
    trunks = {run_id: run_id for run_id, branch in tree.items() if not branch.parent} | first_constants(tree)
    for trunk in trunks.values():
        while parent := tree[trunk].parent:
            exchange(tree, trunk, parent.id)
    return [tree[run_id] for run_id in dict.fromkeys([*trunks.values(), *tree])]


def first_constants(tree: dict[str, Branch]) -> dict[str, str]:
    """Root -> the first constant run of its tree, of the trees that have one."""
    constants = [branch for branch in tree.values() if name_of(branch.run.label) == "constant"]
    return {root_of(tree, branch): branch.run.id for branch in reversed(constants)}


def root_of(tree: dict[str, Branch], branch: Branch) -> str:
    while branch.parent:
        branch = tree[branch.parent.id]
    return branch.run.id


def exchange(tree: dict[str, Branch], child: str, parent: str):
    """Give `child` the steps that it shares with its parent, and what branches off from these."""
    trunk, branch = tree[child], tree[parent]
    for run_id, other in tree.items():
        if other.parent and other.parent.id == parent and other.start <= trunk.start:
            tree[run_id] = replace(other, parent=trunk.run)
    tree[child] = replace(trunk, start=branch.start, parent=branch.parent)
    tree[parent] = replace(branch, start=trunk.start, parent=trunk.run)


def starts(branches: list[Branch]) -> dict[str, int]:
    return {branch.run.id: branch.start for branch in branches}


def branch_labels(branches: list[Branch]) -> list[str]:
    """The schedules as the user spelled them, with peak lr and steps where these are several."""
    settings = [Setting.of(branch.run) for branch in branches]
    labels = labels_of(settings)
    return [labels[setting] for setting in settings]


def trained_words(branch: Branch) -> str:
    return f"{branch.steps:,} of {branch.run.schedule.steps:,}"


def plan_title(branches: list[Branch]) -> str:
    """What sharing steps saves."""
    runs = counted(len(branches), "run")
    steps = sum(branch.run.schedule.steps for branch in branches)
    trained = sum(branch.steps for branch in branches)
    if trained == steps:
        return f"Nothing is shared: all {counted(steps, 'step')} of {runs} are trained"
    cost = f"{separate_runs(trained, steps, len(branches)):.1f} separate runs"
    return f"{runs} at the cost of {cost}: {trained:,} of {steps:,} steps to train"


def plan_caption(branches: list[Branch], left_out: int) -> str:
    seeds = len({branch.run.seed for branch in branches})
    shared = (
        "Dotted: the steps before, the same as in the run that it branches off from; "
        "it starts from that run's checkpoint at the dot, the branch point. "
    )
    reactive = (
        "A schedule that reacts to the loss is counted as if it did; if it never does, it isn't trained. "
    )
    trunks = "Steps that constant shares are drawn as its own, whichever run trains them. "
    return (
        "Bar, and the number after it: the steps that are trained for this run. "
        + trunks * (starts(with_constant_trunks(branches)) != starts(branches))
        + shared * any(branch.parent for branch in branches)
        + reactive * any(branch.untriggered for branch in branches)
        + drawn_words(branches) * (seeds > 1)
        + f"Left out: {counted(left_out, 'more run')}{' of each seed' * (seeds > 1)}. " * (left_out > 0)
        + "Colour: the schedule's family."
    )


def drawn_words(branches: list[Branch]) -> str:
    """Which seed is drawn, and whether the others have the same runs."""
    settings = {}
    for branch in branches:
        settings.setdefault(branch.run.seed, set()).add(Setting.of(branch.run))
    first, *others = settings.values()
    if all(other == first for other in others):
        return f"Drawn: one seed; each of {len(settings)} seeds alike. "
    return f"Drawn: seed {branches[0].run.seed} of {len(settings)}; others have some of its runs. "
