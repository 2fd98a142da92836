"""How numbers and verdicts are written, the same in the page, the figures and the terminal."""

from __future__ import annotations

import re

from analysis.text import format_lr
from studies.claims.claim import Choice, PeakSlope, Question, Ranks, Statistic, Verdict
from studies.claims.judge import Answer, Judged


def number(value: float, question: Question) -> str:
    """In the question's unit: losses with four decimals, a share in per cent."""
    unit = question.statistic.unit
    if unit == "share":
        return f"{value:.0%}"
    return f"{value:+.4f}" if unit.startswith("nats") else f"{value:+.2f}"


def estimate(answer: Answer) -> str:
    """The number with its interval."""
    value, *ends = (number(x, answer.question) for x in (answer.estimate.value, *answer.interval))
    return f"{value} ({ends[0]} to {ends[1]})"


def published(question: Question) -> str:
    return "" if question.published is None else number(question.published, question)


def level(answer: Answer) -> str:
    return f"{100 * (1 - answer.alpha):.3g}%"


def verdict(answer: Answer) -> str:
    if answer.verdict is not Verdict.UNTOLD:
        return answer.verdict.value
    if isinstance(statistic := answer.question.statistic, Ranks):  # more seeds would not help
        return f"{answer.verdict.value} with {len(statistic.choices_)} schedules"
    needed = answer.seeds_needed
    return (
        f"{answer.verdict.value} with {answer.estimate.n} seeds (about {needed or 'more than 1,000'} would)"
    )


def finding(number_: str, answer: Answer) -> str:
    """The figure's title."""
    return f"Claim {number_} {verdict(answer)}: {answer.question.text} is {estimate(answer)}"


def regime(statistic: Statistic) -> str:
    """Parameters, tokens per parameter, text and peaks of what decides."""
    regimes = list(dict.fromkeys(regime for choice in statistic.choices for regime in choice.regimes))
    sizes = " and ".join(dict.fromkeys(regime.parameters for regime in regimes))
    tokens = ", ".join(f"{n:g}" for n in sorted({regime.tokens_per_parameter for regime in regimes}))
    peaks = sorted({peak for choice in statistic.choices for peak in choice.peaks})
    by_others = not isinstance(statistic, PeakSlope | Ranks) and len(peaks) > 1
    chosen = " (chosen by the other seeds)" if by_others else ""
    return (
        f"{sizes} parameters, {tokens} tokens per parameter, tiny Shakespeare, "
        f"peak lr {', '.join(map(format_lr, peaks))}{chosen}"
    )


def brief(answer: Answer) -> str:
    """The regime in a table's cell."""
    choices = answer.question.statistic.choices
    regimes = [regime for choice in choices for regime in choice.regimes]
    sizes = " and ".join(dict.fromkeys(regime.parameters for regime in regimes))
    tokens = sorted({regime.tokens_per_parameter for regime in regimes})
    peaks = sorted({peak for choice in choices for peak in choice.peaks})
    return (
        f"{sizes}, {', '.join(f'{n:g}' for n in tokens)} tokens per parameter, "
        f"peaks {format_lr(peaks[0])} to {format_lr(peaks[-1])}, {level(answer)}"
    )


def ends(judged: Judged) -> str:
    """The settings whose best peak is an end of the grid; of many how many."""
    if not judged.ends:
        return ""
    count = len(set(judged.primary.question.statistic.choices))
    names = "" if len(judged.ends) > 6 else f": {', '.join(map(short, judged.ends))}"
    return f"{len(judged.ends)} of {count} best peaks are an end of the peaks that were run{names}"


def short(choice: Choice) -> str:
    """A choice's name where there is little room: "wsd 20% sqrt", "linear to 5%"."""
    name = re.sub(r"[a-z_]+=(\d[\d.]*)", lambda found: f"{float(found[1]):.0%}", choice.name)
    name = name.replace(",shape=", " ").replace("wsd:", "wsd ")
    return "cosine to 10%" if name == "cosine" else name.replace(":", " to ").replace(" to 0%", " to zero")
