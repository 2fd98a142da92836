"""The makespan of each sweep, by plan and number of workers."""

from __future__ import annotations

from dataclasses import dataclass

from studies.scaling.bounds import any_plan_bound, area_bound, critical_path
from studies.scaling.sweeps import SWEEPS, separate_plan, shared_plan
from sweep.makespan import choose_plan, makespan

WORKERS = [2**n for n in range(11)]
COLUMNS = "sweep plan workers steps_trained makespan area_bound critical_path any_plan_bound busy".split()


@dataclass(frozen=True)
class Row:
    """One plan of one sweep with so many workers; all in steps."""

    sweep: str
    plan: str  # separate, cheapest or fastest
    workers: int
    steps_trained: int
    makespan: int
    area_bound: int
    critical_path: int
    any_plan_bound: int  # the same for all three

    @property
    def busy(self) -> float:
        """The part of the workers' time in which they train."""
        return round(self.steps_trained / (self.workers * self.makespan), 4)

    def as_dict(self) -> dict:
        return vars(self) | {"busy": self.busy}


def simulate() -> list[Row]:
    rows = []
    for sweep, specs in SWEEPS.items():
        shared = shared_plan(specs)
        for workers in WORKERS:
            plans = {
                "separate": separate_plan(shared),
                "cheapest": shared,
                "fastest": choose_plan("fastest", shared, workers),
            }
            least = any_plan_bound(shared, workers)
            rows += [make_row(sweep, name, branches, workers, least) for name, branches in plans.items()]
    return rows


def make_row(sweep: str, plan: str, branches, workers: int, least: int) -> Row:
    return Row(
        sweep=sweep,
        plan=plan,
        workers=workers,
        steps_trained=sum(branch.steps for branch in branches),
        makespan=makespan(branches, workers),
        area_bound=area_bound(branches, workers),
        critical_path=critical_path(branches),
        any_plan_bound=least,
    )
