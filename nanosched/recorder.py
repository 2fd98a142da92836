"""What a run in training measures: pending on the device at first, then in its history and its curve.csv."""

from __future__ import annotations

from copy import copy
from pathlib import Path

from .history import History
from .run_files import read_run
from .step_timer import StepTimer

MAX_PENDING = 10  # steps whose numbers stay on a GPU: each flush waits for it


class Recorder:
    """Keeps a run's numbers, step by step.

    Args:
        folder: of the run; its curve.csv is begun with what the history has already. Where a finished run
            is trained once more, its files stay as they are until they are replaced.
        history: of the steps taken before.
        device: cpu or cuda.
    """

    def __init__(self, folder: Path, history: History, device: str):
        self.curve_csv, self.history = folder / "curve.csv", history
        self.max_pending = 1 if device == "cpu" else MAX_PENDING
        self.pending = []  # (lr, loss, grad_norm, timer) of the steps since the last flush
        self.live = read_run(folder) is None
        self.rows_written = 0
        self.write_curve()

    @property
    def full(self) -> bool:
        return len(self.pending) >= self.max_pending

    @property
    def steps(self) -> int:
        """The steps that are in the history."""
        return len(self.history.loss)

    @property
    def last_loss(self) -> float:
        return self.history.loss[-1]

    def unwritten(self) -> Recorder:
        """One with the same history for another process, which leaves the files alone."""
        recorder = copy(self)
        recorder.live = False
        return recorder

    def add(self, lr: float, loss, grad_norm, timer: StepTimer):
        """The numbers of one step; `loss` and `grad_norm` may still be on the device."""
        self.pending.append((lr, loss, grad_norm, timer))

    def flush(self) -> bool:
        """Move what is pending into the history; False at a loss or norm that is not finite, the last one."""
        for lr, loss, grad_norm, timer in self.pending:
            self.history.lr.append(lr)
            self.history.loss.append(float(loss))
            self.history.grad_norm.append(float(grad_norm))
            self.history.step_s.append(timer.seconds())
            if not self.history.finite:
                break
        self.pending.clear()
        return self.history.finite

    def add_validation(self, loss: float):
        """A validation loss, measured after the last step that is in the history."""
        self.history.val.append((self.steps - 1, loss))

    def write_curve(self):
        """Append the new rows to curve.csv, for whoever watches; at the end the file is written anew."""
        if not self.live:
            return
        with open(self.curve_csv, "a" if self.rows_written else "w") as file:
            file.write(self.history.to_csv(self.rows_written))
        self.rows_written = self.steps
