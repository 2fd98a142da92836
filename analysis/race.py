"""Seeds in looks until every schedule is decided: a pure function of the losses, so that a comparison that
was killed goes on to the same decision.

Only seeds are raced. A run that looks bad half-way is trained to its end: schedules that hold a high learning
rate longer look worse until their decay, and rankings flip there.

References:
    Wen et al. 2025, Fantastic pretraining optimizers and where to find them, arXiv:2509.02046 (rankings that
    flip during decay).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from analysis.differences import ALPHA, finite, incomplete, mean_loss
from analysis.looks import nominal_levels
from analysis.noise import Losses, pair_noise
from analysis.simultaneous import Interval, against_baseline, against_best, critical_value
from analysis.verdicts import Verdict, verdict_of


@dataclass(frozen=True)
class Decision:
    """What was said of a schedule, and when."""

    seeds: int  # of the look
    interval: Interval
    verdict: Verdict


@dataclass(frozen=True)
class Race:
    """How far the looks have come."""

    decisions: dict[str, Decision]  # the last look of each that was in one; undecided ones may have another
    running: tuple[str, ...]  # schedules that the next look is for; none when it is over
    seeds: int  # each of them needs for the next look
    over: bool  # all are decided, or there is no further look


def race(losses: dict[str, Losses], looks: Sequence[int], baseline: str | None, margin: float) -> Race:
    """Go through the looks as far as the losses reach.

    At a look every schedule that is still running is compared by simultaneous intervals at the level that the
    looks leave it. Who is decided gets no more seeds, but for what the others are compared with.

    Args:
        losses: schedule -> seed from 0 -> loss; None, NaN and inf are runs that did not complete, a missing
            seed one that has not ended.
        looks: numbers of seeds, ascending.
        baseline: one of the schedules; None is against the best.
        margin: differences below it don't matter, nats per token.
    """
    decisions, running = {}, tuple(losses)
    seen = {name: {} for name in losses}
    for seeds, level in zip(looks, nominal_levels(looks, len(losses))):
        if any(seed not in losses[name] for name in running for seed in range(seeds)):
            return Race(decisions, running, seeds, over=False)
        seen |= {name: {seed: losses[name][seed] for seed in range(seeds)} for name in running}
        intervals = against_best(seen, level) if baseline is None else against_baseline(seen, baseline, level)
        for name in running:
            if name in intervals:
                verdict = verdict_of(intervals[name], margin, baseline is not None)
                # p too is of all looks: below alpha if it is below this look's level
                p = min(1.0, intervals[name].p * ALPHA / level)
                decisions[name] = Decision(seeds, replace(intervals[name], p=p), verdict)
        reference = baseline or lowest(seen)
        undecided = [name for name in running if name != reference and is_open(decisions.get(name))]
        if not undecided:
            break
        running = tuple(name for name in losses if name in undecided or name == reference)
    return Race(decisions, (), seeds, over=True)


def is_open(decision: Decision | None) -> bool:
    return decision is not None and decision.verdict is Verdict.UNDECIDED


def lowest(losses: dict[str, Losses]) -> str:
    """The schedule with the lowest mean among those whose every seed completed, or among all."""
    return min(
        losses,
        key=lambda name: (not finite(losses[name]), incomplete(losses[name]) > 0, mean_loss(losses[name])),
    )


def expected_runs(
    losses: dict[str, Losses], looks: Sequence[int], baseline: str | None, margin: float
) -> int | None:
    """Runs that a race takes if the differences are those found so far and vary as they did.

    Args:
        losses, looks, baseline, margin: as for `race`.

    Returns:
        the number for all schedules; None where fewer than two seeds of some are known.
    """
    reference, noise, runs = baseline or lowest(losses), pair_noise(losses), 0
    levels = nominal_levels(looks, len(losses))
    longest = looks[0]
    for name in losses:
        if name == reference:
            continue
        pair = noise[name, reference]
        if not (pair.tested or pair.identical):
            return None
        seeds = looks[0] if pair.identical else decided_at(pair, looks, levels, len(losses) - 1, margin)
        runs, longest = runs + seeds, max(longest, seeds)
    return runs + longest


def decided_at(pair, looks: Sequence[int], levels: Sequence[float], m: int, margin: float) -> int:
    """The first look whose interval around the present mean leaves out zero or lies within the margin."""
    for seeds, level in zip(looks, levels):
        df = max(pair.df, seeds - 1.0)
        width = critical_value(m, df, level) * math.sqrt(pair.variance / seeds)
        if abs(pair.mean) > width or abs(pair.mean) + width <= margin:
            return seeds
    return looks[-1]
