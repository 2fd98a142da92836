"""Dots in rows, a row for each schedule: where it ended, and what its steps took."""

from __future__ import annotations

import numpy as np

from analysis.figures.page import (
    DARK,
    TEXT,
    WIDTH,
    chars,
    counted,
    fold,
    height_of,
    new_page,
    shorten,
    spell_lr,
    width_of,
)
from analysis.ranking import ONE_SEED

LABELS = 2.6  # inches a label may take before it is folded


def ranking(groups, run, setup):
    """The final validation loss of every seed."""
    seeds = len({row["seed"] for group in groups for row in group.rows})
    fig, ax, rows = dot_page(
        groups,
        [loss_words(group) for group in groups],
        ranking_title(groups, seeds),
        ranking_caption(seeds, setup),
        "final validation loss (nats a token)",
    )
    losses = [seed_losses(group) for group in groups]
    low, high = zoom(np.concatenate([np.zeros(0), *losses]))
    ax.set_xlim(low, high)
    if not any(len(values) for values in losses):
        ax.set_xticks([])
    if groups[0].complete and groups[0].line["steps"] == groups[-1].line["steps"]:
        ax.axvline(groups[0].line["final_val_loss"], color=DARK, lw=0.7, zorder=1)
    for group, values, y in zip(groups, losses, rows):
        inside, beyond = values[values <= high], values[values > high]
        if len(inside) > 1:
            ax.plot([inside.min(), high if len(beyond) else inside.max()], [y, y], color=group.colour, lw=1)
        if len(values) > 1 and values.mean() <= high:
            ax.plot(values.mean(), y, "|", color="black", ms=12, mew=1.6)
        ax.plot(inside, np.full(len(inside), y), "o", color=group.colour, ms=5, mec="white", mew=0.5)
        if len(beyond):
            draw_beyond(ax, group, high, y, ", ".join(f"{v:.3f}" for v in sorted(beyond)))
    return fig


def wall_clock(groups, run, setup):
    """The time of a step: median and 5th to 95th percentile, over all steps of all seeds."""
    ranges = step_times(groups)
    fig, ax, rows = dot_page(
        groups,
        [time_cell(group) for group in groups],
        time_title(ranges),
        f"Dot: median over all steps of all seeds; line: 5th to 95th percentile, with an arrow where it goes on. Right: seconds that a run trained (mean over seeds), validation left out. "
        f"Same order as the ranking. Device: {run['device']}. {setup}",
        "milliseconds a step",
    )
    medians, highs = ([r[i] for r in ranges.values()] for i in (1, 2))
    edge = min(
        1.05 * max(highs), 3 * np.median(medians)
    )  # one run on a busy machine would squeeze all others
    ax.set_xlim(0, edge)
    for group, y in zip(groups, rows):
        if group.label in ranges:
            low, median, high = ranges[group.label]
            ax.plot([low, min(high, edge)], [y, y], color=group.colour, lw=1.4)
            ax.plot(median, y, "o", color=group.colour, ms=5, mec="white", mew=0.5)
            if high > edge:
                draw_beyond(
                    ax,
                    group,
                    edge,
                    y,
                    f"{median:,.0f}, to {high:,.0f}" if median > edge else f"to {high:,.0f}",
                )
    return fig


def dot_page(groups, cells, title, caption, xlabel):
    """A page with a row for each group, its label at the left and its cell at the right; returns (figure, axes, ys)."""
    labels = [fold(group.label, chars(LABELS, TEXT)) for group in groups]
    heights = np.array([height_of(label, TEXT) + 0.09 for label in labels])
    body = heights.sum()
    fig, above, below = new_page(body + 0.5, title, caption)
    total = fig.get_figheight()
    left = 0.3 + max(width_of(label) for label in labels)
    right = 0.3 + max(width_of(cell) for cell in cells)
    ax = fig.add_axes((left / WIDTH, (below + 0.45) / total, 1 - (left + right) / WIDTH, body / total))
    rows = np.cumsum(heights) - heights / 2
    ax.set(ylim=(body, 0), xlabel=xlabel)
    ax.set_yticks(rows, labels, size=TEXT)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.grid(axis="y", color="#e4e4e4", lw=0.6)
    ax.set_axisbelow(True)
    for y, cell in zip(rows, cells):
        ax.annotate(
            cell,
            (1, y),
            (9, 0),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            va="center_baseline",
        )
    return fig, ax, rows


def draw_beyond(ax, group, edge, y, text):
    """An arrow at the right edge, with what lies beyond it in numbers."""
    ax.plot(edge, y, ">", color=group.colour, ms=6, clip_on=False, zorder=5)
    ax.annotate(
        text,
        (edge, y),
        (-7, 0),
        textcoords="offset points",
        ha="right",
        va="center_baseline",
        size=7,
        bbox=dict(fc="white", ec="none", pad=1),
    )


# -- numbers


def step_times(groups) -> dict[str, np.ndarray]:
    """label -> 5th, 50th and 95th percentile of the milliseconds a step, over all steps of all seeds."""
    times = {
        group.label: [1000 * curve["step_s"] for curve in group.complete + group.diverged] for group in groups
    }
    return {label: np.percentile(np.concatenate(own), [5, 50, 95]) for label, own in times.items() if own}


def seed_losses(group) -> np.ndarray:
    return np.array([row["final_val_loss"] for row in group.rows if row["status"] == "complete"], dtype=float)


