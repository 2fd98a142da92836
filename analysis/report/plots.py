"""The report's sections that are plots: curves against the step, the basins of the peak lr, and the plan."""

from __future__ import annotations

import numpy as np

from analysis.figures.draw import Group, one_each
from analysis.figures.page import spell_lr
from analysis.figures.panels import loss_title, lr_title, mean, norm_title, smooth, smoothing, thin
from analysis.figures.plan import MOST_ROWS, own_words, plan_caption, plan_title, spell_labels, walk
from analysis.report.markup import Html, folded, plot, radios, table
from analysis.tables import by_horizon

MOST_LINES = 100  # of a plot's data; of these, as many are drawn at a time as there are schedules
POINTS = 200  # of a line, which may have up to twice as many; fewer where there are very many lines
ALL_POINTS = 10_000  # of all lines of a plot
GREY = "Grey: schedules that are not ticked. "


# -- curves


def in_curves(c) -> list[Group]:
    """The groups whose curves are drawn: all, or of very many each schedule's lowest at each horizon."""
    return c.groups if len(c.groups) <= MOST_LINES else lowest(c)


def lowest(c) -> list[Group]:
    """Each schedule at the peak lr where it is lowest, at each horizon."""
    horizons = by_horizon([group.line for group in c.groups])
    return [
        group for steps in horizons for group in one_each([g for g in c.groups if g.line["steps"] == steps])
    ]


def longest(c) -> list[Group]:
    """Those of the longest horizon, which is the one that is shown first."""
    return [group for group in lowest(c) if group.line["steps"] == max(c.horizons)]


def curves(c) -> Html:
    """Training loss, and the validation loss as a choice."""
    drawn = measured(c)
    if not drawn:
        return Html("")
    lines = {
        group.label: smooth(mean(group, "loss"), window_of(group)) for group in longest(c) if group.complete
    }
    training = [curve(c, group, "loss", window_of(group), band=True) for group in drawn]
    validation = [curve(c, group, "val_loss", 1, band=True) for group in drawn]
    windows = sorted({window_of(group) for group in drawn})
    caption = (
        "Mean over seeds; with at most three schedules ticked, a band from the lowest seed to the highest. Each point of the training loss is the "
        f"mean of {' or '.join(map(str, windows))} steps. The first steps may lie above the axis. {words_for_all(c)}"
    )
    data = dict(
        series=dict(training=training, validation=validation), ytitle="loss (nats a token)", settles=0.2
    )
    return plot(
        "curves",
        loss_title(lines) + ".",
        caption,
        data,
        f'<form class="scripted">{radios("series", "Loss", list(data["series"]))}</form>',
    )


def lrs(c) -> Html:
    drawn = measured(c)
    if not drawn:
        return Html("")
    caption = (
        "Learning rate of each step as it was used, mean over seeds where it reacts to the loss. "
        + words_for_all(c)
    )
    data = dict(
        series=dict(lr=[curve(c, group, "lr", 1) for group in drawn]),
        ytitle="learning rate",
        settles=0,
        zero=True,
    )
    return plot("curves", lr_title(longest(c)) + ".", caption, data)


def norms(c) -> Html:
    drawn = measured(c)
    if not drawn:
        return Html("")
    clip = c.manifest["config"]["grad_clip"]
    clipped = f"; dotted line: what is above {clip:g} is clipped to it" * (clip > 0)
    caption = f"Norm before clipping, mean over seeds and as many steps as the loss{clipped}. The warmup's may lie above the axis. {words_for_all(c)}"
    data = dict(
        series=dict(norm=[curve(c, group, "grad_norm", window_of(group)) for group in drawn]),
        ytitle="gradient norm",
        settles=0.2,
        tops=True,
        level=clip,
    )
    return plot("curves", norm_title(longest(c)) + ".", caption, data)


def measured(c) -> list[Group]:
    return [group for group in in_curves(c) if group.complete or group.diverged]


def window_of(group: Group) -> int:
    return smoothing(group.line)


def words_for_all(c) -> str:
    return (
        GREY
        + "Thin, with a cross where it ends: a seed that diverged. " * any(g.diverged for g in c.groups)
        + "Each schedule at the peak lr where it ended lowest. " * (len(in_curves(c)) < len(c.groups))
    )


