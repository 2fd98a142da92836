"""The report's section on the plan: which steps each run trains, and from whose checkpoint it starts."""

from __future__ import annotations

from analysis.comparison import Comparison
from analysis.figures.plan_tree import MAX_ROWS, branch_labels, plan_caption, plan_title, trained_words, walk
from analysis.report.blocks import Block, Folded, Plot, Table
from analysis.report.row_ticks import with_ticks
from sweep.plan import Branch

CAPTION = "The runs of one seed, each under the one it branches off from"
HEADINGS = ["run", "starts", "first step", "end", "steps trained"]


def plan(comparison: Comparison) -> list[Block]:
    """The prefix tree of one seed."""
    branches = comparison.branches
    if not branches:
        return []
    tree = walk([branch for branch in branches if branch.run.seed == branches[0].run.seed])
    labels, places = branch_labels(tree), {branch.run.id: i for i, branch in enumerate(tree)}
    starts = [start_words(branch, labels, places) for branch in tree]
    rows = [plan_row(*row, places) for row in zip(tree, labels, starts)][:MAX_ROWS]
    caption = plan_caption(list(branches), len(tree) - len(rows))
    plot = Plot("plan", plan_title(list(branches)) + ".", caption, dict(rows=with_ticks(rows)))
    return [plot, Folded("The plan as a table", plan_table(tree, labels, starts))]


def start_words(branch: Branch, labels: list[str], places: dict[str, int]) -> str:
    if not branch.parent:
        return "fresh weights"
    return f"from {labels[places[branch.parent.id]]}, after {branch.start:,} steps"


def plan_row(branch: Branch, label: str, start: str, places: dict[str, int]) -> dict:
    return dict(
        schedule=branch.run.label,
        label=label,
        start=branch.start,
        end=branch.run.schedule.steps,
        parent=places[branch.parent.id] if branch.parent else None,
        trained=trained_words(branch),
        words=f"trains {trained_words(branch)} steps, {start}",
    )


def plan_table(tree: list[Branch], labels: list[str], starts: list[str]) -> Table:
    rows = [
        [label, start, f"{branch.start:,}", f"{branch.run.schedule.steps:,}", f"{branch.steps:,}"]
        for branch, label, start in zip(tree, labels, starts)
    ]
    return Table(CAPTION, HEADINGS, rows)
