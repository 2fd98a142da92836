"""Where runs, and the states on the way to them, are kept: no moment is a bad one to be killed.

<out>/runs/<run id>/        a run: curve.csv grows while it trains; complete when run.json is there
<out>/states/<id>-<n>.pt    the state after n steps, named by a hash of all it follows from: every run that begins so
                            can start there
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from nanosched.config import Config
from nanosched.run_files import read_run

from .plan import Branch, Run, known_lrs


def run_folder(out: Path, run_id: str) -> Path:
    return Path(out) / "runs" / run_id


def is_complete(out: Path, run_id: str | None) -> bool:
    """Whether the run is there, and not damaged."""
    return run_id is not None and read_run(run_folder(out, run_id)) is not None


def load_run(out: Path, run_id: str) -> dict:
    """What run.json says of a complete run."""
    return read_run(run_folder(out, run_id))


def state_path(out: Path, run: Run, step: int, config: Config, fingerprint: str) -> Path:
    """Where the state of a run after `step` steps is kept."""
    lrs = known_lrs(run.schedule, config)
    named = config.state_id(lrs[:step], run.seed, fingerprint) if step <= len(lrs) else run.id
    return Path(out) / "states" / f"{named}-{step}.pt"


def saved_states(out: Path, run: Run, config: Config, fingerprint: str) -> list[tuple[int, Path]]:
    """(steps, path) of the states that are there of a run, the last first."""
    there = {path: int(path.stem.split("-")[1]) for path in (Path(out) / "states").glob("*-*.pt")}
    steps = sorted({step for step in there.values() if step <= run.schedule.steps}, reverse=True)
    paths = [(step, state_path(out, run, step, config, fingerprint)) for step in steps]
    return [(step, path) for step, path in paths if path in there]


def saved_steps(out: Path, runs: list[Run], config: Config, fingerprint: str) -> dict[str, int]:
    """run id -> number of steps after which the last state that is there of it was kept."""
    if not (Path(out) / "states").exists():
        return {}
    saved = {run.id: saved_states(out, run, config, fingerprint) for run in runs}
    return {run_id: states[0][0] for run_id, states in saved.items() if states}


def locked(out: Path):
    """A lock on a comparison's folder, to release with `with`; it also goes with its process, however that ends.

    Raises:
        ValueError: another comparison has it.
    """
    from filelock import FileLock, Timeout

    try:
        lock = FileLock(Path(out) / ".lock").acquire(timeout=0)
    except Timeout:
        raise ValueError(
            f"out='{out}' is in use by another comparison: wait until it ends, or give another --out"
        ) from None
    for leftover in Path(out).rglob(".*.tmp"):  # of a process that was killed
        leftover.unlink(missing_ok=True)
    return lock


@dataclass
class BranchStates:
    """The states that one run of a plan reads and leaves behind; what train.train asks where to keep them."""

    out: Path
    branch: Branch
    config: Config
    fingerprint: str
    on_fork: Callable[[int], None]  # called with the number of steps once the state at a fork is kept
    own: Path | None = None  # its last checkpoint, which nobody else needs
    keep = False  # the state at the end

    @property
    def forks(self) -> tuple[int, ...]:
        return self.branch.forks

    def starts(self) -> list[Path]:
        return [path for _, path in saved_states(self.out, self.branch.run, self.config, self.fingerprint)]

    def path(self, step: int) -> Path:
        return state_path(self.out, self.branch.run, step, self.config, self.fingerprint)

    def kept(self, step: int):
        """The state after `step` steps is at its path."""
        if step in self.forks:
            return self.on_fork(step)
        self.ended()
        self.own = self.path(step)

    def ended(self):
        if self.own:
            self.own.unlink(missing_ok=True)


def delete_states(out: Path, runs: list[Run], config: Config, fingerprint: str):
    """Delete every state of these runs, which are all complete."""
    folder = Path(out) / "states"
    if not folder.exists():
        return
    for run in runs:
        for _, path in saved_states(out, run, config, fingerprint):
            path.unlink(missing_ok=True)
    if not any(folder.iterdir()):
        folder.rmdir()
