"""A branch as a task for another machine, and what is done with it there."""

from __future__ import annotations

import io
import os
import pickle
import signal
from collections.abc import Callable
from contextlib import redirect_stderr
from dataclasses import dataclass
from pathlib import Path

from nanosched.config import Config
from nanosched.errors import first_line
from nanosched.run_files import RunRecord
from schedulers import load_file

from .plan import Branch
from .session import Session, wait_until
from .store import Store
from .train_branch import train_branch

LOCK_S = 120  # a run's lock is let go as its task stops, and by NFS 90 s after its machine died


@dataclass(frozen=True)
class Task:
    """What a machine needs to train a branch, where the paths mean the same folders as here."""

    run_id: str
    config: Config
    pickled: bytes  # (branch, dataset): the user's schedules in it can be read once their files are loaded
    schedule_files: tuple[str, ...]
    store: Path
    session: Path
    folder: Path  # that relative paths start from
    start: Path | None  # the checkpoint of another run that it starts from, if that is there

    @classmethod
    def of(
        cls,
        branch: Branch,
        config: Config,
        dataset,
        schedule_files: list[str],
        store: Store,
        session: Session,
        start: Path | None,
    ) -> Task:
        return cls(
            run_id=branch.run.id,
            config=config,
            pickled=pickle.dumps((branch, dataset)),
            schedule_files=tuple(schedule_files),
            store=store.out.resolve(),
            session=session.folder,
            folder=Path.cwd(),
            start=start.resolve() if start and start.exists() else None,
        )


@dataclass(frozen=True)
class Ending:
    """How a task ended: with a record, with an error in one line, or (neither of both) stopped."""

    record: RunRecord | None = None
    error: str | None = None
    stderr: str = ""  # what it said there

    @property
    def stopped(self) -> bool:
        return not (self.record or self.error)


def run_task(task: Task, preempted: Callable[[], bool] = lambda: False) -> Ending:
    """Train a branch in this process, in the main thread.

    Args:
        task: of a comparison that may have ended since: then nothing is done.
        preempted: called after each step; if it is true, the run is checkpointed and left.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C may reach every process: the first one decides
    session = Session(task.session)
    if not session.goes_on():
        return Ending()
    session.say(task.run_id)
    os.chdir(task.folder)
    with redirect_stderr(io.StringIO()) as stderr:
        try:
            for path in task.schedule_files:
                load_file(path)
            branch, dataset = pickle.loads(task.pickled)
        except (Exception, SystemExit) as e:
            return Ending(error=f"its process can't start: {type(e).__name__}: {first_line(e)}")
        record, error = train_task(task, branch, dataset, session, preempted)
    return Ending(record, error, stderr.getvalue())


def train_task(task: Task, branch: Branch, dataset, session: Session, preempted: Callable[[], bool]):
    """(record, error) of the branch, as from `train_branch`."""
    store = Store(task.store, task.config.average_specs)
    if task.start:
        wait_until(lambda: task.start in store.checkpoints())
    return train_branch(
        branch,
        task.config,
        dataset,
        store,
        on_step=lambda steps, loss: session.say(task.run_id, f"{steps} {loss}"),
        on_branch_point=lambda step: None,  # the comparison sees the checkpoint
        should_stop=lambda: preempted() or not session.goes_on(),
        lock_wait_s=LOCK_S,
    )


def python_path() -> str:
    """$PYTHONPATH of the processes that run tasks: this code first, at the same path on shared storage."""
    return os.pathsep.join(filter(None, [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH")]))
