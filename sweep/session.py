"""What a comparison and its tasks on other machines tell each other: files, which outlive both.

<out>/tasks/<session>/go          while it is there, the tasks go on
<out>/tasks/<session>/<run id>    steps taken and the last one's loss; empty before the first are known
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

LOOK_S = 0.5  # seconds between two looks of a task at `go`
SAY_S = 1.0  # and between two of its messages
VISIBLE_S = 60  # in which shared storage shows a file of one machine to another; NFS caches what is missing


class Session:
    """The folder, seen from the comparison or from a task."""

    def __init__(self, folder: Path):
        self.folder, self.looked, self.said, self.went = folder, -LOOK_S, -SAY_S, True

    @classmethod
    def begin(cls, out: Path) -> Session:
        """A new one.

        Args:
            out: the store's folder, locked by this comparison.
        """
        cls.end_old(out)
        sessions = out.resolve() / "tasks"
        sessions.mkdir(parents=True, exist_ok=True)
        session = cls(Path(tempfile.mkdtemp(dir=sessions)))
        (session.folder / "go").touch()
        return session

    @classmethod
    def end_old(cls, out: Path):
        """Tasks whose comparison was killed stop with a checkpoint, wherever this one trains."""
        for old in (out.resolve() / "tasks").glob("*"):
            if old.is_dir():
                cls(old).stop()
                shutil.rmtree(old, ignore_errors=True)

    def stop(self):
        """Every task is to leave its run with a checkpoint."""
        (self.folder / "go").unlink(missing_ok=True)

    def end(self, keep: bool):
        """No task is left; `keep` leaves their logs there until the next session."""
        self.stop()
        if keep:
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        with suppress(OSError):  # the logs of another one
            self.folder.parent.rmdir()

    def goes_on(self) -> bool:
        """Whether the tasks shall; asked after each step, so it looks only now and then."""
        if time.monotonic() - self.looked > LOOK_S:
            self.looked, self.went = time.monotonic(), os.path.exists(self.folder / "go")
        return self.went

    def say(self, run_id: str, words: str = ""):
        """What the comparison's display shows of a run; too much of it is left out."""
        if not words or time.monotonic() - self.said > SAY_S:
            self.said = time.monotonic() if words else self.said
            with suppress(OSError):  # a full disk, or a session that is over
                (self.folder / run_id).write_text(words)

    def heard(self, run_id: str) -> tuple[int, float] | None:
        """(steps taken, the last one's loss) of a run; None where it has not said."""
        with suppress(OSError, ValueError):
            steps, loss = (self.folder / run_id).read_text().split()
            return int(steps), float(loss)
        return None

    def started(self, run_id: str) -> bool:
        return os.path.exists(self.folder / run_id)

    def forget(self, run_id: str):
        """Its task has ended and waits for a machine once more."""
        (self.folder / run_id).unlink(missing_ok=True)


def wait_until(there: Callable[[], bool], seconds: float = VISIBLE_S):
    """Wait until it is so, or no longer than this: another machine wrote what this one doesn't see yet."""
    end = time.monotonic() + seconds
    while not there() and time.monotonic() < end:
        time.sleep(0.5)
