"""What a comparison cost, and what it would have cost to train every run separately."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from analysis.comparison import Comparison, Result
from analysis.text import counted
from sweep.plan import separate_runs


@dataclass(frozen=True)
class Cost:
    """Of the runs that completed or diverged, all together."""

    runs: int
    steps: int  # what they would take one by one
    steps_trained: int  # what they took
    wall_s: float  # seconds of the former
    marginal_s: float  # seconds of the latter
    separate_runs: float  # the number of whole runs that cost as much


@dataclass(frozen=True)
class TuningCost:
    """Of a comparison whose peak lrs were chosen by some seeds and judged by others."""

    choosing: Cost
    judging: Cost
    left_out: int  # runs of the seeds that choose, at peak lrs that their first one had ruled out


def sweep_cost(comparison: Comparison) -> Cost:
    return cost_of(comparison.results)


def tuning_cost(comparison: Comparison) -> TuningCost | None:
    """None where the same seeds chose and judged."""
    if not (comparison.tuned and comparison.held_out):
        return None
    chose = [result for result in comparison.results if result.seed in comparison.tuning_seeds]
    judged = [result for result in comparison.results if result.seed in comparison.judging_seeds]
    left_out = sum(len(comparison.tuning_seeds) - entry.seeds for entry in comparison.entries)
    return TuningCost(cost_of(chose), cost_of(judged), left_out)


def cost_of(results: Iterable[Result]) -> Cost:
    results = [result for result in results if result.run]
    records = [result.run.record for result in results]
    once = {record.run_id: record.steps_taken - record.trained_from for record in records}
    steps, steps_trained = sum(record.steps_taken for record in records), sum(once.values())
    return Cost(
        runs=len(records),
        steps=steps,
        steps_trained=steps_trained,
        wall_s=round(float(sum(result.metrics.wall_s for result in results)), 3),
        marginal_s=round(float(sum(result.marginal_s for result in results)), 3),
        separate_runs=round(separate_runs(steps_trained, steps, len(records)), 3),
    )


def cost_sentence(cost: Cost, comparison: Comparison) -> str:
    """ "20 schedules at the cost of 14.2 separate runs"; runs where one has several; then the probe."""
    schedules = len({result.setting.scheduler for result in comparison.results})
    noun = "schedules" if schedules == cost.runs else "runs"
    steps = f"{cost.steps_trained:,} of {cost.steps:,} steps were trained"
    probe = cost_of(comparison.probe)
    more = f"; the probe took {counted(probe.runs, 'run')}, {probe.steps_trained:,} steps" * bool(probe.runs)
    return f"{cost.runs} {noun} at the cost of {cost.separate_runs:.1f} separate runs: {steps}{more}"


def tuning_sentence(cost: TuningCost) -> str:
    """ "Choosing the peak lrs took 24 runs (900 of 1,440 steps trained), judging them 10 runs (...)."."""
    choosing, judging = (
        f"{counted(part.runs, 'run')} ({part.steps_trained:,} of {part.steps:,} steps trained)"
        for part in (cost.choosing, cost.judging)
    )
    words = f"Choosing the peak lrs took {choosing}, judging them {judging}."
    fewer = f" Peak lrs far from the best had one seed, which left out {counted(cost.left_out, 'run')}."
    return words + fewer * (cost.left_out > 0)
