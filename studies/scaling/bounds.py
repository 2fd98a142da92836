"""What no number of workers, and no plan, can fall below; in steps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sweep.makespan import makespan, timetable
from sweep.plan import Branch


def critical_path(branches: list[Branch]) -> int:
    """The makespan with a worker for each branch."""
    return makespan(branches, max(1, len(branches)))


def area_bound(branches: list[Branch], workers: int) -> int:
    """Steps that each worker takes if none is ever idle."""
    return -(-sum(branch.steps for branch in branches) // workers)


def any_plan_bound(branches: list[Branch], workers: int) -> int:
    """What every plan takes at least, also one that trains shared steps twice or in another order.

    The n-th step of a run ends after n steps' time at the earliest, so all steps from the n-th on, each
    counted once however many runs share it, are left to do after n steps' time. n = 0 is the area bound.

    Args:
        branches: of the cheapest plan, in which every shared step is trained once; a reactive run needs not
            wait for its untriggered run.
        workers: how many train at a time, at least 1.
    """
    earliest = timetable([replace(branch, untriggered=None) for branch in branches], max(1, len(branches)))
    starts = np.array([earliest[branch.run.id] for branch in branches])
    ends = starts + [branch.steps for branch in branches]
    at_once = np.cumsum(np.bincount(starts, minlength=ends.max() + 1) - np.bincount(ends))
    left = np.cumsum(at_once[::-1])[::-1]  # steps from this one on
    return int(max(np.arange(len(left)) + -(-left // workers)))
