"""Which branch is trained next: one whose first checkpoint is there."""

from __future__ import annotations

from .plan import Branch

END = "end"


class Queue:
    """Branches that can start, in the order of their seeds and the longest of a seed first.

    The others wait: a branch for its branch point, a reactive run for the end of its untriggered run.
    """

    def __init__(self, branches: list[Branch]):
        self.seeds = list(dict.fromkeys(branch.run.seed for branch in branches))
        self.ready, self.waiting = [], {}
        for branch in branches:
            if branch.untriggered:
                self.waiting.setdefault((branch.untriggered.id, END), []).append(branch)
            elif branch.parent:
                self.waiting.setdefault((branch.parent.id, branch.start), []).append(branch)
            else:
                self.ready.append(branch)

    def next(self) -> Branch | None:
        """Takes out the next one; None if there is none, or none yet."""
        if not self.ready:
            return None
        branch = min(self.ready, key=lambda branch: (self.seeds.index(branch.run.seed), -branch.steps))
        self.ready.remove(branch)
        return branch

    def reached(self, run_id: str, step: int | str):
        """The checkpoint of a run after `step` steps is there."""
        self.ready += self.waiting.pop((run_id, step), [])

    def ended(self, run_id: str):
        """A run ended, or failed: what waits for it still starts from the best checkpoint that there is."""
        for parent_id, step in list(self.waiting):
            if parent_id == run_id:
                self.reached(run_id, step)

    def again(self, branch: Branch):
        """Put one back that was taken out."""
        self.ready.append(branch)
