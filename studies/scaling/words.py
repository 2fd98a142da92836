"""What the simulation found, in words."""

from __future__ import annotations

from studies.scaling.simulate import Row

MOST = 256  # workers, in the title
AS_MUCH = 0.01  # by which the part of the time that is saved may fall below that of the steps


def finding(rows: list[Row]) -> str:
    """The answer, as title of page and figure."""
    sweeps = list(dict.fromkeys(row.sweep for row in rows))
    steps = [steps_saved(rows, sweep) for sweep in sweeps]
    time = [time_saved(rows, sweep, MOST) for sweep in sweeps]
    ahead = [time_saved(rows, sweep, MOST, than="cheapest") for sweep in sweeps]
    workers = min(saves_as_much(rows, sweep) for sweep in sweeps)
    return (
        f"1,000 runs: sharing saves {span(steps)} of the steps, and of the time as much up to {workers} "
        f"workers; with {MOST} it is {span(time)} by the fastest plan, {span(ahead)} ahead of the cheapest"
    )


def steps_saved(rows: list[Row], sweep: str) -> float:
    """The part of the steps asked for that is not trained."""
    trained = {row.plan: row.steps_trained for row in rows if row.sweep == sweep}
    return 1 - trained["fastest"] / trained["separate"]


def time_saved(rows: list[Row], sweep: str, workers: int, than: str = "separate") -> float:
    """The part of another plan's makespan that the fastest is shorter by."""
    other, fastest = (row_of(rows, sweep, plan, workers) for plan in (than, "fastest"))
    return 1 - fastest.makespan / other.makespan


def saves_as_much(rows: list[Row], sweep: str) -> int:
    """The most workers with whom as much of the time is saved as of the steps."""
    least = steps_saved(rows, sweep) - AS_MUCH
    workers = {row.workers for row in rows if row.sweep == sweep}
    return max(n for n in workers if time_saved(rows, sweep, n) >= least)


def row_of(rows: list[Row], sweep: str, plan: str, workers: int) -> Row:
    (row,) = (row for row in rows if (row.sweep, row.plan, row.workers) == (sweep, plan, workers))
    return row


def ends_scaling(rows: list[Row], sweep: str, plan: str, part: float = 0.9) -> int:
    """The most workers that train for this part of their time."""
    return max(row.workers for row in rows if (row.sweep, row.plan) == (sweep, plan) and row.busy >= part)


def span(parts: list[float]) -> str:
    """As "24 to 66%"."""
    return f"{100 * min(parts):.0f} to {max(parts):.0%}"
