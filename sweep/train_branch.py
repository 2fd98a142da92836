"""Train one branch of a plan, whatever comes of it."""

from __future__ import annotations

from collections.abc import Callable

from nanosched.config import Config
from nanosched.locks import lock_run
from nanosched.run_files import RunRecord
from train import train

from .plan import Branch
from .store import BranchCheckpoints, Store
from .untriggered import take_untriggered_run


def train_branch(
    branch: Branch,
    config: Config,
    dataset,
    store: Store,
    on_step: Callable[[int, float], None],
    on_branch_point: Callable[[int], None],
    should_stop: Callable[[], bool],
    lock_wait_s: float | None = None,
) -> tuple[RunRecord | None, str | None]:
    """Train a branch into its run's folder of the store, alone in this process.

    Args:
        on_step: called with (steps taken, the last one's loss).
        on_branch_point: called with the number of steps when others can branch off.
        should_stop: called after each step; if it is true, the run is checkpointed and left.
        lock_wait_s: seconds to wait for another process that trains the run; default 5.

    Returns:
        (what run.json holds, None if it was stopped; the error in one line, None if there was none).
    """
    run, fingerprint = branch.run, dataset.fingerprint
    try:
        with lock_run(store.folder(run.id), lock_wait_s):
            if record := take_untriggered_run(run, config, fingerprint, store):
                return record, None
            record = train(
                config,
                run.schedule,
                run.seed,
                dataset,
                store.folder(run.id),
                checkpoints=BranchCheckpoints(store, branch, config, fingerprint, on_branch_point),
                on_step=on_step,
                should_stop=should_stop,
            )
            return record, None
    except Exception as e:
        return None, store.keep_error(run.id, e)
