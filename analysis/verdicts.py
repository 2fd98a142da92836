"""What the seeds say: each schedule against the best or a baseline by simultaneous intervals, and every pair.

A schedule's verdict is read off its interval, and so are the words, so that they agree by construction.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum
from itertools import combinations

import numpy as np

from analysis.differences import (
    ALPHA,
    PairedDifference,
    finite,
    holm,
    holm_levels,
    incomplete,
    mean_loss,
    paired_difference,
    prob_best,
)
from analysis.noise import Losses, pair_noise
from analysis.power import seeds_needed, seeds_to_decide, smallest_effect
from analysis.simultaneous import Interval, against_baseline, against_best

MARGIN = 0.005  # nats per token; what differs by less is as good
MAX_TESTED = 75  # rows whose pairs are tested, as many as all schedules with two averages each have; of more
# pairs Holm's correction leaves little
MAX_COMPARED = 300  # schedules that are compared at all, which takes seconds


class Verdict(Enum):
    """What the seeds say of one schedule's loss against another's."""

    BETTER = "better"  # significantly lower
    WORSE = "worse"  # significantly higher
    UNDECIDED = "undecided"  # cannot be told apart with these seeds
    EQUIVALENT = "equivalent"  # apart by less than the margin, for sure
    UNTESTED = "untested"  # fewer than two seeds in common, no noise to go by, or too many schedules
    IDENTICAL = "identical"  # the same loss in every seed


@dataclass(frozen=True)
class Pair:
    """Two schedules in the order of the ranking; `difference` and `verdict` are the second's against the
    first.
    """

    first: str
    second: str
    difference: PairedDifference  # with the interval that leaves out zero if and only if Holm rejects
    p_holm: float  # over all pairs of the ranking
    verdict: Verdict
    seeds_needed: int | None  # at the corrected alpha; None is more than MAX_SEEDS, or no noise to go by
    detectable: float  # smallest true difference that these seeds find with power 0.8; NaN without noise

    @property
    def significant(self) -> bool:
        return self.verdict in (Verdict.BETTER, Verdict.WORSE)


@dataclass(frozen=True)
class Standing:
    """A schedule in its ranking, and against the best of the others or the baseline."""

    name: str
    losses: Losses
    prob_best: float  # NaN where nothing is claimed
    interval: Interval | None = None  # None for the baseline, and for the only schedule
    verdict: Verdict | None = None  # read off the interval
    seeds_needed: int | None = None  # of an undecided one; None is more than MAX_SEEDS

    @property
    def difference(self) -> float:
        """Mean loss minus the baseline's or that of the best of the others, paired by seed: 0 for the
        baseline, and for the best where nothing is tested.
        """
        return self.interval.mean if self.interval else 0.0

    @property
    def p_adjusted(self) -> float:
        """For all comparisons of the ranking: below alpha if and only if the interval leaves out zero."""
        return self.interval.p if self.interval else math.nan

    @property
    def significant(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.interval is not None and (self.interval.low > 0 or self.interval.high < 0)

    @property
    def may_be_best(self) -> bool:
        """Where the interval is to the best of the others: whether it reaches down to zero."""
        return self.interval is not None and self.interval.low <= 0

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
    pairs: dict[frozenset[str], Pair]  # in the order of the ranking; none of more than MAX_TESTED schedules
    baseline: str | None = None  # None where all are compared with the best
    margin: float = MARGIN  # nats per token
    alpha: float = ALPHA

    @property
    def best(self) -> Standing:
        return self.standings[0]

    @property
    def method(self) -> str:
        return f"{100 * (1 - self.alpha):.4g}% simultaneous intervals"

    def named(self, name: str) -> Standing:
        return next(standing for standing in self.standings if standing.name == name)

    def having(self, *verdicts: Verdict) -> list[Standing]:
        return [standing for standing in self.standings if standing.verdict in verdicts]


def judge(
    losses: dict[str, Losses],
    baseline: str | None = None,
    margin: float = MARGIN,
    alpha: float = ALPHA,
    shown: dict[str, Interval] | None = None,
) -> Verdicts:
    """Compare every schedule with the baseline, or with the best, and with every other.

    The intervals to the baseline or the best hold all at once, and decide; which schedule is the best was
    found out from the same losses, and they allow for that. All pairs are tested with Holm's correction, a
    larger family.

    Args:
        losses: name -> seed -> final validation loss; at least one name.
        baseline: one of the names, chosen before the losses were seen.
        margin: differences below it don't matter, nats per token.
        alpha: family-wise error of the intervals, and of the pairs.
        shown: intervals found before, look by look; default those of all these losses.
    """
    losses = {name: dict(sorted(row.items())) for name, row in losses.items()}
    order = ranking(losses)
    if len(order) > MAX_COMPARED:
        return Verdicts(tuple(untested(losses, order, baseline)), {}, baseline, margin, alpha)
    losses = {name: losses[name] for name in order}
    chances, needed = prob_best(losses), {}
    against = intervals(losses, baseline, alpha) if shown is None else shown
    verdicts = {name: verdict_of(found, margin, baseline is not None) for name, found in against.items()}
    if Verdict.UNDECIDED in verdicts.values():
        undecided = {name: against[name] for name, found in verdicts.items() if found is Verdict.UNDECIDED}
        needed = seeds_for(undecided, losses, comparisons(against, baseline), margin, baseline, alpha)
    standings = [
        Standing(name, losses[name], chances[name], against.get(name), verdicts.get(name), needed.get(name))
        for name in order
    ]
    pairs = all_pairs(losses, order, alpha) if len(order) <= MAX_TESTED else {}
    return Verdicts(tuple(standings), pairs, baseline, margin, alpha)


def untested(losses: dict[str, Losses], order: list[str], baseline: str | None) -> Iterator[Standing]:
    """The differences of the means, and no more."""
    to = baseline or order[0]
    for name in order:
        difference = mean_loss(losses[name]) - mean_loss(losses[to])
        interval = Interval(len(losses[name]), difference, math.nan, math.nan, math.nan, to=to)
        yield Standing(name, losses[name], math.nan, interval, Verdict.UNTESTED)


def comparisons(against: dict[str, Interval], baseline: str | None) -> int:
    """How many of one method's hold at once."""
    tested = sum(not math.isnan(interval.low) and not interval.identical for interval in against.values())
    return max(1, tested - (baseline is None))


