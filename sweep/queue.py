"""Which branch is trained next: one whose first checkpoint is there."""

from __future__ import annotations

import heapq
from itertools import count

from .plan import Branch

END = "end"


class Queue:
    """Branches that can start, in the order of their turns and the longest of a turn first.

    The others wait: a branch for its branch point, a reactive run for the end of its untriggered run.
    """

    def __init__(self, branches: list[Branch]):
        self.ready, self.waiting, self.counter = [], {}, count()
        for branch in branches:
            if branch.untriggered:
                self.waiting.setdefault((branch.untriggered.id, END), []).append(branch)
            elif branch.parent:
                self.waiting.setdefault((branch.parent.id, branch.start), []).append(branch)
            else:
                self.again(branch)

    def next(self) -> Branch | None:
        """Takes out the next one; None if there is none, or none yet."""
        return heapq.heappop(self.ready)[-1] if self.ready else None

    def reached(self, run_id: str, step: int | str):
        """The checkpoint of a run after `step` steps is there."""
        for branch in self.waiting.pop((run_id, step), []):
            self.again(branch)

    def ended(self, run_id: str):
        """A run ended, or failed: what waits for it still starts from the best checkpoint that there is."""
        for parent_id, step in list(self.waiting):
            if parent_id == run_id:
                self.reached(run_id, step)

    def again(self, branch: Branch):
        """Put in one that can start, or put one back that was taken out."""
        heapq.heappush(self.ready, (branch.turn, -branch.steps, next(self.counter), branch))
