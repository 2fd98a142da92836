"""Where runs, and the checkpoints on the way to them, are kept: no moment is a bad one to be killed.

<out>/runs/<run id>/        a run: curve.csv grows while it trains; complete when run.json is there
<out>/states/<id>-<n>.pt    the checkpoint after n steps, named by a hash of all it follows from: every run
                            that begins so can start there
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from nanosched.averages import Tail, begun
from nanosched.checkpoint import names_of_means
from nanosched.config import Config
from nanosched.files import delete_leftovers
from nanosched.locks import InUse, acquire
from nanosched.run_files import FinishedRun, read_run, write_error
from schedulers.core.reactive import known_lrs

from .plan import Branch, Run

STATE = re.compile(r"[0-9a-f]{16}-(\d{1,18})\.pt")  # the name of a checkpoint; other files are nobody's


class Store:
    """The folder of a comparison; every finished run in it is read once.

    Args:
        out: the folder, which need not be there.
        averages: specs of the averages of the weights that a run must have; default none.
    """

    def __init__(self, out: Path, averages: Iterable[str] = ()):
        self.out, self.averages = Path(out), tuple(averages)
        self._finished, self._refused = {}, set()

    def folder(self, run_id: str) -> Path:
        """Where a run's files are, whether or not they are there."""
        return self.out / "runs" / run_id

    def get(self, run_id: str | None) -> FinishedRun | None:
        """The run if it has ended with the averages that are needed and is not damaged; a missing one is
        looked for again at the next call.
        """
        finished = self.stored(run_id)
        return finished if finished and self.has_averages(finished) else None

    def lacks_averages(self, run_id: str | None) -> bool:
        """Whether a run has ended without an average that is needed: it is trained again."""
        return self.stored(run_id) is not None and self.get(run_id) is None

    def has_averages(self, finished: FinishedRun) -> bool:
        return finished.record.has_averages(self.averages)

    def stored(self, run_id: str | None) -> FinishedRun | None:
        """As `get`, whichever averages it has."""
        if run_id is None:
            return None
        known = self._finished.get(run_id)
        if known and self.has_averages(known):
            return known
        if finished := read_run(self.folder(run_id)):
            if finished.record.run_id != run_id:
                return self.refuse(run_id, finished.record.run_id)
            self._finished[run_id] = finished
        return self._finished.get(run_id)

    def finished(self) -> Iterator[FinishedRun]:
        """Every run that has ended and is not damaged, whichever comparison asked for it, by id."""
        folder = self.out / "runs"
        names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
        return (run for name in names if (run := self.stored(name)))

    def refuse(self, run_id: str, found: str):
        """Say, once, that another run lies in a run's folder: it was copied or moved there."""
        if run_id not in self._refused:
            self._refused.add(run_id)
            print(f"{self.folder(run_id)} holds run {found}: {run_id} is trained again", file=sys.stderr)

    def forget(self, run_id: str):
        """Read a run again at the next call of `get`: it is trained anew."""
        self._finished.pop(run_id, None)

    def keep_error(self, run_id: str, error: Exception) -> str:
        """Write a run's error.txt; returns the error in one line."""
        return write_error(self.folder(run_id), error)

    def checkpoints(self) -> dict[Path, int]:
        """path -> number of steps, of every checkpoint that is there."""
        folder = self.out / "states"
        files = [path for path in folder.iterdir() if path.is_file()] if folder.is_dir() else []
        named = ((path, STATE.fullmatch(path.name)) for path in files)
        return {path: int(name[1]) for path, name in named if name}


class CheckpointPaths:
    """Where a run's checkpoints are kept, by the number of steps taken."""

    def __init__(self, store: Store, run: Run, config: Config, fingerprint: str):
        self.store, self.run, self.config, self.fingerprint = store, run, config, fingerprint

    @cached_property
    def lrs(self):
        return known_lrs(self.run.schedule, self.config)

    def at(self, step: int) -> Path:
        """Past the lrs that are known beforehand, a checkpoint is the run's alone and has its id."""
        shared = step <= len(self.lrs)
        name = self.state_id(step) if shared else self.run.id
        return self.store.out / "states" / f"{name}-{step}.pt"

    def state_id(self, step: int) -> str:
        lrs, optimizer = self.lrs[:step], self.run.schedule.optimizer
        return self.config.state_id(lrs, self.run.seed, self.fingerprint, optimizer=optimizer)

    def saved(self, checkpoints: dict[Path, int]) -> list[tuple[int, Path]]:
        """(steps, path) of the run's checkpoints among those of the store, the last first."""
        steps = {step for step in checkpoints.values() if step <= self.run.schedule.steps}
        paths = [(step, self.at(step)) for step in sorted(steps, reverse=True)]
        return [(step, path) for step, path in paths if path in checkpoints]


def saved_steps(store: Store, runs: list[Run], config: Config, fingerprint: str) -> dict[str, int]:
    """run id -> number of steps after which the last checkpoint was kept that the run can go on from: with
    the means of the weights that it needs. Runs without one are left out.
    """
    checkpoints, names, steps_of = store.checkpoints(), cache(names_of_means), {}
    for run in runs:
        means = config.means(run.schedule.steps)
        for steps, path in CheckpointPaths(store, run, config, fingerprint).saved(checkpoints):
            needed = begun(means, steps)
            if not needed or names(path).issuperset(needed):
                steps_of[run.id] = steps
                break
    return steps_of


def delete_checkpoints(store: Store, runs: list[Run], config: Config, fingerprint: str):
    """Delete every checkpoint of these runs, which are all complete."""
    checkpoints = store.checkpoints()
    for run in runs:
        for _, path in CheckpointPaths(store, run, config, fingerprint).saved(checkpoints):
            path.unlink(missing_ok=True)
    folder = store.out / "states"
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


@dataclass
class BranchCheckpoints:
    """The checkpoints that one run of a plan reads and leaves behind; train.train asks it where they go."""

    store: Store
    branch: Branch
    config: Config
    fingerprint: str
    on_branch_point: Callable[[int], None]  # called with the number of steps once that checkpoint is kept
    last: Path | None = None  # its latest checkpoint between branch points, which nobody else needs
    keep_last = False  # the checkpoint at the end

    @cached_property
    def paths(self) -> CheckpointPaths:
        return CheckpointPaths(self.store, self.branch.run, self.config, self.fingerprint)

    @property
    def branch_points(self) -> tuple[int, ...]:
        return self.branch.branch_points

    @property
    def tails(self) -> tuple[Tail, ...]:
        return self.branch.tails

    def candidates(self) -> list[tuple[int, Path]]:
        """(steps that the name states, path) of where the run can start, the best first."""
        return self.paths.saved(self.store.checkpoints())

    def path(self, step: int) -> Path:
        return self.paths.at(step)

    def saved(self, step: int):
        """The checkpoint after `step` steps is at its path."""
        if step in self.branch_points:
            return self.on_branch_point(step)
        self.finished()
        self.last = self.path(step)

    def finished(self):
        if self.last:
            self.last.unlink(missing_ok=True)


def locked(out: Path):
    """A lock on a comparison's folder, to release with `with`; it ends with its process, however that ends.

    What processes that were killed left half written is deleted.

    Raises:
        ValueError: another comparison has it.
    """
    out = Path(out)
    try:
        lock = acquire(out / ".lock")
    except InUse as e:
        raise ValueError(
            f"out='{out}' is in use by another comparison ({e}): wait until it ends, or give another --out"
        ) from None
    for folder in (out, out / "states", out / "figures", *(out / "runs").glob("*")):
        delete_leftovers(folder)
    return lock
