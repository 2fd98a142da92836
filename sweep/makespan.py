"""How long a plan takes on a number of workers, in steps, and the plan that takes least there.

Every step counts as long as any other, so a plan follows from its runs and the number of workers alone, and
not from what this machine is doing. Nothing else is counted: no validation, checkpoint or start of a process.
"""

from __future__ import annotations

import heapq
from dataclasses import replace
from itertools import count

from .plan import Branch
from .queue import Queue

PLANS = ("cheapest", "fastest")
WORTH = 0.01  # of the makespan: what waits save, if nothing triggers a reaction, is not given up for less


def timetable(branches: list[Branch], workers: int) -> dict[str, int]:
    """When each branch starts, if the queue gives one to each idle worker as the executors do.

    A reactive run counts as if a reaction were triggered: it trains all its steps.

    Args:
        branches: of one plan.
        workers: how many train at a time, at least 1.

    Returns:
        run id -> steps that a worker has had time for before it starts; in the order of the starts.
    """
    queue, starts, events, counter, now = Queue(branches), {}, [], count(), 0
    idle = workers
    while True:
        while idle and (branch := queue.next()):
            idle -= 1
            starts[branch.run.id] = now
            for point in branch.branch_points:
                heapq.heappush(events, (now + point - branch.start, next(counter), branch, point))
            heapq.heappush(events, (now + branch.steps, next(counter), branch, None))
        if not events:
            return starts
        now = events[0][0]
        while events and events[0][0] == now:
            _, _, branch, point = heapq.heappop(events)
            if point is None:
                idle += 1
                queue.ended(branch.run.id)
            else:
                queue.reached(branch.run.id, point)


def makespan(branches: list[Branch], workers: int) -> int:
    """Steps that a worker has time for until the last branch ends; 0 if there is none."""
    starts = timetable(branches, workers)
    return max((starts[branch.run.id] + branch.steps for branch in branches), default=0)


def choose_plan(name: str, branches: list[Branch], workers: int) -> list[Branch]:
    """The plan itself, or the one that takes least time with so many workers; a run's numbers are the same.

    Two things are chosen, by simulation. The order: one seed after another, or the longest of all seeds
    first, which leaves no long branch to the end. And the waits: a reactive run waits for the one that it
    equals if nothing triggers it, which makes the longest path out of two runs; it may as well be trained.

    No shared step is trained twice in either plan: where steps take equally long, the second worker to train
    one could as well be idle until it is there, so that training it ends no run earlier.

    Args:
        name: one of PLANS.
        branches: as sweep.plan.plan_branches returns them, the cheapest.
        workers: how many train at a time, at least 1.

    Returns:
        the branches in the same order; of two plans that take the same time the one that starts the longest
        runs first.
    """
    if name == "cheapest":
        return branches
    kept = in_best_order(branches, workers)
    loose = in_best_order([replace(branch, untriggered=None) for branch in branches], workers)
    worth = makespan(loose, workers) < (1 - WORTH) * makespan(kept, workers)
    return loose if worth else kept


def in_best_order(branches: list[Branch], workers: int) -> list[Branch]:
    longest_first = [replace(branch, turn=0) for branch in branches]
    return min(longest_first, branches, key=lambda plan: makespan(plan, workers))


def trained_anyway(branches: list[Branch]) -> int:
    """Steps that are trained even if nothing triggers a reaction."""
    return sum(branch.steps for branch in branches if branch.untriggered is None)
