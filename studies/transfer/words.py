"""What the study found, in words that follow from the numbers by the protocol's rules."""

from __future__ import annotations

from studies.transfer.agreement import Number
from studies.transfer.compared import Compared

ORDERED = 0.5  # the rank correlation's interval lies above it: the small model predicts the order


def finding(one: Compared) -> str:
    """One sentence on one regime."""
    found, r = one.without_constant, one.regime
    size = (
        "with differences of the same size"
        if predicts_size(one)
        else f"with differences {found.slope.value:.2f} times as large at 124M"
    )
    return (
        f"A model of {r.model} at {r.tokens_per_parameter:g} tokens per parameter {verb(one)} as 124M does "
        f"(rank correlation {in_words(found.rank_correlation)}), {size} (slope {in_words(found.slope)})"
    )


def verb(one: Compared) -> str:
    if predicts_order(one):
        return "orders schedules"
    if one.without_constant.rank_correlation.value > ORDERED:
        return "seems to order schedules (not surely, by the protocol's bar)"
    return "does not order schedules"


def predicts_order(one: Compared) -> bool:
    return one.without_constant.rank_correlation.low > ORDERED


def predicts_size(one: Compared) -> bool:
    slope = one.without_constant.slope
    return 0 < slope.low <= 1 <= slope.high


def regime_finding(compared: list[Compared]) -> str:
    """The rank correlations of the model with the most regimes, the larger one of two."""
    models = {}
    for one in compared:
        models.setdefault((one.regime.parameters, one.regime.text), []).append(one)
    regimes = max(models.values(), key=lambda ones: (len(ones), ones[0].regime.parameters))
    ranks = [
        f"{one.without_constant.rank_correlation.value:.2f} at {one.regime.tokens_per_parameter:g}"
        for one in regimes
    ]
    return (
        f"The regime decides: rank correlation of {regimes[0].regime.model} with 124M is "
        f"{', '.join(ranks[:-1])} and {ranks[-1]} tokens per parameter"
    )


def in_words(number: Number) -> str:
    return f"{number.value:.2f}, {number.low:.2f} to {number.high:.2f}"
