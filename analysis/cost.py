"""What a comparison cost, and what it would have cost to train every run separately."""

from __future__ import annotations

from dataclasses import dataclass

from analysis.comparison import Comparison
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


def sweep_cost(comparison: Comparison) -> Cost:
    results = [result for result in comparison.results if result.run]
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
    """ "20 schedules at the cost of 14.2 separate runs"; runs where a schedule has several."""
    schedules = len({result.setting.scheduler for result in comparison.results})
    noun = "schedules" if schedules == cost.runs else "runs"
    steps = f"{cost.steps_trained:,} of {cost.steps:,} steps were trained"
    return f"{cost.runs} {noun} at the cost of {cost.separate_runs:.1f} separate runs: {steps}"
