"""What the end of a branch means for the others, for the display and for the store."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager

from nanosched.config import Config
from nanosched.run_files import RunRecord

from .plan import Branch
from .queue import Queue
from .store import CheckpointPaths, Store


class Bookkeeping:
    """What is still to train, what has failed, and which checkpoints others still start from.

    Args:
        branches: of one plan.
        config: theirs.
        fingerprint: of the data.
        store: where they are trained into.
        display: as sweep.display.Display.
    """

    def __init__(self, branches: list[Branch], config: Config, fingerprint: str, store: Store, display):
        self.queue, self.config, self.fingerprint = Queue(branches), config, fingerprint
        self.store, self.display, self.errors = store, display, {}
        self.start_paths = {
            branch.run.id: CheckpointPaths(store, branch.run, config, fingerprint).at(branch.start)
            for branch in branches
            if branch.start
        }
        means = (mean for branch in branches for mean in config.means(branch.run.schedule.steps))
        self.means = tuple(dict.fromkeys(means))  # of the weights, that any of them keeps
        self.users = Counter(self.start_paths.values())

    def end(self, branch: Branch, record: RunRecord | None, error: str | None):
        """A branch has ended, failed with an error in one line, or (neither of both) was stopped."""
        self.display.end(branch, record, error)
        if error:
            self.errors[branch.run.id] = error
        if record or error:
            self.queue.ended(branch.run.id)
        if record and branch.run.id in self.start_paths:
            path = self.start_paths[branch.run.id]
            self.users[path] -= 1
            if not self.users[path]:
                path.unlink(missing_ok=True)

    def fail_rest(self, error: str):
        """Nothing more can be trained: what is left fails with this error."""
        while branch := self.queue.next():
            self.display.start(branch)
            self.end(branch, None, error)

    @contextmanager
    def failing_alone(self, branch: Branch):
        """What is raised within ends this branch, and no other."""
        try:
            yield
        except Exception as e:
            self.end(branch, None, self.store.keep_error(branch.run.id, e))
