"""Train the branches of a plan on other machines: each is a task of Ray's or SLURM's."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Protocol

from nanosched.config import Config
from nanosched.errors import first_line

from .bookkeeping import Bookkeeping
from .plan import Branch
from .session import Session, wait_until
from .store import CheckpointPaths
from .task import Ending, Task

POLL_S = 0.2  # seconds between two looks at the tasks' files
POLL_EACH_S = 0.01  # and for each task: shared storage answers some hundred questions a second
DIED = "its process died twice at the same checkpoint: out of memory, or killed"


class Died(Exception):
    """A task's process is dead and left no ending; the message is what is known of it, perhaps nothing."""


class Cluster(Protocol):
    """Where tasks run: sweep.ray_cluster.RayCluster or sweep.slurm_cluster.SlurmCluster."""

    def submit(self, tasks: list[Task]) -> list:
        """A job for each, that can be a key of a dict."""

    def ended(self, jobs: list, wait_s: float) -> list:
        """Those of the jobs that ended; waits at most so long for one."""

    def ending(self, job) -> Ending:
        """Of a job that ended; Died if it has none, another exception if its task could not start."""

    def cancel(self, job):
        """Take a job that has not started, or not again, out of the cluster's queue."""


def train_on_cluster(
    cluster: Cluster,
    session: Session,
    config: Config,
    dataset,
    schedule_files: list[str],
    books: Bookkeeping,
    should_stop: Callable[[], bool],
):
    """Train what is in the queue; a branch whose process dies goes on elsewhere, from its last checkpoint.

    It fails if its process dies again before the next checkpoint. What a task tells comes in files: its
    losses in the session's, and a branch point by the checkpoint's being there.
    """
    sweep = ClusterSweep(cluster, config, dataset, schedule_files, books, session)
    while True:
        if should_stop():
            sweep.stop()
        else:
            sweep.submit()
        if not sweep.away:
            break
        for job in cluster.ended(list(sweep.away), sweep.poll_s):
            sweep.end(job)
        sweep.listen()


class ClusterSweep:
    """Which branches are away, and what was heard of them."""

    def __init__(self, cluster, config, dataset, schedule_files, books: Bookkeeping, session: Session):
        self.cluster, self.config, self.books, self.session = cluster, config, books, session
        self.dataset, self.schedule_files = dataset, schedule_files
        self.away, self.shown = {}, set()  # job -> branch; run ids
        self.points = {}  # run id -> branch points whose checkpoint isn't there yet, as (step, path)
        self.died_at = {}  # run id -> steps of its last checkpoint when its process died
        self.stopped, self.listened = False, -float("inf")

    @property
    def poll_s(self) -> float:
        return max(POLL_S, len(self.away) * POLL_EACH_S)

    def submit(self):
        """Every branch that can start; an array of them, where the cluster has such."""
        branches, tasks, books = [], [], self.books
        while branch := books.queue.next():
            with books.failing_alone(branch):  # a schedule that can't be pickled
                tasks.append(self.task(branch))
                branches.append(branch)
        if not tasks:
            return
        try:
            self.away |= dict(zip(self.cluster.submit(tasks), branches))
        except Exception as e:
            for branch in branches:
                books.end(branch, None, f"it can't be submitted: {type(e).__name__}: {first_line(e)}")

    def task(self, branch: Branch) -> Task:
        books = self.books
        paths = CheckpointPaths(books.store, branch.run, self.config, self.dataset.fingerprint)
        self.points[branch.run.id] = [(step, paths.at(step)) for step in branch.branch_points]
        start = books.start_paths.get(branch.run.id)
        return Task.of(
            branch, self.config, self.dataset, self.schedule_files, books.store, self.session, start
        )

    def stop(self):
        """Tasks that have begun end by themselves, as others would once a machine is free for them."""
        self.stopped = True
        self.session.stop()
        for job, branch in list(self.away.items()):
            if not self.session.started(branch.run.id):
                self.cluster.cancel(job)
                del self.away[job]

    def listen(self):
        """Hear what is new of the branches that are away, now and then."""
        if time.monotonic() - self.listened >= self.poll_s:
            for branch in self.away.values():
                self.hear(branch)
            self.listened = time.monotonic()

    def hear(self, branch: Branch):
        """Tell display and queue what is new of a branch."""
        run_id, books = branch.run.id, self.books
        if run_id not in self.shown and self.session.started(run_id):
            self.shown.add(run_id)
            books.display.start(branch)
        if run_id in self.shown and (heard := self.session.heard(run_id)):
            books.display.step(branch, *heard)
        for point in [point for point in self.points[run_id] if point[1].exists()]:
            self.points[run_id].remove(point)
            books.queue.reached(run_id, point[0])

    def end(self, job):
        """A job has ended, whatever became of it."""
        branch = self.away.pop(job)
        self.hear(branch)
        try:
            ending = self.cluster.ending(job)
        except Died as e:
            return self.after_death(job, branch, str(e))
        except Exception as e:
            error = f"its process can't start: {type(e).__name__}: {first_line(e)}"
            return self.books.end(branch, None, error)
        print(ending.stderr, end="", file=sys.stderr)
        if ending.stopped and not self.stopped:
            return self.after_death(job, branch, "it saw no sign of the comparison")
        if ending.record:
            wait_until(lambda: self.books.store.get(branch.run.id) is not None)
        self.books.end(branch, ending.record, ending.error)

    def after_death(self, job, branch: Branch, words: str):
        self.cluster.cancel(job)  # which SLURM may have put into its queue again
        run_id, books = branch.run.id, self.books
        paths = CheckpointPaths(books.store, branch.run, self.config, self.dataset.fingerprint)
        last = max((step for step, _ in paths.saved(books.store.checkpoints())), default=0)
        if self.died_at.get(run_id) == last:
            books.end(branch, None, f"{DIED}: {words}" if words else DIED)
        else:
            self.died_at[run_id] = last
            self.session.forget(run_id)
            books.queue.again(branch)