def seeds_for(
    undecided: dict[str, Interval], losses, m: int, margin: float, baseline: str | None, alpha: float
) -> dict[str, int | None]:
    """By the difference to the baseline, or to the lowest of the others that isn't the same run."""
    noise, both_sides, needed = pair_noise(losses), baseline is not None, {}
    for name, interval in undecided.items():
        pairs = [noise[name, other] for other in losses if other != name]
        tested = [pair for pair in pairs if pair.tested] or pairs
        nearest = noise[name, interval.to]
        pair = nearest if nearest.tested else max(tested, key=lambda pair: pair.mean)
        needed[name] = seeds_to_decide(pair, m, margin, both_sides, alpha)
    return needed


def intervals(losses: dict[str, Losses], baseline: str | None, alpha: float) -> dict[str, Interval]:
    """Of all but the baseline, or of all where there are several; `losses` has the best first."""
    if baseline is not None:
        return against_baseline(losses, baseline, alpha)
    if len(losses) == 1:
        return {}
    found, nothing = against_best(losses, alpha), Interval(0, math.nan, math.nan, math.nan, math.nan)
    found = {name: found.get(name, nothing) for name in losses}
    best = next(iter(losses))
    if found[best].n and math.isnan(found[best].low):
        found[best] = replace(found[best], mean=0.0)
    return found


def verdict_of(interval: Interval, margin: float, to_baseline: bool) -> Verdict:
    """What a simultaneous interval says.

    Args:
        interval: of a schedule's loss minus the baseline's, or minus that of the best of the others.
        margin: nats per token.
        to_baseline: which of the two. At most the margin above the best, or else below it, is equivalent.
    """
    if interval.identical:
        return Verdict.IDENTICAL
    if math.isnan(interval.low):
        return Verdict.UNTESTED
    if -margin <= interval.low and interval.high <= margin:
        return Verdict.EQUIVALENT
    if interval.high < 0:
        return Verdict.BETTER
    if interval.high <= margin and not to_baseline:
        return Verdict.EQUIVALENT
    return Verdict.WORSE if interval.low > 0 else Verdict.UNDECIDED


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


def all_pairs(
    losses: dict[str, Losses], order: list[str], alpha: float = ALPHA
) -> dict[frozenset[str], Pair]:
    """Every pair of schedules by the set of the two names, in this order."""
    couples = list(combinations(order, 2))
    differences = [paired_difference(losses[second], losses[first]) for first, second in couples]
    p = [difference.p for difference in differences]
    p_holm, levels = holm(p), holm_levels(p, alpha)
    strictest = alpha / max(1, np.isfinite(p_holm).sum())  # of Holm's first step
    return {
        frozenset(couple): make_pair(*couple, difference.at_level(level), float(p), alpha, strictest)
        for couple, difference, p, level in zip(couples, differences, p_holm, levels)
    }


def make_pair(
    first: str, second: str, difference: PairedDifference, p_holm: float, alpha: float, strictest: float
) -> Pair:
    noisy = difference.sd > 0
    return Pair(
        first,
        second,
        difference,
        p_holm,
        pair_verdict(difference, p_holm, alpha),
        seeds_needed=seeds_needed(difference.mean, difference.sd, strictest) if noisy else None,
        detectable=difference.sd * smallest_effect(difference.n, strictest) if noisy else math.nan,
    )


def pair_verdict(difference: PairedDifference, p: float, alpha: float = ALPHA) -> Verdict:
    """What a paired t-test says, corrected or not."""
    if difference.n < 2:
        return Verdict.UNTESTED
    if difference.sd == 0:
        return Verdict.UNTESTED if difference.mean else Verdict.IDENTICAL
    if p < alpha:
        return Verdict.WORSE if difference.mean > 0 else Verdict.BETTER
    return Verdict.UNDECIDED


def completed_seeds(losses: Losses) -> int:
    return len(finite(losses))
