"""precision.png: the losses of both precisions, and what each arm changes of them."""

from __future__ import annotations

from pathlib import Path

from analysis.differences import finite
from analysis.figures.colours import colour_of
from analysis.figures.page import DARK, GREY, WIDTH, draw_page, new_page, width_of
from analysis.text import format_lr
from studies.precision.data import AUTO, BASE, CONTROL, QUESTION, Effect, Regime
from studies.precision.words import finding

ROW, GAP, RIGHT = 0.5, 0.35, 0.3  # inches
HEAD, FOOT = 0.3, 0.5  # inches: legends above the axes, ticks and label below
LOSS_ROWS = {BASE: -0.17, QUESTION: 0.17}  # arm -> where in a schedule's row, in rows
CHANGE_ROWS = {QUESTION: -0.24, CONTROL: 0.0, AUTO: 0.24}
SHAPES = {BASE: "o", QUESTION: "s", CONTROL: "v", AUTO: "D"}


def draw_precision(out: Path, regimes: list[Regime]) -> Path:
    """Draw out/precision.png."""
    return draw_page(out / "precision.png", precision_page, regimes)


def precision_page(regimes: list[Regime]):
    bodies = [HEAD + ROW * len(regime.schedules) + FOOT for regime in regimes]
    fig, above, _ = new_page(sum(bodies), finding(regimes), caption(regimes))
    for i, regime in enumerate(regimes):
        draw_regime(fig, regime, fig.get_figheight() - above - sum(bodies[: i + 1]) + FOOT)
    return fig


def caption(regimes: list[Regime]) -> str:
    seeds, config = len(regimes[0].seeds), regimes[0].config
    margins = " and ".join(f"{regime.margin:g}" for regime in regimes)
    return (
        f"Left: final validation loss, a small mark for each of {seeds} seeds, a large one for their mean. "
        "Right: the arm minus float32, paired by seed, mean and 95% interval; grey bands: the protocol's "
        f"margins, {margins} nats per token either way. nanoGPT's CPU recipe (0.8M parameters) on "
        f"{config['dataset']}, {config['steps']} steps, on a CPU. Colour: the schedule."
    )


def draw_regime(fig, regime: Regime, bottom: float):
    """Losses at the left and changes at the right, from `bottom` inches up."""
    left = 0.3 + max(map(width_of, regime.schedules))
    width, height = (WIDTH - left - GAP - RIGHT) / 2, fig.get_figheight()
    losses, changes = (
        fig.add_axes((x / WIDTH, bottom / height, width / WIDTH, ROW * len(regime.schedules) / height))
        for x in (left, left + width + GAP)
    )
    for ax in (losses, changes):
        ax.set(ylim=(len(regime.schedules) - 0.5, -0.5), yticks=range(len(regime.schedules)))
        ax.tick_params(axis="y", length=0, labelleft=ax is losses)
        ax.spines["left"].set_visible(False)
    losses.set_yticklabels(regime.schedules)
    draw_losses(losses, regime)
    draw_changes(changes, regime)


def draw_losses(ax, regime: Regime):
    for y, schedule in enumerate(regime.schedules):
        for name, offset in LOSS_ROWS.items():
            arm, style = regime.arms[name], style_of(name, schedule)
            seeds = list(finite(arm.losses[schedule]).values())
            ax.plot(seeds, [y + offset] * len(seeds), ls="none", ms=3, alpha=0.6, **style)
            ax.plot(arm.means[schedule], y + offset, ms=7, **style)
    ax.set(xlabel=f"final validation loss at a peak lr of {format_lr(regime.peak_lr)} (nats per token)")
    draw_legend(ax, list(LOSS_ROWS))


def draw_changes(ax, regime: Regime):
    ax.axvspan(-regime.margin, regime.margin, color=GREY, alpha=0.35, lw=0, zorder=0)
    ax.axvline(0, color=DARK, lw=0.6, zorder=1)
    for name, offset in CHANGE_ROWS.items():
        draw_effect(ax, regime.effects[name], offset)
    ax.set(xlabel="change of it against float32 (nats per token)")
    draw_legend(ax, list(CHANGE_ROWS))


def draw_effect(ax, effect: Effect, offset: float):
    for y, (schedule, change) in enumerate(effect.losses.items()):
        d, style = change.difference, style_of(effect.arm.name, schedule)
        ax.plot([d.low, d.high], [y + offset] * 2, color=style["color"], lw=1)
        ax.plot(d.mean, y + offset, ms=5, **style)


def style_of(arm: str, schedule: str) -> dict:
    """Shape by arm, filled for the two precisions of the question; colour by schedule."""
    colour = colour_of(schedule)
    return dict(
        marker=SHAPES[arm], color=colour, mfc=colour if arm in LOSS_ROWS else "white", mew=0.9, zorder=3
    )


def draw_legend(ax, arms: list[str]):
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], ls="none", ms=5, label=arm, **style_of(arm, "constant") | dict(color=DARK))
        for arm in arms
    ]
    ax.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(-0.02, 0.99),
        ncols=len(arms),
        frameon=False,
        handletextpad=0.1,
        columnspacing=1.2,
    )
