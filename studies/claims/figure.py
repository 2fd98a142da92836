"""A figure for each claim: what was measured on the left, the number that decides on the right."""

from __future__ import annotations

import textwrap
from pathlib import Path

import numpy as np

from analysis.figures.colours import colour_of
from analysis.figures.page import DARK, GREY, WIDTH, draw_page, new_page
from analysis.text import format_lr
from studies.claims import words
from studies.claims.claim import Choice, PeakSlope, Ranks
from studies.claims.grid import grids_of
from studies.claims.judge import Answer, Judged
from studies.claims.orders import at_an_end, rank_values
from studies.claims.peaks import complete, mean_losses, seeds_of_all
from studies.claims.runs import Runs

HEIGHT, LEFT, GAP, SIDE = 2.6, 0.75, 2.75, 2.9  # inches: of the body, around the panels
MARKERS, DASHES = "osD^vP*X<>", ["-", "--", ":", "-."]
LABEL = 26  # letters of a row's name to a line
HOLLOW = {PeakSlope: "Left: hollow where the lowest mean is at an end of the grid. ", Ranks: ""}


def draw_claim(out: Path, runs: Runs, judged: Judged) -> Path:
    return draw_page(out / f"claim_{judged.claim.number}.png", claim_page, runs, judged)


def claim_page(runs: Runs, judged: Judged):
    primary = judged.primary
    regime, seeds = words.regime(primary.question.statistic), primary.estimate.n
    caption = f"{regime}; {seeds} seeds. {legend(judged)}"
    fig, _, below = new_page(HEIGHT + 0.7, words.finding(judged.claim.number, judged.primary), caption)
    total = fig.get_figheight()
    left, right = (
        fig.add_axes((x / WIDTH, (below + 0.45) / total, width / WIDTH, HEIGHT / total))
        for x, width in ((LEFT, SIDE), (LEFT + SIDE + GAP, WIDTH - LEFT - SIDE - GAP - 0.2))
    )
    draw_measured(left, runs, measured(judged))
    draw_answers(right, judged)
    return fig


def legend(judged: Judged) -> str:
    left = HOLLOW.get(type(measured(judged)), "Left: hollow where a peak has fewer seeds. ")
    return (
        f"{left}Right: the number with its interval ({words.level(judged.primary)} for the first, which "
        "decides; 95% for others); dots are seeds, the hollow diamond is the published size, and where all "
        "of the interval is in the grey the claim holds."
    )


# -- left: what was measured


def measured(judged: Judged):
    """What the primary number is made of; where a schedule was chosen elsewhere, the ranks at both places."""
    primary, *others = (a.question.statistic for a in (judged.primary, *judged.beside))
    ranks = (statistic for statistic in others if isinstance(statistic, Ranks))
    return next(ranks, primary) if any(c.chosen_in for c in primary.choices) else primary


def draw_measured(ax, runs: Runs, statistic):
    if isinstance(statistic, PeakSlope):
        draw_best_peaks(ax, runs, statistic)
    elif isinstance(statistic, Ranks):
        draw_ranks(ax, runs, statistic)
    else:
        draw_basins(ax, runs, statistic.choices)


def draw_basins(ax, runs: Runs, choices: tuple[Choice, ...]):
    """Mean loss by peak lr; of several averages or schedules the lowest mean at each peak."""
    ends, seeds = [], seeds_of_all(runs, choices)
    for i, choice in enumerate(choices):
        x, y, fewer = basin(runs, choice, seeds)
        look = style(choice.schedules[0], i)
        ax.plot(x, y, **look)
        ax.plot(x[fewer], y[fewer], **look | dict(ls="none", mfc="white", zorder=5))
        ends.append((y[-1], words.short(choice), colour_of(choice.schedules[0])))
    log_axis(ax.xaxis, sorted({peak for choice in choices for peak in choice.peaks}))
    ax.set(xlabel="peak lr", ylabel="mean final validation loss (nats per token)")
    name_ends(ax, ends)