def fence(losses) -> float:
    """Losses above this would squeeze all others: 5 times as far from the lowest as the median, and 5% above it."""
    low = np.min(losses)
    return low + max(5 * (np.median(losses) - low), 0.05 * low)


def zoom(losses) -> tuple[float, float]:
    """x limits around the losses, far ones left outside."""
    if not len(losses):
        return 0.0, 1.0
    low, high = losses.min(), losses[losses <= fence(losses)].max()
    pad = 0.06 * (high - low) or 0.01 * low
    return low - pad, high + pad


# -- words


def lost_words(group) -> str:
    """What became of the seeds that didn't come through: "× diverged at step 41", or "1 of 3 diverged"."""
    if len(group.diverged) == len(group.rows):
        ends = sorted({len(curve["loss"]) - 1 for curve in group.diverged})
        return (
            f"× diverged at step {ends[0]}"
            if len(ends) == 1
            else f"× diverged at steps {ends[0]} to {ends[-1]}"
        )
    if group.line["failed"] == len(group.rows):
        return "× failed"
    return ", ".join(
        f"{group.line[s]} of {len(group.rows)} {s}" for s in ("diverged", "failed") if group.line[s]
    )


def setup_words(groups, run) -> str:
    """What was trained, so that a figure can stand alone."""
    seeds = sorted({row["seed"] for group in groups for row in group.rows})
    named = f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}"
    peaks = (
        ""
        if len({g.line["peak_lr"] for g in groups}) > 1
        else f", peak lr {spell_lr(groups[0].line['peak_lr'])}"
    )
    *shorter, longest = sorted({g.line["steps"] for g in groups})
    steps = "".join(f"{n:,} and " if n == shorter[-1] else f"{n:,}, " for n in shorter) + counted(
        longest, "step"
    )
    return f"{run['dataset']}, {run['parameters'] / 1e6:.1f}M parameters, {steps}{peaks}, {named}."


def loss_words(group) -> str:
    if not group.complete:
        return lost_words(group)
    return f"{group.line['final_val_loss']:.4f}" + f", {lost_words(group)}" * bool(lost_words(group))


def time_cell(group) -> str:
    seconds = [curve["step_s"].sum() for curve in group.complete]
    return f"{np.mean(seconds):,.1f} s" if seconds else "-"


def ranking_title(groups, seeds) -> str:
    """Who is lowest, and how sure that looks: in how many seeds it is below the next."""
    if len({g.line["steps"] for g in groups}) > 1:
        lowest = [
            f"{shorten(g.line['scheduler'])} at {g.line['steps']:,}"
            for g in groups
            if g.line["rank"] == 1 and g.complete
        ]
        return (
            f"Lowest {'mean ' * (seeds > 1)}validation loss: {', '.join(lowest)} steps"
            if lowest
            else "No run came to its end"
        )
    first = groups[0]
    if not first.complete:
        return "No run came to its end"
    loss = first.line["final_val_loss"]
    ties = [g.label for g in groups[1:] if g.line["final_val_loss"] == loss]
    others = [g for g in groups[1:] if g.complete and g.label not in ties]
    of = " of those that lost no seed" if any(g.complete and lost_words(g) for g in groups[1:]) else ""
    names = " and ".join(map(shorten, [first.label, *ties]))
    if len(groups) == 1:
        return f"{names} ends at a validation loss of {loss:.4f}"
    if seeds == 1 or not others:
        return f"{names} end{'s' * (not ties)} at the lowest validation loss, {loss:.4f}"
    below, pairs = wins(first, others[0])
    return f"{names} {'have' if ties else 'has'} the lowest mean validation loss{of}, {loss:.4f}: below {shorten(others[0].label)}, the next, in {below} of {counted(pairs, 'seed')}"


def wins(group, other) -> tuple[int, int]:
    """(in how many seeds `group` is below `other`, how many seeds both completed)."""
    a, b = (
        {row["seed"]: row["final_val_loss"] for row in g.rows if row["status"] == "complete"}
        for g in (group, other)
    )
    both = a.keys() & b.keys()
    return sum(a[seed] < b[seed] for seed in both), len(both)


def ranking_caption(seeds, setup) -> str:
    if seeds == 1:
        meaning = f"{ONE_SEED} Dot: the run; vertical line: the lowest."
    else:
        meaning = "Dot: a seed; black bar: mean over seeds (numbers at the right); line: from lowest to highest; vertical line: the lowest mean."
    return f"{meaning} The axis is zoomed to the data; an arrow is a run beyond it. Colour: the schedule's family. {setup}"


def time_title(ranges: dict) -> str:
    """That schedules cost the same, or that these runs didn't."""
    medians = {label: median for label, (_, median, _) in ranges.items()}
    slow, fast = max(medians, key=medians.get), min(medians, key=medians.get)
    if len(ranges) == 1:
        return f"A step takes {medians[fast]:.1f} ms"
    span = f"{medians[fast]:.1f} to {medians[slow]:.1f} ms a step ({medians[slow] / medians[fast] - 1:.0%} apart)"
    lows, highs = ({label: r[i] for label, r in ranges.items()} for i in (0, 2))
    late, early = max(lows, key=lows.get), min(highs, key=highs.get)
    if lows[late] <= highs[early]:
        return f"Schedules cost the same to run: medians of {span}, and all ranges overlap, so the differences are machine noise"
    return f"Steps took {span}: the ranges of {shorten(early)} and {shorten(late)} don't overlap, so the machine was busier, or something else differed, in one of them"
