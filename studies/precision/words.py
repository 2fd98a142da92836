"""The finding in words, the same in the page and over the figure."""

from __future__ import annotations

from analysis.text import format_lr
from studies.precision.data import QUESTION, Outcome, Regime

ANSWERS = {
    Outcome.CHANGED: "it changes how schedules compare",
    Outcome.SAME: "schedules compare as in float32, within {:g} nats per token",
    Outcome.UNTOLD: "it cannot be told whether schedules compare as in float32",
}


def finding(regimes: list[Regime]) -> str:
    """What bfloat16 does to the answer, in each regime."""
    words = [f"at a peak lr of {format_lr(regime.peak_lr)} {answer(regime)}" for regime in regimes]
    return f"bfloat16 on a CPU: {'; '.join(words)}"


def answer(regime: Regime) -> str:
    return ANSWERS[regime.effects[QUESTION].on_answer].format(regime.margin)
