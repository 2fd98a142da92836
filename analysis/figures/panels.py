"""Small multiples against the step: a panel for each schedule, all on the same axes."""

from __future__ import annotations

import math

import numpy as np

from analysis.figures.dots import fence, loss_words, lost_words
from analysis.figures.page import DARK, GREY, TEXT, WIDTH, chars, fold, height_of, new_page, shorten, spell_lr

LEFT, RIGHT, GAP = 0.7, 0.2, 0.14  # inches
NOTHING = "No run came to its end"
POINTS = 100  # of a grey line: more can't be seen and take their time


def training_loss(groups, run, setup):
    """Every schedule's smoothed training loss in front of all the others'."""
    window = smoothing(run)
    lines = {group.label: smooth(mean(group, "loss"), window) for group in groups if group.complete}
    fig, axes = panels(
        groups,
        run["steps"],
        [loss_words(group) for group in groups],
        loss_title(lines),
        f"Thick: this schedule, mean over its seeds; grey: all others. Each point is the mean of {window} steps. Above each panel: "
        f"final validation loss. The first steps may lie above the axis. {cross_words(groups)}{setup}",
        "training loss (nats a token)",
    )
    low, high = loss_limits(groups, lines)
    grey = [thin(x, y) for x, y in lines.values()]
    for group, ax in zip(groups, axes):
        ax.set(ylim=(low, high))
        draw_behind(ax, grey)
        if group.label in lines:
            ax.plot(*lines[group.label], color=group.colour, lw=1.8)
            mark_above(ax, *lines[group.label], group.colour)
        draw_diverged(ax, group, "loss", window)
    return fig


def lr_schedules(groups, run, setup):
    """The learning rate of every step, as it was used."""
    means = mean_lrs(groups)
    warmup = run["config"]["warmup_steps"]
    fig, axes = panels(
        groups,
        run["steps"],
        [f"mean {spell_lr(means[g.label], 1)}" if g.complete else lost_words(g) for g in groups],
        lr_title(groups),
        "Learning rate of each step as it was used; a line a seed where it reacts to the loss. Above each panel: mean over the run. "
        + (
            f"Dotted: the warmup of {warmup} steps ends; schedules with a rise of their own have none. "
            if warmup
            else ""
        )
        + cross_words(groups)
        + setup,
        "learning rate",
    )
    top = max(curve["lr"].max() for g in groups for curve in g.complete + g.diverged)
    for group, ax in zip(groups, axes):
        ax.set_ylim(0, 1.08 * top)
        ax.yaxis.set_major_formatter(lambda lr, _: spell_lr(lr))
        if warmup:
            ax.axvline(warmup, color=DARK, lw=0.7, ls=":")
        for curve in group.complete:
            ax.plot(curve["lr"], color=group.colour, lw=1.6)
        draw_diverged(ax, group, "lr", 1)
    return fig


def grad_norm(groups, run, setup):
    """The gradient norm before clipping, raw and smoothed, and the threshold it is clipped at."""
    window, clip = smoothing(run), run["config"]["grad_clip"]
    fig, axes = panels(
        groups,
        run["steps"],
        [norm_words(g, clip) for g in groups],
        norm_title(groups),
        f"Norm before clipping: every step of every seed in pale, the mean over seeds and {window} steps in full; the warmup's may lie above the axis. Above each panel: mean after the warmup"
        + (
            f", and the part of all steps above the clipping threshold of {clip:g} (dashed, where it is in range). "
            if clip
            else ". "
        )
        + cross_words(groups)
        + setup,
        "gradient norm",
    )
    low, high = norm_limits(groups, run["config"]["warmup_steps"])
    log = high > low * 10**1.5
    for group, ax in zip(groups, axes):
        ax.set(yscale="log" if log else "linear", ylim=(low / 1.1, high * 1.1) if log else (0, high * 1.04))
        if log:
            ax.yaxis.set_major_formatter(lambda norm, _: f"{norm:g}")
            ax.yaxis.set_minor_formatter(lambda norm, _: "")
        if clip and ax.get_ylim()[0] < clip < ax.get_ylim()[1]:
            ax.axhline(clip, color=DARK, lw=0.7, ls="--")
        for curve in group.complete:
            ax.plot(curve["grad_norm"], color=group.colour, lw=0.5, alpha=0.4)
        if group.complete:
            ax.plot(*smooth(mean(group, "grad_norm"), window), color=group.colour, lw=1.6)
        draw_diverged(ax, group, "grad_norm", 1)
    return fig


