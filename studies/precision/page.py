"""README.md of results/precision: the numbers that its template needs."""

from __future__ import annotations

from pathlib import Path

from studies.page import write_page
from studies.precision.data import BASE, CONTROL, QUESTION, Change, Effect, Outcome, Regime
from studies.precision.words import finding

OUTCOMES = {Outcome.CHANGED: "changed", Outcome.SAME: "the same", Outcome.UNTOLD: "cannot be told"}


def write_readme(out: Path, regimes: list[Regime]) -> Path:
    return write_page(
        out,
        Path(__file__).with_name("page.md.j2"),
        regimes=regimes,
        low=regimes[0],
        high=regimes[-1],
        finding=finding(regimes),
        base=BASE,
        question=QUESTION,
        control=CONTROL,
        effect_row=effect_row,
        largest=largest,
    )


def effect_row(effect: Effect) -> list[str]:
    """An arm's cells in the table of arms."""
    losses, gaps = list(effect.losses.values()), list(effect.gaps.values())
    return [
        effect.arm.name,
        f"{OUTCOMES[effect.on_losses]} ({significant(losses)})",
        span(losses),
        f"{OUTCOMES[effect.on_answer]} ({significant(gaps)})",
        span(gaps),
        f"{effect.rank_correlation:+.2f}",
        f"{len(effect.other_verdicts)} of {len(gaps)}",
        f"{effect.run_spread:.4f}",
    ]


def significant(changes: list[Change]) -> str:
    return f"{sum(change.significant for change in changes)} of {len(changes)} significant"


def span(changes: list[Change]) -> str:
    """From the lowest end of their intervals to the highest."""
    ends = [end for change in changes for end in (change.difference.low, change.difference.high)]
    return f"{min(ends):+.4f} to {max(ends):+.4f}"


def largest(changes: dict) -> float:
    """The largest change on the average of the seeds, without its sign."""
    return max(abs(change.difference.mean) for change in changes.values())
