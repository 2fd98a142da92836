"""The finding in words, the same in the page and over the figure."""

from __future__ import annotations

from analysis.text import format_lr, listed
from studies.precision.data import QUESTION, Change, Outcome, Regime

ANSWERS = {Outcome.CHANGED: "changed", Outcome.SAME: "the same", Outcome.UNTOLD: "cannot be told"}


def finding(regimes: list[Regime]) -> str:
    """What bfloat16 does to the answer, and how far the intervals reach where it does nothing significant."""
    effects = {f"at a peak lr of {format_lr(regime.peak_lr)}": regime.effects[QUESTION] for regime in regimes}
    changed = [where for where, effect in effects.items() if effect.on_answer is Outcome.CHANGED]
    if changed:
        return f"bfloat16 on a CPU changes how schedules compare {listed(changed)}"
    reached = [f"{reach(effect.gaps):.2g} {where}" for where, effect in effects.items()]
    return (
        "bfloat16 on a CPU changes no gap between two schedules significantly; "
        f"the 95% intervals reach {listed(reached)} (nats per token)"
    )


def reach(changes: dict[object, Change]) -> float:
    """How far the intervals go from 0 at most."""
    ends = [end for change in changes.values() for end in (change.difference.low, change.difference.high)]
    return max(map(abs, ends))
