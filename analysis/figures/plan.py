"""The plan of a sweep: which steps are trained for each run, and which it shares with another."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from analysis.figures.colours import colour_of
from analysis.figures.draw import save
from analysis.figures.page import (
    DARK,
    STYLE,
    TEXT,
    WIDTH,
    chars,
    counted,
    fold,
    height_of,
    new_page,
    spell_lr,
    width_of,
)
from sweep.plan import Branch, price

LABELS = 3.0  # inches a label may take before it is folded
BAR = 0.1  # inches
SHARED = "#9a9a9a"  # light enough beside a bar, dark enough for a thin line in print
MOST_ROWS = 40  # more can't be read on one page


def draw_plan(out: Path, branches: list[Branch]) -> Path:
    """Draw out/figures/plan.png, a row for each run of the first seed, and return its path.

    Args:
        out: the comparison's folder.
        branches: the whole plan, whose seeds all have the same tree.
    """
    from matplotlib import style

    with style.context(STYLE, after_reset=True):  # whatever the user's matplotlibrc says
        return save(plan_page(branches), Path(out) / "figures" / "plan.png")


def plan_page(branches: list[Branch]):
    """The figure: a bar for what is trained for a run, and a line to it from where it parts from another."""
    tree = walk([branch for branch in branches if branch.run.seed == branches[0].run.seed])
    labels, shown = spell_labels(tree)[:MOST_ROWS], tree[:MOST_ROWS]
    fig, ax, ys = row_page(
        labels,
        [own_words(b) for b in shown],
        plan_title(branches),
        plan_caption(branches, len(tree) - len(shown)),
    )
    ax.set_xlim(0, max(branch.run.schedule.steps for branch in shown))
    ax.locator_params(axis="x", integer=True)
    ax.xaxis.set_major_formatter("{x:,.0f}")
    draw_branches(ax, shown, ys)
    return fig


def walk(branches: list[Branch]) -> list[Branch]:
    """Each branch with those that part from it beneath it, the last to part first: so no line down crosses a bar."""
    children = {}
    for branch in sorted(branches, key=lambda branch: -branch.start):
        children.setdefault(branch.parent and branch.parent.id, []).append(branch)

    rows, waiting = [], [branch for branch in branches if not branch.parent][::-1]
    while waiting:
        rows.append(waiting.pop())
        waiting += reversed(children.get(rows[-1].run.id, []))
    return rows


def row_page(labels, cells, title, caption):
    """A page with a row for each label, and room for its cell at the right; returns (figure, axes, ys)."""
    heights = np.array([height_of(label, TEXT) + 0.09 for label in labels])
    body = heights.sum()
    fig, above, below = new_page(body + 0.5, title, caption)
    total = fig.get_figheight()
    left, right = (0.3 + max(map(width_of, words)) for words in (labels, cells))
    ax = fig.add_axes((left / WIDTH, (below + 0.45) / total, 1 - (left + right) / WIDTH, body / total))
    ys = np.cumsum(heights) - heights / 2
    ax.set(ylim=(body, 0), xlabel="step")
    ax.set_yticks(ys, labels, size=TEXT)
    ax.tick_params(axis="y", length=0, pad=6)  # a dot at step 0 has its place
    ax.spines["left"].set_visible(False)
    return fig, ax, ys


def draw_branches(ax, branches, ys):
    """Thick and in colour what is trained, thin and grey what is shared, with a dot where two part."""
    rows = {branch.run.id: y for branch, y in zip(branches, ys)}
    starts = [branch.start for branch in branches]
    ax.hlines(ys, 0, starts, color=SHARED, lw=0.5, ls=(0, (1, 3)), zorder=1)
    ax.barh(
        ys,
        [branch.steps for branch in branches],
        BAR,
        starts,
        color=[colour_of(branch.run.label) for branch in branches],
        zorder=2,
    )
    forks = {
        (b.start, rows[b.parent.id]): y for b, y in zip(branches, ys) if b.parent
    }  # the lowest y of those that part there
    for (x, top), bottom in forks.items():
        ax.vlines(x, top, bottom, color=SHARED, lw=0.9, zorder=1)
        ax.plot(x, top, "o", ms=4.2, color="white", mec="black", mew=0.8, clip_on=False, zorder=3)
    for branch, y in zip(branches, ys):
        ax.annotate(
            own_words(branch),
            (branch.run.schedule.steps, y),
            (6, 0),
            textcoords="offset points",
            va="center_baseline",
            color=DARK,
        )


# -- words


def spell_labels(branches: list[Branch]) -> list[str]:
    """The schedules as the user spelled them, with peak lr and steps where these are several."""
    schedules = [branch.run.schedule for branch in branches]
    several_lrs, several_steps = (
        len({getattr(schedule, name) for schedule in schedules}) > 1 for name in ("peak_lr", "steps")
    )
    settings = [
        f" @ {spell_lr(s.peak_lr)}" * several_lrs + f", {counted(s.steps, 'step')}" * several_steps
        for s in schedules
    ]
    return [beside_or_below(branch.run.label, setting) for branch, setting in zip(branches, settings)]


def beside_or_below(label: str, setting: str) -> str:
    """All on one line if it fits: folded together, "1,000 steps" could break."""
    width = chars(LABELS, TEXT)
    return (
        label + setting
        if len(label + setting) <= width
        else f"{fold(label, width)}\n{setting.lstrip(' ,')}".rstrip()
    )


def own_words(branch: Branch) -> str:
    return f"{branch.steps:,} of {branch.run.schedule.steps:,}"


def plan_title(branches: list[Branch]) -> str:
    runs = counted(len(branches), "run")
    asked, trained = (
        sum(branch.run.schedule.steps for branch in branches),
        sum(branch.steps for branch in branches),
    )
    if trained == asked:
        return f"Nothing is shared: all {counted(asked, 'step')} of {runs} are trained"
    return f"{runs} for the price of {price(trained, asked, len(branches)):.1f}: {trained:,} of {asked:,} steps to train"


def plan_caption(branches: list[Branch], left_out: int) -> str:
    seeds = len({branch.run.seed for branch in branches})
    return (
        "Bar, and the number after it: the steps that are trained for this run. "
        + "Dotted: the steps before, the same as in the run that it hangs from; it starts from that run's state at the dot. "
        * any(b.parent for b in branches)
        + "A schedule that reacts to the loss is counted as if it did; if it never does, it isn't trained. "
        * any(b.calm for b in branches)
        + f"Drawn: one seed; each of {seeds} seeds alike. " * (seeds > 1)
        + f"Left out: {counted(left_out, 'more run')}{' of each seed' * (seeds > 1)}. " * (left_out > 0)
        + "Colour: the schedule's family."
    )
