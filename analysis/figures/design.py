"""design.png: the designs of an active design, and what they were predicted to gain against what they did."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from analysis.design_promise import HeldOut, Trust
from analysis.design_rounds import Round, label_of
from analysis.design_words import finding, setup_words
from analysis.figures.colours import colour_of
from analysis.figures.page import DARK, GREY, WIDTH, draw_page, new_page
from analysis.measured import Measured
from analysis.text import counted, format_lr, shorten

SIDE, LEFT, GAP, BELOW, RIGHT = 3.4, 0.75, 0.95, 0.5, 0.15  # inches
DASHES = ("-", "--", ":", "-.")


def draw_design(out: Path, rounds: list[Round], measured: Measured, held_out: list[HeldOut]) -> Path:
    """Draw out/figures/design.png and return its path."""
    return draw_page(out / "figures" / "design.png", design_page, out, rounds, measured, held_out)


def design_page(out: Path, rounds: list[Round], measured: Measured, held_out: list[HeldOut]):
    fig, _, below = new_page(SIDE + BELOW, finding(rounds), design_caption(rounds, held_out))
    height, width = fig.get_figheight(), (WIDTH - LEFT - GAP - RIGHT) / 2
    lefts = (LEFT, LEFT + width + GAP)
    lrs_axes, gains_axes = (
        fig.add_axes((left / WIDTH, (below + BELOW) / height, width / WIDTH, SIDE / height)) for left in lefts
    )
    trained = [each for each in rounds if each.outcome]
    draw_lrs(lrs_axes, out, trained, measured)
    draw_gains(gains_axes, trained, rounds[-1].prediction.trust, held_out)
    return fig


def draw_lrs(ax, out: Path, trained: list[Round], measured: Measured):
    best = trained[-1].prediction.best
    ax.plot(measured.curve(best).lrs, color=colour_of(best), lw=1.2, label=shorten(best))
    for each, dash in zip(trained, DASHES * len(trained)):
        label = label_of(out, each.number)
        lrs = measured.curve(label).lrs
        ax.plot(lrs, dash, color=colour_of(label), lw=1.8, label=f"round {each.number}")
    ax.set(xlabel="step", ylabel="learning rate", xlim=(0, measured.steps), ylim=(0, 1.08 * measured.peak_lr))
    ax.yaxis.set_major_formatter(lambda lr, _: format_lr(lr))
    ax.legend(frameon=False, loc="lower left")


def draw_gains(ax, trained: list[Round], trust: Trust, held_out: list[HeldOut]):
    predicted = [point.predicted_gain for point in held_out]
    ax.plot(predicted, [point.gain for point in held_out], "o", color="none", mec=GREY, ms=5, mew=1.2)
    for each in trained:
        draw_design_gain(ax, each)
    low, high = ax.get_xlim()
    if not math.isnan(trust.slope):
        xs = np.array([low, high])
        ax.fill_between(
            xs,
            trust.slope * xs - trust.residual,
            trust.slope * xs + trust.residual,
            color=GREY,
            alpha=0.3,
            lw=0,
        )
        ax.plot(xs, trust.slope * xs, color=DARK, lw=0.8)
    ax.axhline(0, color=DARK, lw=0.5, ls=":")
    ax.axvline(0, color=DARK, lw=0.5, ls=":")
    ax.set(
        xlim=(low, high), xlabel="predicted gain (nats per token)", ylabel="measured gain (nats per token)"
    )


def draw_design_gain(ax, each: Round):
    outcome, x = each.outcome, each.prediction.predicted_gain
    colour = colour_of(label_of(Path(), each.number))
    if not math.isnan(outcome.gain_low):
        ax.plot([x, x], [outcome.gain_low, outcome.gain_high], color=colour, lw=1.2)
    ax.plot(x, outcome.gain, "D", color=colour, ms=6, mec="white", mew=0.5)
    at = dict(textcoords="offset points", size=7, color=DARK)
    ax.annotate(str(each.number), (x, outcome.gain), (6, 4), **at)


def design_caption(rounds: list[Round], held_out: list[HeldOut]) -> str:
    outcome = next(each.outcome for each in rounds if each.outcome)
    return (
        "Left: the learning rates of the designs, and of the best schedule that is none. Right: what a loss "
        "law predicted that a schedule gains over the best of the others, and what it did. Diamond: a "
        "design, by the number of its round, with the simultaneous 95% interval of the final validation loss "
        f"over {counted(outcome.seeds, 'seed')}; ring: one of {counted(len(held_out), 'schedule')} that a "
        "fit left out; line and band: the part of a predicted gain that came true for these, and what it "
        f"left: no more than this is no promise. {setup_words(rounds[0].prediction)}."
    )
