"""What the seeds say: every pair of a ranking compared once, and each schedule against the best."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from itertools import combinations

import numpy as np

from analysis.differences import (
    ALPHA,
    PairedDifference,
    finite,
    holm,
    incomplete,
    mean_loss,
    paired_difference,
    prob_best,
)
from analysis.power import seeds_needed, smallest_effect

MARGIN = 0.005  # nats per token; what differs by less is as good
MAX_TESTED = 60  # schedules of one ranking: of thousands of pairs Holm's correction leaves nothing

Losses = dict[
    int, float
]  # seed -> final validation loss in nats per token; NaN for a run that did not complete


class Verdict(Enum):
    """What the seeds say of one schedule's loss against another's."""

    BETTER = "better"  # significantly lower
    WORSE = "worse"  # significantly higher
    UNDECIDED = "undecided"  # cannot be told apart with these seeds
    EQUIVALENT = "equivalent"  # apart by less than matters
    UNTESTED = "untested"  # fewer than two seeds in common, no noise to go by, or too many schedules
    IDENTICAL = "identical"  # the same loss in every seed


@dataclass(frozen=True)
class Pair:
    """Two schedules in the order of the ranking; `difference` and `verdict` are the second's against the
    first.
    """

    first: str
    second: str
    difference: PairedDifference
    p_holm: float  # over all pairs of the ranking
    verdict: Verdict
    seeds_needed: int | None  # at the corrected alpha; None is more than MAX_SEEDS, or no noise to go by
    detectable: float  # smallest true difference that these seeds find with power 0.8; NaN without noise

    @property
    def significant(self) -> bool:
        return self.verdict in (Verdict.BETTER, Verdict.WORSE)


@dataclass(frozen=True)
class Standing:
    """A schedule in its ranking, and against the best of it."""

    name: str
    losses: Losses
    prob_best: float  # NaN where nothing is claimed
    pair: Pair | None  # with the best; None for the best itself, and where the ranking is not tested
    to_best: PairedDifference | None  # its own loss minus the best's; None for the best

    @property
    def verdict(self) -> Verdict | None:
        """Against the best; None for the best itself."""
        if self.to_best is None:
            return None
        return self.pair.verdict if self.pair else Verdict.UNTESTED

    @property
    def p_holm(self) -> float:
        return self.pair.p_holm if self.pair else math.nan

    @property
    def incomplete(self) -> int:
        """Seeds that diverged or failed."""
        return incomplete(self.losses)

    @property
    def mean(self) -> float:
        """Mean loss of the seeds that completed, NaN without one."""
        return mean_loss(self.losses)


@dataclass(frozen=True)
class Verdicts:
    """The schedules of one ranking, best first, and every pair of them."""

    standings: tuple[Standing, ...]
    pairs: dict[frozenset[str], Pair]  # in the order of the ranking; empty where nothing is tested

    @property
    def best(self) -> Standing:
        return self.standings[0]

    @property
    def tested(self) -> bool:
        return len(self.standings) <= MAX_TESTED

    def against_best(self) -> list[Pair]:
        return [standing.pair for standing in self.standings if standing.pair]


def judge(losses: dict[str, Losses]) -> Verdicts:
    """Compare every schedule with every other on the seeds they have in common.

    The p-values of all pairs are one family for Holm's correction, since which schedule is best was found out
    from the same losses. The intervals are each pair's own and not simultaneous, so one may leave out 0 where
    the corrected p does not. With more than MAX_TESTED schedules nothing is tested.

    Args:
        losses: name -> seed -> final validation loss; at least one name.
    """
    losses = {name: dict(sorted(row.items())) for name, row in losses.items()}
    order = ranking(losses)
    if len(order) > MAX_TESTED:
        return untested(order, losses)
    pairs, chances = all_pairs(losses, order), prob_best(losses)
    best = order[0]
    standings = [Standing(best, losses[best], chances[best], None, None)]
    for name in order[1:]:
        pair = pairs[frozenset({best, name})]
        standings.append(Standing(name, losses[name], chances[name], pair, pair.difference))
    return Verdicts(tuple(standings), pairs)


def untested(order: list[str], losses: dict[str, Losses]) -> Verdicts:
    lowest = mean_loss(losses[order[0]])
    differences = [PairedDifference(len(losses[name]), mean_loss(losses[name]) - lowest) for name in order]
    differences[0] = None
    standings = (
        Standing(name, losses[name], math.nan, None, difference)
        for name, difference in zip(order, differences)
    )
    return Verdicts(tuple(standings), {})


def ranking(losses: dict[str, Losses]) -> list[str]:
    """The schedules by mean loss, equal ones by name.

    One with incomplete seeds comes after those with fewer of them, one not trained with all seeds after the
    others.
    """

    def key(name):
        loss = mean_loss(losses[name])
        missing = math.isnan(loss)
        return incomplete(losses[name]), -len(losses[name]), missing, 0 if missing else loss, name

    return sorted(losses, key=key)


def all_pairs(losses: dict[str, Losses], order: list[str]) -> dict[frozenset[str], Pair]:
    """Every pair of schedules by the set of the two names, in this order."""
    couples = list(combinations(order, 2))
    differences = [paired_difference(losses[second], losses[first]) for first, second in couples]
    p_holm = holm([difference.p for difference in differences])
    alpha = ALPHA / max(1, np.isfinite(p_holm).sum())  # of Holm's first step, the strictest
    return {
        frozenset(couple): make_pair(*couple, difference, float(p), alpha)
        for couple, difference, p in zip(couples, differences, p_holm)
    }


def make_pair(first: str, second: str, difference: PairedDifference, p_holm: float, alpha: float) -> Pair:
    noisy = difference.sd > 0
    return Pair(
        first,
        second,
        difference,
        p_holm,
        verdict_of(difference, p_holm),
        seeds_needed=seeds_needed(difference.mean, difference.sd, alpha) if noisy else None,
        detectable=difference.sd * smallest_effect(difference.n, alpha) if noisy else math.nan,
    )


def verdict_of(difference: PairedDifference, p_holm: float) -> Verdict:
    if difference.n < 2:
        return Verdict.UNTESTED
    if difference.sd == 0:
        return Verdict.UNTESTED if difference.mean else Verdict.IDENTICAL
    if p_holm < ALPHA:
        return Verdict.WORSE if difference.mean > 0 else Verdict.BETTER
    return Verdict.UNDECIDED


def completed_seeds(losses: Losses) -> int:
    return len(finite(losses))