def basin(runs: Runs, choice: Choice, seeds: list[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Peak lrs, the lowest mean at each, and whether it has fewer than these seeds; none diverged."""
    means = mean_losses(runs, choice, seeds)
    peaks = sorted({cell.peak_lr for cell, mean in means.items() if np.isfinite(mean)})
    best = [min((cell for cell in means if cell.peak_lr == peak), key=means.get) for peak in peaks]
    full = complete(runs, best, seeds)
    return np.array(peaks), np.array([means[c] for c in best]), np.array([c not in full for c in best])


def draw_best_peaks(ax, runs: Runs, statistic: PeakSlope):
    """Best peak lr against 2^x, a line for each group, with 95% intervals."""
    grids, ends = grids_of(runs, statistic.choices), []
    for i, group in enumerate(dict.fromkeys(group for *_, group in statistic.points)):
        points = [(choice, x) for choice, x, name in statistic.points if name == group]
        best = [2.0 ** grids[choice.regime].best_peak(choice) for choice, _ in points]
        low, high = np.quantile([b[1:] for b in best], [0.025, 0.975], axis=1)
        y = np.array([b[0] for b in best])
        look = style(points[0][0].schedules[0], i)
        x = np.array([2.0**x for _, x in points]) * (1 + 0.012 * i)
        ax.errorbar(x, y, yerr=np.maximum([y - low, high - y], 0), elinewidth=0.7, **look)
        ends_of_grid = [at_an_end(grids, choice) for choice, _ in points]
        ax.plot(x[ends_of_grid], y[ends_of_grid], **look | dict(ls="none", mfc="white", zorder=5))
        ends.append((y[-1], words.short(points[0][0]), look["color"]))
    log_axis(ax.xaxis, apart(sorted({2.0**x for _, x, _ in statistic.points})), "{:.3g}".format)
    log_axis(ax.yaxis, sorted({peak for choice in statistic.choices for peak in choice.peaks}))
    ax.set(xlabel=x_name(statistic), ylabel="best peak lr")
    if len(ends) > 1:
        name_ends(ax, ends)


def apart(ticks: list[float]) -> list[float]:
    """Without those less than a quarter above the last, whose labels would touch."""
    kept = ticks[:1]
    for tick in ticks[1:]:
        if tick > 1.25 * kept[-1]:
            kept.append(tick)
    return kept


def x_name(statistic: PeakSlope) -> str:
    horizons = len({choice.regime for choice in statistic.choices}) > 1
    return "tokens per parameter" if horizons else "cooldown (part of the run)"


def draw_ranks(ax, runs: Runs, statistic: Ranks):
    losses, others = (values[0] for values in rank_values(runs, statistic))
    for i, (choice, x, y) in enumerate(zip(statistic.choices_, others, losses)):
        ax.plot(x, y, **style(choice.schedules[0], i) | dict(ls="none"), label=words.short(choice))
    against = "loss at the shorter horizon" if statistic.others else "lowest convex bound (no unit of loss)"
    ax.set(xlabel=against, ylabel="loss at the best peak lr (nats per token)")
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)


def style(schedule: str, i: int) -> dict:
    """Colour by schedule, as everywhere; marker and dashes tell those of one colour apart."""
    marker, dashes = MARKERS[i % len(MARKERS)], DASHES[i % len(DASHES)]
    return dict(color=colour_of(schedule), marker=marker, ls=dashes, ms=4.5, lw=1.1)


def name_ends(ax, ends: list[tuple[float, str, str]]):
    """Names behind the lines' ends, in the lines' order, apart enough to be read."""
    low, high = ax.get_ylim()
    logarithmic = ax.get_yscale() == "log"
    place = (
        (lambda y: np.log(y / low) / np.log(high / low))
        if logarithmic
        else (lambda y: (y - low) / (high - low))
    )
    ends = sorted(ends)
    at = np.array([place(y) for y, *_ in ends])
    for _ in range(200):  # push neighbours apart until none overlap
        close = np.flatnonzero(np.diff(at) < 0.075 - 1e-6)
        for i in close:
            middle = (at[i] + at[i + 1]) / 2
            at[i : i + 2] = middle - 0.0375, middle + 0.0375
    at += max(0.0, 0.01 - at[0]) - max(0.0, at[-1] - 0.99)
    for y, (_, name, colour) in zip(at, ends):
        ax.text(1.03, y, name, color=colour, size=7, va="center", transform=ax.transAxes)


def log_axis(axis, ticks: list[float], form=format_lr):
    axis.axes.set(**{f"{axis.axis_name}scale": "log"})
    axis.set_major_locator(fixed(ticks))
    axis.set_minor_locator(fixed([]))
    axis.set_major_formatter(lambda value, _: form(value))


def fixed(ticks: list[float]):
    from matplotlib.ticker import FixedLocator

    return FixedLocator(ticks)


# -- right: what decides


def draw_answers(ax, judged: Judged):
    """The primary number first, and those beside it in the same unit."""
    unit = judged.primary.question.statistic.unit
    answers = [judged.primary, *(a for a in judged.beside if a.question.statistic.unit == unit)]
    for i, answer in enumerate(answers):
        draw_answer(ax, answer, -i, DARK if i == 0 else "#777777")
    low, high = ax.get_xlim()
    for i, answer in enumerate(answers):
        ends = np.clip(answer.question.holds, low, high)
        ax.fill_betweenx([-i - 0.4, -i + 0.4], *ends, color=GREY, alpha=0.3, lw=0, zorder=0)
    ax.axvline(0, color=DARK, lw=0.6)
    ax.set(xlim=(low, high), ylim=(-len(answers) + 0.4, 0.6), xlabel=unit)
    ax.locator_params(axis="x", nbins=5)
    ax.set_yticks(range(0, -len(answers), -1), [folded(answer.question.text) for answer in answers])
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)


def folded(text: str) -> str:
    return "\n".join(textwrap.wrap(text, LABEL))


def draw_answer(ax, answer: Answer, y: float, colour: str):
    ax.plot(answer.interval, [y, y], color=colour, lw=1.4)
    ax.plot(answer.estimate.value, y, "o", color=colour, ms=6)
    seeds = list(answer.estimate.by_seed.values())
    ax.plot(seeds, [y - 0.18] * len(seeds), "o", color=colour, ms=2.5, alpha=0.7)
    published = answer.question.published
    ax.plot([0] if published is None else [0, published], [y] * (1 if published is None else 2), alpha=0)
    if published is not None:
        ax.plot(published, y + 0.2, "D", ms=6, mfc="white", mec="#D55E00", mew=1.2)
