"""Nats as what people feel: how many fewer steps reach the loss that the baseline ends at."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from analysis.comparison import Comparison, Entry, Setting
from analysis.differences import finite, t_test


@dataclass(frozen=True)
class StepsSaved:
    """As a part of the baseline's steps: 0.2 is a fifth fewer; over the seeds that both completed."""

    mean: float
    low: float  # 95% interval, Student's t; NaN where the seeds show none
    high: float


def steps_saved(comparison: Comparison) -> dict[Setting, StepsSaved]:
    """Of each schedule at the longest horizon, where its own horizons reach the baseline's loss there.

    Seed by seed, the steps at which the schedule would end at that loss are interpolated between its
    horizons, linearly in log steps; nothing is extrapolated, so a schedule that ends higher has no entry.
    Without a baseline, several horizons or several seeds it is empty.
    """
    longest = max(comparison.rankings, default=None)
    if comparison.baseline is None or len(comparison.rankings) < 2:
        return {}
    baseline = comparison.rankings[longest].reference.entry
    horizons = {}
    for entry in comparison.entries:
        horizons.setdefault((entry.scheduler, entry.setting.peak_lr), []).append(entry)
    found = {}
    for entries in horizons.values():
        last = max(entries, key=lambda entry: entry.setting.steps)
        if last.setting != baseline.setting and last.setting.steps == longest:
            if saved := saved_over_seeds(entries, baseline):
                found[last.setting] = saved
    return found


def saved_over_seeds(entries: list[Entry], baseline: Entry) -> StepsSaved | None:
    """None unless every seed that completed everywhere, of two or more, reaches the baseline's loss."""
    targets = finite(baseline.losses)
    curves = {entry.setting.steps: finite(entry.losses) for entry in entries}
    seeds = sorted(set(targets).intersection(*curves.values()))
    if len(seeds) < 2:
        return None
    reached = [
        steps_to_reach({steps: losses[seed] for steps, losses in curves.items()}, targets[seed])
        for seed in seeds
    ]
    if None in reached:
        return None
    saved = 1 - np.array(reached) / baseline.setting.steps
    low, high = (math.nan, math.nan) if np.ptp(saved) == 0 else map(float, t_test(saved)[:2])
    return StepsSaved(float(saved.mean()), low, high)


def steps_to_reach(losses: dict[int, float], target: float) -> float | None:
    """The steps at which a schedule ends at `target`: the last crossing; None outside its horizons.

    Args:
        losses: horizon in steps -> final loss.
        target: a loss.
    """
    steps = sorted(losses, reverse=True)
    for later, earlier in zip(steps, steps[1:]):
        if losses[later] <= target <= losses[earlier] and losses[later] < losses[earlier]:
            part = (losses[earlier] - target) / (losses[earlier] - losses[later])
            return math.exp(math.log(earlier) + part * math.log(later / earlier))
    return None


def saved_sentences(comparison: Comparison) -> list[str]:
    """ "wsd reaches cosine's loss at 1,000 steps with 18% fewer steps (12% to 24%)." """
    if not (saved := steps_saved(comparison)):
        return []
    ranking = comparison.rankings[max(comparison.rankings)]
    goal = f"{ranking.reference.standing.name}'s loss at {ranking.steps:,} steps"
    names = {row.entry.setting: row.standing.name for row in ranking.rows}
    return [
        f"{names[setting]} reaches {goal} with {found.mean:.0%} fewer steps{interval(found)}."
        for setting, found in saved.items()
    ]


def interval(saved: StepsSaved) -> str:
    return "" if math.isnan(saved.low) else f" ({saved.low:.0%} to {saved.high:.0%})"
