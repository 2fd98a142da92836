"""What the rounds of an active design are said to have shown, in the terminal and in the figure."""

from __future__ import annotations

import math
from pathlib import Path

from analysis.design_promise import Trust, not_fitted_on, trust_of
from analysis.design_rounds import Prediction, Round, is_design
from analysis.predictions import ForecastRow
from analysis.terminal import print_table, print_text
from analysis.text import counted, format_interval, format_lr, format_number, shorten
from analysis.text_table import TextTable
from analysis.verdicts import Verdict

NO_PROMISE = "no promise"


def print_rounds(rounds: list[Round], files: list[Path]):
    first = rounds[0].prediction
    print_table(rounds_table(rounds), f"designs of {first.steps:,} steps at a peak lr of {first.peak_lr:g}:")
    print_text("\n".join(["", finding(rounds), *map(round_words, rounds), trust_words(rounds[-1])]))
    print("\n".join(["", *map(str, files)]))


def rounds_table(rounds: list[Round]) -> TextTable:
    headings = ["round", "predicted", "95% interval", "measured", "predicted gain", "promise", "gain", "95%"]
    return TextTable(headings, list(map(cells, rounds)))


def cells(each: Round) -> list[str]:
    prediction, outcome = each.prediction, each.outcome
    known = [
        f"{prediction.predicted:.4f}",
        f"{prediction.low:.4f} to {prediction.high:.4f}",
        format_number(outcome and outcome.measured),
        f"{prediction.predicted_gain:+.4f}",
        promise_words(prediction.promised_gain),
    ]
    gain = ["not trained", ""]
    if outcome:
        gain = [f"{outcome.gain:+.4f}", format_interval(outcome.gain_low, outcome.gain_high)]
    return [str(each.number), *known, *gain]


def promise_words(promised_gain: float) -> str:
    return NO_PROMISE if math.isnan(promised_gain) else f"{promised_gain:.4f}"


def finding(rounds: list[Round]) -> str:
    """What the last trained design is worth."""
    last = [each for each in rounds if each.outcome][-1]
    outcome = last.outcome
    name, over = f"The design of round {last.number}", shorten(outcome.over)
    amount = f"{abs(outcome.gain):.4f} nats per token"
    if outcome.verdict == Verdict.BETTER.value:
        return f"{name} ends below {over} by {amount}, by more than noise"
    if outcome.verdict == Verdict.WORSE.value:
        return f"{name} ends above {over} by {amount}, by more than noise"
    if outcome.verdict == Verdict.EQUIVALENT.value:
        return f"{name} is worse than {over} by no more than the margin"
    if outcome.verdict == Verdict.IDENTICAL.value:
        return f"{name} is the same run as {over}"
    side = "below" if outcome.gain > 0 else "above"
    return (
        f"{name} ends {amount} {side} {over}, which {counted(outcome.seeds, 'seed')} cannot tell from noise"
    )


def round_words(each: Round) -> str:
    """One sentence on what was promised, and why a round was not trained."""
    prediction = each.prediction
    words = f"Round {each.number}: "
    words += gain_words(prediction.trust, prediction.predicted_gain, prediction.best)
    if each.outcome is None and not each.wanted:
        words += " Not trained: it promises nothing beyond the best so far."
    return words


def gain_words(trust: Trust, gain: float, over: str) -> str:
    """What a law predicts that a design gains, and what of it is promised."""
    promised = trust.promise(gain)
    words = f"{NO_PROMISE}: {trust_limit(trust, gain)}"
    if not math.isnan(promised):
        words = f"{promised:.4f} promised"
    return f"a gain of {gain:.4f} over {shorten(over)} predicted, {words}."


def forecast_promises(rows: list[ForecastRow]) -> list[str]:
    """A sentence for each design among the rows of a forecast, by those that the law was not fitted on."""
    others = [row for row in rows if not is_design(row.scheduler) and not math.isnan(row.error)]
    designs = [row for row in rows if is_design(row.scheduler) and not row.left_open]
    if not others:
        return [f"{shorten(row.scheduler)}: {NO_PROMISE}, since nothing was measured." for row in designs]
    best, trust = min(others, key=lambda row: row.measured), trust_of(not_fitted_on(others))
    gains = [(row, best.predicted - row.predicted) for row in designs]
    return [f"{shorten(row.scheduler)}: {gain_words(trust, gain, best.scheduler)}" for row, gain in gains]


def trust_limit(trust: Trust, gain: float) -> str:
    """Why there is no promise."""
    if math.isnan(trust.slope):
        return f"{counted(trust.n, 'schedule')} held out are too few to say what it is worth"
    shrunk = f"{trust.slope:.2f} of it is {trust.slope * gain:.4f}"
    return f"{shrunk}, and the law errs by {trust.residual:.4f}"


def trust_words(last: Round) -> str:
    trust = last.prediction.trust
    if math.isnan(trust.slope):
        return ""
    return (
        f"Of a predicted gain {trust.slope:.2f} counts, and the law errs by {trust.residual:.4f}: as it did "
        f"with {counted(trust.n, 'schedule')}, each left out of a fit in turn."
    )


def setup_words(prediction: Prediction) -> str:
    return f"{counted(prediction.steps, 'step')}, peak lr {format_lr(prediction.peak_lr)}"
