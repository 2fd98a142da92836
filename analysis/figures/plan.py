"""plan.png: which steps are trained for each run, and which it shares with another."""

from __future__ import annotations

from pathlib import Path

from analysis.comparison import Comparison, Setting
from analysis.figures.colours import colour_of
from analysis.figures.page import DARK, TEXT, chars, draw_page, fold
from analysis.figures.plan_tree import (
    MAX_ROWS,
    branch_labels,
    plan_caption,
    plan_title,
    trained_words,
    walk,
)
from analysis.figures.rows import row_page
from analysis.figures.titles import planned_words, setup_words
from sweep.plan import Branch

LABELS = 3.0  # inches a label may take before it is folded
BAR = 0.1  # inches
SHARED = "#9a9a9a"  # light enough beside a bar, dark enough for a thin line in print


def draw_plan(branches: list[Branch], out: Path) -> Path:
    """Draw out/figures/plan.png, a row for each run of the first seed, and return its path.

    Args:
        branches: the whole plan, whose seeds all have the same tree.
        out: the comparison's folder.
    """
    return draw_page(Path(out) / "figures" / "plan.png", branches_page, branches)


def plan_page(comparison: Comparison):
    trained = comparison.result_with_curve()
    return branches_page(comparison.branches, setup_words(comparison) if trained else "")


def branches_page(branches: list[Branch], setup: str = ""):
    """A bar for what is trained for a run, and a line to it from its branch point on another.

    Args:
        branches: the whole plan.
        setup: what was trained; default what the plan knows of it.
    """
    setup = setup or planned_words(Setting.of(branch.run) for branch in branches)
    tree = walk([branch for branch in branches if branch.run.seed == branches[0].run.seed])
    shown = tree[:MAX_ROWS]
    fig, ax, ys = row_page(
        [beside_or_below(branch, label) for branch, label in zip(shown, branch_labels(tree))],
        [trained_words(branch) for branch in shown],
        plan_title(branches),
        f"{plan_caption(branches, len(tree) - len(shown))} {setup}",
        [branch.run.label for branch in shown],
        "step",
    )
    ax.tick_params(axis="y", pad=6)  # a dot at step 0 has its place
    ax.set_xlim(0, max(branch.run.schedule.steps for branch in shown))
    ax.locator_params(axis="x", integer=True)
    ax.xaxis.set_major_formatter("{x:,.0f}")
    draw_bars(ax, shown, ys)
    draw_branch_points(ax, shown, ys)
    at = dict(textcoords="offset points", va="center_baseline", color=DARK)
    for branch, y in zip(shown, ys):
        ax.annotate(trained_words(branch), (branch.run.schedule.steps, y), (6, 0), **at)
    return fig


def beside_or_below(branch: Branch, label: str) -> str:
    """All on one line if it fits: folded together, "1,000 steps" could break."""
    width = chars(LABELS, TEXT)
    if len(label) <= width:
        return label
    setting = label.removeprefix(branch.run.label).lstrip(" ,")
    return f"{fold(branch.run.label, width)}\n{setting}".rstrip()


def draw_bars(ax, branches: list[Branch], ys):
    """Thick and in colour what is trained, thin and grey what is shared."""
    starts = [branch.start for branch in branches]
    colours = [colour_of(branch.run.label) for branch in branches]
    ax.hlines(ys, 0, starts, color=SHARED, lw=0.5, ls=(0, (1, 3)), zorder=1)
    ax.barh(ys, [branch.steps for branch in branches], BAR, starts, color=colours, zorder=2)


def draw_branch_points(ax, branches: list[Branch], ys):
    """A dot where a run branches off, and a line down to the lowest of those that do so there."""
    rows = {branch.run.id: y for branch, y in zip(branches, ys)}
    points = {(b.start, rows[b.parent.id]): y for b, y in zip(branches, ys) if b.parent}
    for (x, top), bottom in points.items():
        ax.vlines(x, top, bottom, color=SHARED, lw=0.9, zorder=1)
        ax.plot(x, top, "o", ms=4.2, color="white", mec="black", mew=0.8, clip_on=False, zorder=3)
