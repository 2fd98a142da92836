"""README.md of results/precision: the numbers that its template needs."""

from __future__ import annotations

from pathlib import Path

from studies.page import write_page
from studies.precision.data import BASE, CONTROL, QUESTION, Change, Effect, Regime
from studies.precision.words import ANSWERS, finding, reach


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
        answers=ANSWERS,
        effect_row=effect_row,
        significant=significant,
        largest=largest,
        reach=reach,
    )


def effect_row(effect: Effect) -> list[str]:
    """An arm's cells in the table of arms."""
    losses, gaps = effect.losses, effect.gaps
    return [
        effect.arm.name,
        f"{ANSWERS[effect.on_losses]}: {significant(losses)} of {len(losses)}, {reach(losses):.2g}",
        f"{ANSWERS[effect.on_answer]}: {significant(gaps)} of {len(gaps)}, {reach(gaps):.2g}",
        f"{effect.rank_correlation:+.2f}",
        f"{len(effect.other_verdicts)} of {len(gaps)}",
        f"{effect.run_spread:.2g}",
    ]


def significant(changes: dict[object, Change]) -> int:
    return sum(change.significant for change in changes.values())


def largest(changes: dict[object, Change]) -> float:
    """The largest change on the average of the seeds, without its sign."""
    return max(abs(change.difference.mean) for change in changes.values())
