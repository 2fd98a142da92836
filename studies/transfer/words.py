"""What the study found, in words that follow from the numbers by the protocol's rules."""

from __future__ import annotations

from studies.transfer.agreement import Number
from studies.transfer.compared import Compared

ORDERED = 0.5  # the rank correlation's interval lies above it: the small model predicts the order


def finding(one: Compared) -> str:
    """One sentence on one regime."""
    found, r = one.without_constant, one.regime
    rank = found.rank_correlation
    verb = "orders" if predicts_order(one) else "does not surely order"
    size = (
        "with differences of the same size"
        if predicts_size(one)
        else f"with differences {found.slope.value:.2f} times as large at 124M"
    )
    return (
        f"A model of {r.model} at {r.tokens_per_parameter:g} tokens per parameter {verb} schedules as 124M "
        f"does (rank correlation {in_words(rank)}), {size} (slope {in_words(found.slope)})"
    )


def predicts_order(one: Compared) -> bool:
    return one.without_constant.rank_correlation.low > ORDERED


def predicts_size(one: Compared) -> bool:
    slope = one.without_constant.slope
    return 0 < slope.low <= 1 <= slope.high


def regime_finding(compared: list[Compared]) -> str:
    """Which of the regimes predict the order."""
    tokens = sorted({one.regime.tokens_per_parameter for one in compared})
    ordered = sorted({one.regime.tokens_per_parameter for one in compared if predicts_order(one)})
    if not ordered:
        return "In no regime is the order of 124M's schedules surely predicted"
    if ordered == tokens:
        return f"The order of 124M's schedules is predicted at all of {listed(tokens)} tokens per parameter"
    return (
        f"The order of 124M's schedules is predicted at {listed(ordered)} tokens per parameter, of "
        f"{listed(tokens)}"
    )


def in_words(number: Number) -> str:
    return f"{number.value:.2f}, {number.low:.2f} to {number.high:.2f}"


def listed(numbers: list[float]) -> str:
    texts = [f"{number:g}" for number in numbers]
    return " and ".join([", ".join(texts[:-1]), texts[-1]]) if len(texts) > 1 else texts[0]