# -- the grid


def panels(groups, steps, notes, title, caption, ylabel, xlabel="step"):
    """A page with a panel for each group, each with its label and a note above it; returns (figure, axes)."""
    columns = min(5, math.ceil(math.sqrt(len(groups))), len(groups))
    rows = math.ceil(len(groups) / columns)
    width = (WIDTH - LEFT - RIGHT - GAP * (columns - 1)) / columns
    height = min(2.6, 0.8 * width)
    heads = [f"{fold(group.label, chars(width, TEXT))}\n{note}" for group, note in zip(groups, notes)]
    head = max(height_of(text, TEXT) for text in heads) + 0.16
    fig, above, below = new_page(rows * (head + height) + 0.5, title, caption)

    total = fig.get_figheight()
    grid = fig.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    fig.subplots_adjust(
        left=LEFT / WIDTH,
        right=1 - RIGHT / WIDTH,
        bottom=(below + 0.5) / total,
        top=1 - (above + head) / total,
        wspace=GAP / width,
        hspace=head / height,
    )
    axes = list(grid.flat)
    for ax in axes[len(groups) :]:
        ax.remove()
    for i, (ax, text) in enumerate(zip(axes, heads)):
        ax.set_title(text, loc="left", y=1, pad=4, linespacing=1.2)
        ax.set_xlim(0, steps)
        ax.set_xticks(sorted({0, steps // 2, steps}))
        ax.tick_params(
            length=2, labelbottom=i + columns >= len(groups)
        )  # the lowest of each column, in a ragged last row too
        for label, side in zip(ax.get_xticklabels(), ("left", "center", "right")):
            label.set_ha(side)  # or the neighbours' would touch
    fig.text(0.15 / WIDTH, (below + 0.5 + total - above - head) / 2 / total, ylabel, rotation=90, va="center")
    fig.text((LEFT + (WIDTH - LEFT - RIGHT) / 2) / WIDTH, (below + 0.1) / total, xlabel, ha="center")
    return fig, axes[: len(groups)]


def draw_behind(ax, lines):
    """Grey lines as one artist, which is much faster than one each."""
    from matplotlib.collections import LineCollection

    ax.add_collection(
        LineCollection([np.column_stack(line) for line in lines], colors=GREY, linewidths=0.6), autolim=False
    )


def draw_diverged(ax, group, column, window):
    """Diverged seeds, dashed, with a cross where they end, at the panel's edge if they leave it."""
    for curve in group.diverged:
        values = curve[column]
        x, y = smooth(values[np.isfinite(values)], window)
        ax.plot(x, y, color=group.colour, lw=1.2, ls=(0, (3, 1.5)))
        end = (len(values) - 1, y[-1] if len(y) else ax.get_ylim()[1])
        across, up = ax.transAxes.inverted().transform(ax.transData.transform(end))
        ax.plot(
            across, np.clip(up, 0.07, 0.93), "x", color="black", ms=7, mew=2, transform=ax.transAxes, zorder=5
        )


def mark_above(ax, x, y, colour):
    """An arrow with the last value where a line ends above the panel."""
    top = ax.get_ylim()[1]
    if y[-1] > top:
        ax.plot(x[-1], top, "^", color=colour, ms=6, clip_on=False, zorder=5)
        ax.annotate(
            f"ends at {y[-1]:.2f}",
            (x[-1], top),
            (-7, -2),
            textcoords="offset points",
            ha="right",
            va="top",
            size=7,
        )


# -- numbers


def mean(group, column):
    return np.mean([curve[column] for curve in group.complete], axis=0)


def mean_lrs(groups) -> dict[str, float]:
    """Over all steps, of each group that has a complete run."""
    return {g.label: np.mean([c["lr"] for c in g.complete]) for g in groups if g.complete}


def smoothing(run) -> int:
    return max(1, run["steps"] // 20)


def smooth(values, window):
    """(steps, means of the `window` values up to each)."""
    window = min(window, len(values))
    if not window:
        return np.arange(0), np.zeros(0)
    return np.arange(window - 1, len(values)), np.convolve(values, np.ones(window) / window, "valid")


def thin(x, y, points=POINTS):
    """About so many of the points, the last one among them."""
    every = max(1, len(x) // points)
    return x[(len(x) - 1) % every :: every], y[(len(x) - 1) % every :: every]


def loss_limits(groups, lines):
    """y limits that show the last four fifths of the run, in which schedules part; far ends are left outside."""
    if not lines:
        finite = np.concatenate([c["loss"][np.isfinite(c["loss"])] for g in groups for c in g.diverged])
        return (finite.min() - 0.1, np.percentile(finite, 90) + 0.1) if len(finite) else (0, 1)
    late = [y[len(y) // 5 :] for _, y in lines.values()]
    ends = np.array([y[-1] for y in late])
    low = min(y.min() for y in late)
    high = max(ends[ends <= fence(ends)].max(), np.median([y[0] for y in late]))
    pad = 0.05 * (high - low) or 0.1
    return low - pad, high + pad


def norm_limits(groups, warmup):
    """The range of complete runs' norms after the warmup: the first steps' or a diverging run's would leave them no room."""
    curves = [c for g in groups for c in g.complete] or [c for g in groups for c in g.diverged]
    norms = np.concatenate(
        [c["grad_norm"][warmup:] if len(c["grad_norm"]) > warmup else c["grad_norm"] for c in curves]
    )
    norms = norms[np.isfinite(norms) & (norms > 0)]
    return (norms.min(), norms.max()) if len(norms) else (0.1, 1.0)


# -- words


def cross_words(groups) -> str:
    return "Dashed, with a cross: a seed that diverged. " * any(group.diverged for group in groups)


def norm_words(group, clip) -> str:
    if not group.complete:
        return lost_words(group)
    return f"mean {group.line['grad_norm_mean']:.2f}" + (
        f", {group.line['clip_fraction']:.0%} clipped" if clip else ""
    )


def loss_title(lines) -> str:
    """Who ends lowest in training loss, and where it was halfway."""
    if not lines:
        return NOTHING
    ends = {label: y[-1] for label, (_, y) in lines.items()}
    halves = {label: y[len(y) // 2] for label, (_, y) in lines.items()}
    first, early = min(ends, key=ends.get), min(halves, key=halves.get)
    if len(lines) == 1:
        return f"{shorten(first)} ends at a training loss of {ends[first]:.3f}"
    title = f"{shorten(first)} ends at the lowest training loss, {ends[first]:.3f}"
    if early == first:
        return title + ", and was lowest halfway too"
    place = sorted(halves, key=halves.get).index(first) + 1
    return (
        title
        + f"; halfway {shorten(early)} was lowest, and {shorten(first)} in place {place} of {len(lines)}"
    )


def lr_title(groups) -> str:
    means = mean_lrs(groups)
    parts = {g.label: means[g.label] / g.line["peak_lr"] for g in groups if g.complete}
    return (
        extremes(
            parts,
            "The mean learning rate goes from {} to {} of the peak lr",
            "The mean learning rate is {} of the peak lr",
            "{:.0%}",
        )
        or NOTHING
    )


def norm_title(groups) -> str:
    means = {g.label: g.line["grad_norm_mean"] for g in groups if g.complete}
    return (
        extremes(
            means,
            "After the warmup the mean gradient norm goes from {} to {}",
            "After the warmup the mean gradient norm is {}",
            "{:.2f}",
        )
        or NOTHING
    )


def extremes(values: dict, several: str, one: str, form: str) -> str:
    """ "... from 43% (rex) to 95% (constant)", or nothing where there is no value."""
    if not values:
        return ""
    ends = [
        f"{form.format(values[label])} ({shorten(label)})"
        for label in (min(values, key=values.get), max(values, key=values.get))
    ]
    return several.format(*ends) if len(values) > 1 else one.format(ends[0])
