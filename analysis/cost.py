"""What a sweep cost, and what it would have cost to train every run alone."""

from __future__ import annotations

from pathlib import Path

from sweep.plan import price
from sweep.store import load_run


def sweep_cost(out: Path, rows: list[dict]) -> dict:
    """Of the runs that ended, failed ones left out: steps and seconds, all together.

    Returns:
        dict: runs; steps, what they would take one by one, and steps_trained, what they took; wall_s and marginal_s, the
        seconds of these steps; price, the number of whole runs that cost as much.
    """
    rows = [row for row in rows if row["status"] != "failed"]
    runs = [load_run(out, row["run_id"]) for row in rows]
    once = {run["run_id"]: run["steps_taken"] - run["trained_from"] for run in runs}
    steps, steps_trained = sum(run["steps_taken"] for run in runs), sum(once.values())
    return dict(
        runs=len(runs),
        steps=steps,
        steps_trained=steps_trained,
        wall_s=round(float(sum(row["wall_s"] for row in rows)), 3),
        marginal_s=round(float(sum(row["marginal_s"] for row in rows)), 3),
        price=round(price(steps_trained, steps, len(runs)), 3),
    )


def spell_cost(cost: dict, rows: list[dict]) -> str:
    """ "20 schedules for the price of 14.2"; runs where a schedule has several."""
    schedules = len({row["scheduler"] for row in rows})
    noun = "schedules" if schedules == cost["runs"] else "runs"
    return f"{cost['runs']} {noun} for the price of {cost['price']:.1f}: {cost['steps_trained']:,} of {cost['steps']:,} steps were trained"