def curve(c, group: Group, column: str, window: int, band: bool = False) -> dict:
    """One line of a plot, with the lines of the seeds that diverged."""
    points = max(50, min(POINTS, ALL_POINTS // len(in_curves(c))))
    line = dict(
        schedule=group.line["scheduler"],
        label=group.label,
        steps=group.line["steps"],
        peak=repr(group.line["peak_lr"]),
        best=group in lowest(c),
    )
    if group.complete:
        each = [smoothed(curve[column], window) for curve in group.complete]
        line["y"] = sample(each[0][0], np.mean([y for _, y in each], axis=0), points)
        if band and len(each) > 1:
            line |= {
                name: sample(each[0][0], end([y for _, y in each], axis=0), points)["y"]
                for name, end in (("low", np.min), ("high", np.max))
            }
    line["lost"] = [
        sample(*smoothed(curve[column], window), points) | dict(end=len(curve[column]) - 1)
        for curve in group.diverged
    ]
    return line


def smoothed(values: np.ndarray, window: int) -> tuple[np.ndarray, np.ndarray]:
    """(steps, values) without those that are no numbers."""
    known = np.flatnonzero(np.isfinite(values))
    x, y = smooth(values[known], window)
    return known[x], y


def sample(x: np.ndarray, y: np.ndarray, points: int) -> dict:
    x, y = thin(x, y, points)
    even = len(x) > 1 and len(set(np.diff(x))) == 1
    return dict(y=y) | (dict(start=x[0], every=x[1] - x[0]) if even else dict(x=x))


# -- peak lrs


def basins(c) -> Html:
    """The final loss against the peak lr, where there are several."""
    from analysis.figures.tuned import basin, basin_caption, basin_title

    if len({line["peak_lr"] for line in c.summary}) < 2:
        return Html("")
    rows = c.judged if c.tuned else [best_of(c, group.line) for group in lowest(c)]
    several_steps = len(c.horizons) > 1
    found = [b for b in (basin(row, c.rows, several_steps) for row in rows) if any(b.seeds.values())]
    if not found:
        return Html("")
    lines = []
    for b in found:
        peaks, losses = b.mean
        seeds = [(peak, loss) for peak, values in b.seeds.items() for loss in values]
        lines.append(
            dict(
                schedule=b.row["scheduler"],
                label=b.label,
                steps=b.row["steps"],
                x=peaks,
                y=losses,
                seeds=seeds,
                lost=b.lost,
                best=b.row["best_peak_lr"],
            )
        )
    peaks = sorted({peak for b in found for peak in b.seeds})
    drawn = plot(
        "basins",
        basin_title(found) + ".",
        basin_caption(found),
        dict(lines=lines, peaks=[[p, spell_lr(p, 1)] for p in peaks]),
    )
    head = ["schedule", *(spell_lr(peak) for peak in peaks)]
    cells = [
        [
            c.named(b.row["scheduler"], b.label[len(b.row["scheduler"]) :]),
            *(basin_cell(b, peak) for peak in peaks),
        ]
        for b in found
    ]
    listed = table(
        "Final validation loss at each peak lr, mean over seeds; * is the lowest, - was not tried",
        head,
        cells,
        named=0,
    )
    return Html(drawn + (tuned_plot(found) if c.tuned else "") + listed)


def best_of(c, line: dict) -> dict:
    peaks = [
        other["peak_lr"]
        for other in c.summary
        if (other["scheduler"], other["steps"]) == (line["scheduler"], line["steps"])
    ]
    return line | dict(best_peak_lr=line["peak_lr"], on_edge=line["peak_lr"] in (min(peaks), max(peaks)))


def basin_cell(b, peak: float) -> str:
    if peak not in b.seeds:
        return "-"
    values = b.seeds[peak]
    loss = f"{np.mean(values):.4f}" if values else ""
    return (
        f"{loss} × a seed was lost".strip()
        if peak in b.lost
        else loss + " *" * (peak == b.row["best_peak_lr"])
    )


def tuned_plot(found) -> Html:
    from analysis.figures.tuned import ranking_title

    rows = [
        dict(
            schedule=b.row["scheduler"],
            label=b.label,
            words=tuned_words(b),
            x=b.row["final_val_loss"],
            hollow=b.row["common_final_val_loss"],
            low=None,
            high=None,
        )
        for b in found
    ]
    edge = max(x for row in rows for x in (row["x"], row["hollow"]) if x is not None)
    caption = "Filled: each schedule at its own best peak lr; hollow: at the peak lr that all had in common."
    return plot(
        "dots",
        ranking_title(found) + ".",
        caption,
        dict(rows=rows, edge=edge, zero=False, xtitle="final validation loss (nats a token)"),
    )


def tuned_words(b) -> str:
    common = (
        f"; at the common one {b.row['common_final_val_loss']:.4f}, number {b.row['common_rank']}"
        if b.row["common_rank"]
        else ""
    )
    return (
        f"{b.row['final_val_loss']:.4f} at its own best peak lr of {spell_lr(b.row['best_peak_lr'])}{common}"
    )


# -- the plan


def plan(c) -> Html:
    """The prefix tree of one seed: which steps each run trains, and whose state it starts from."""
    if not c.branches:
        return Html("")
    tree = walk([branch for branch in c.branches if branch.run.seed == c.branches[0].run.seed])
    labels = [label.replace("\n", " ") for label in spell_labels(tree)]
    place = {branch.run.id: i for i, branch in enumerate(tree)}
    starts = [
        f"from {labels[place[b.parent.id]]}, after {b.start:,} steps" if b.parent else "fresh weights"
        for b in tree
    ]
    rows = [
        dict(
            schedule=b.run.label,
            label=label,
            start=b.start,
            end=b.run.schedule.steps,
            parent=place[b.parent.id] if b.parent else None,
        )
        | dict(trained=own_words(b), words=f"trains {own_words(b)} steps, {start}")
        for b, label, start in zip(tree, labels, starts)
    ][:MOST_ROWS]
    drawn = plot(
        "plan", plan_title(c.branches) + ".", plan_caption(c.branches, len(tree) - len(rows)), dict(rows=rows)
    )
    cells = [
        [label, start, f"{b.start:,}", f"{b.run.schedule.steps:,}", f"{b.steps:,}"]
        for b, label, start in zip(tree, labels, starts)
    ]
    listed = table(
        "The runs of one seed, each under the one it starts from",
        ["run", "starts", "first step", "end", "steps trained"],
        cells,
        named=0,
    )
    return Html(drawn + folded("The plan as a table", listed))
