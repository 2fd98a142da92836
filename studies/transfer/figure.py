"""transfer.png: differences of the small models beside those of 124M; regimes.png: the regime it takes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from analysis.figures.colours import colour_of
from analysis.figures.page import DARK, GREY, WIDTH, draw_page, new_page, width_of
from studies.transfer.agreement import Number
from studies.transfer.by_peak_runs import CONSTANT, Losses
from studies.transfer.compared import FACTOR, Compared, at_all_peaks
from studies.transfer.small_runs import Grid, spec_of

SIDE, LEFT, GAP, HEIGHT = 2.45, 0.65, 0.5, 2.6  # inches
SHORT = {"wsd 20% sqrt": "20% sqrt", "cosine to 10%": "cos 10%", "cosine to zero": "cos 0"}


def draw_transfer(out: Path, title: str, compared: list[Compared], grid: Grid, losses: Losses) -> Path:
    """Draw out/transfer.png: up to two regimes at best peaks, and the last one's grid at all peaks."""
    return draw_page(out / "transfer.png", transfer_page, title, compared, grid, losses)


def transfer_page(title: str, compared: list[Compared], grid: Grid, losses: Losses):
    caption = (
        "Difference to cosine to zero (nats per token), 124M runs on SlimPajama (25,000 steps, one seed) "
        "against small models on characters, each setting at its best peak lr; bars: standard error over the "
        f"seeds. Right: the same at all peak lrs, 124M's times {FACTOR}. Dashed: equal. The constant lr, far "
        "above, is left out of the left panels."
    )
    fig, _, below = new_page(HEIGHT + 0.6, title, caption)
    for i, one in enumerate(compared):
        ax = panel(fig, i, below)
        draw_best(ax, one)
        ax.set_ylabel("124M" if i == 0 else "")
    draw_all(panel(fig, len(compared), below), grid, losses, compared[-1])
    return fig


def panel(fig, i: int, below: float):
    total, left = fig.get_figheight(), LEFT + i * (SIDE + GAP)
    return fig.add_axes((left / WIDTH, (below + 0.45) / total, SIDE / WIDTH, HEIGHT / total))


def draw_best(ax, one: Compared):
    settings = [s for s in one.small if s in one.large and s != CONSTANT]
    for setting in settings:
        values = one.small[setting]
        x, y = values.mean(), one.large[setting]
        error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else 0.0
        ax.errorbar(x, y, xerr=error, fmt="o", ms=4, lw=0.8, color=colour_of(spec_of(setting)))
        name = SHORT.get(setting.name, setting.name.removeprefix("wsd ").removesuffix(" linear"))
        below = any(is_just_above(other, setting, one) for other in settings)
        offset, va = ((0, -3), "top") if below else ((0, 3), "bottom")
        at = dict(textcoords="offset points", ha="center", va=va)
        ax.annotate(name, (x, y), offset, **at, size=6.5, color=DARK)
    ax.margins(x=0.12, y=0.08)
    equal_line(ax)
    ax.locator_params(axis="x", nbins=5)
    ax.set_xlabel(regime_name(one))


def is_just_above(other, setting, one: Compared) -> bool:
    """Whether another setting's name would lie on this one's, were both above their points."""
    apart = one.small[other].mean() - one.small[setting].mean()
    return abs(apart) < 0.003 and 0 < one.large[other] - one.large[setting] < 0.001


def regime_name(one: Compared) -> str:
    r = one.regime
    return f"{r.model}, {r.text},\n{r.tokens_per_parameter:g} tokens per parameter, {one.seeds} seeds"


def draw_all(ax, grid: Grid, losses: Losses, one: Compared):
    for setting, small, large in at_all_peaks(grid, losses):
        ax.plot(small, large, ls="none", marker="o", ms=4, color=colour_of(spec_of(setting)))
    equal_line(ax)
    ax.locator_params(axis="x", nbins=5)
    ax.set_xlabel(f"{one.regime.model}, the same,\nall peak lrs")


def equal_line(ax):
    ax.axline((0, 0), slope=1, color=GREY, lw=0.8, ls="--", zorder=0)


def draw_regimes(out: Path, title: str, compared: list[Compared]) -> Path:
    """Draw out/regimes.png: rank correlation and slope of each regime, with their intervals."""
    return draw_page(out / "regimes.png", regimes_page, title, compared)


def regimes_page(title: str, compared: list[Compared]):
    body = 0.28 * len(compared) + 0.5
    caption = (
        "Each setting at its best peak lr, without the constant lr; 95% intervals, seeds and settings "
        "resampled. Grey: a slope of 1, where differences are of the same size as at 124M."
    )
    fig, _, below = new_page(body, title, caption)
    names = [regime_name(one).replace("\n", " ") for one in compared]
    total, left, gap = fig.get_figheight(), 0.3 + max(map(width_of, names)), 0.3
    width = (WIDTH - left - gap - 0.2) / 2
    for i, (name, pick) in enumerate((("rank correlation", rank_of), ("slope, 124M on small", slope_of))):
        ax = fig.add_axes(
            (
                (left + i * (width + gap)) / WIDTH,
                (below + 0.5) / total,
                width / WIDTH,
                0.28 * len(compared) / total,
            )
        )
        for y, one in enumerate(compared):
            number = pick(one)
            ax.plot([number.low, number.high], [y, y], color=DARK, lw=1)
            ax.plot(number.value, y, "o", color=DARK, ms=4)
        ax.axvline(1, color=GREY, lw=0.8, zorder=0)
        ax.set(ylim=(len(compared) - 0.5, -0.5), yticks=range(len(compared)), xlabel=name)
        ax.locator_params(axis="x", nbins=5)
        ax.set_xlim((-1.05, 1.05) if i == 0 else (-0.5, 2.5))
        ax.tick_params(axis="y", length=0, labelleft=i == 0)
        ax.set_yticklabels(names if i == 0 else [])
    return fig


def rank_of(one: Compared) -> Number:
    return one.without_constant.rank_correlation


def slope_of(one: Compared) -> Number:
    return one.without_constant.slope
