"""Train the branches of a plan: side by side on a CPU, one after another on a GPU, stacked, or elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from nanosched.config import Config
from nanosched.errors import first_line

from .bookkeeping import Bookkeeping
from .plan import Branch
from .session import Session
from .store import Store
from .train_branch import train_branch
from .workers import max_workers, train_side_by_side


def execute(
    branches: list[Branch],
    config: Config,
    dataset,
    store: Store,
    schedule_files: list[str],
    display,
    should_stop: Callable[[], bool],
    slots: int = 0,
    executor: str = "local",
) -> dict[str, str]:
    """Train each branch into its run's folder of the store. One that raises fails alone: the others go on.

    Args:
        branches: of one plan.
        config: theirs, with the machine's settings decided.
        dataset: a data.Dataset.
        store: where they are trained into.
        schedule_files: the user's files that the schedules come from.
        display: hears of each branch's start, steps and end, as sweep.display.Display.
        should_stop: called all the time; if true, the runs in training are checkpointed and no other starts.
        slots: how many train stacked in one process; default 0, each separately.
        executor: a name in sweep.executors.EXECUTORS; default this machine.

    Returns:
        run id -> error in one line, for the runs that failed.
    """
    books = Bookkeeping(branches, config, dataset.fingerprint, store, display)
    workers = count_workers(len(branches), config, slots, executor)
    if executor == "local":
        Session.end_old(store.out)
    if slots:
        from .stacked_training import train_stacked

        train_stacked(slots, config, dataset, books, should_stop)
    elif executor != "local":
        train_elsewhere(executor, config, dataset, schedule_files, books, should_stop)
    elif workers > 1:
        train_side_by_side(workers, config, dataset, schedule_files, books, should_stop)
    else:
        train_one_after_another(config, dataset, books, should_stop)
    return books.errors


def count_workers(n_branches: int, config: Config, slots: int = 0, executor: str = "local") -> int:
    """How many branches train at a time; a cluster is given all at once, and counts as large enough."""
    at_once = n_branches if executor != "local" else slots or max_workers(config)
    return min(n_branches, at_once)


def train_one_after_another(config, dataset, books: Bookkeeping, should_stop):
    while not should_stop() and (branch := books.queue.next()):
        books.display.start(branch)
        on_step = partial(books.display.step, branch)
        on_branch_point = partial(books.queue.reached, branch.run.id)
        ending = train_branch(branch, config, dataset, books.store, on_step, on_branch_point, should_stop)
        books.end(branch, *ending)


def train_elsewhere(executor, config, dataset, schedule_files, books: Bookkeeping, should_stop):
    from .cluster import train_on_cluster

    session = Session.begin(books.store.out)
    try:
        cluster = open_cluster(executor, config, session.folder)
    except Exception as e:  # no such cluster is reached
        books.fail_rest(f"--executor {executor} can't start: {type(e).__name__}: {first_line(e)}")
    else:
        with cluster:
            train_on_cluster(cluster, session, config, dataset, schedule_files, books, should_stop)
    finally:
        session.end(keep=bool(books.errors))


def open_cluster(executor, config, folder: Path):
    """The extra that is asked for is imported, and no other."""
    if executor == "ray":
        from .ray_cluster import RayCluster

        return RayCluster(config)
    from .slurm_cluster import SlurmCluster

    return SlurmCluster(config, folder / "slurm")
