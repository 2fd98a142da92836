"""The process behind `--log`: it reads runs from its standard input and logs them until that is closed.

<out>/<tool>/logged/<run id>    how much of a run is logged: a resumed run goes on there
"""

from __future__ import annotations

import json
import math
import os
import sys
import threading
import traceback
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue

from .errors import first_line
from .files import atomic
from .history import parse_curve
from .log import LoggedRun
from .run_files import RunRecord, read_run
from .trackers import TRACKERS, Tracker

LOOK_S = 1.0  # seconds between two looks at the curves
TAGS = dict(loss="loss/train", val_loss="loss/val", lr="lr", grad_norm="grad_norm", step_s="step_s")


class Followed:
    """One run on its way into the log.

    Args:
        run: its curve.csv need not be there yet.
        mark: the file that says how much of it is logged: rows of the curve, and one more for its end.
    """

    def __init__(self, run: LoggedRun, mark: Path):
        self.run, self.mark, self.folder = run, mark, Path(run.folder)
        self.tracked, self.size, self.over = None, 0, False
        with suppress(OSError, ValueError):
            self.logged = int(mark.read_text())
            return
        self.logged = 0

    def update(self, tracker: Tracker):
        """Log what is new. The last row of a run in training waits: its validation loss may be missing."""
        finished = read_run(self.folder) if (self.folder / "run.json").exists() else None
        rows = self.rows() if finished is None else finished.curve_csv.splitlines()
        known = len(rows) - 1 if finished else len(rows) - 2  # without the header
        if known > self.logged or finished and known == self.logged:
            self.tracked = self.tracked or tracker.open(self.run, self.logged)
            self.log_rows(rows[self.logged + 1 : known + 1])
            if finished:
                self.tracked.end(known - 1, final_losses(finished.record))
                self.logged += 1
            with atomic(self.mark) as path:
                path.write_text(str(self.logged))
        if finished:
            self.close(finished.record.complete)

    def rows(self) -> list[str]:
        """Those of the curve so far, under their header; none where it hasn't grown."""
        try:
            size = (self.folder / "curve.csv").stat().st_size
            if size == self.size:
                return []
            self.size = size
            *rows, _ = (self.folder / "curve.csv").read_text().split("\n")  # the last may be half a row
        except OSError:
            return []
        return rows

    def log_rows(self, rows: list[str]):
        curve = parse_curve("\n".join(["", *rows]))
        for i in range(len(rows)):
            values = {tag: float(getattr(curve, column)[i]) for column, tag in TAGS.items()}
            measured = {tag: value for tag, value in values.items() if not math.isnan(value)}
            self.tracked.log(self.logged, measured)
            self.logged += 1

    def close(self, complete: bool):
        """Nothing more comes: the run has ended, was stopped, or failed."""
        self.over = True
        if self.tracked:
            self.tracked.close(complete)


def final_losses(record: RunRecord) -> dict[str, float]:
    """The final validation losses that are numbers, of the last weights and of their averages."""
    losses = {"final_val_loss": record.final_val_loss}
    losses |= {f"final_val_loss/{spec}": loss for spec, loss in record.averages.items()}
    return {name: loss for name, loss in losses.items() if loss is not None}


def follow(tracker: Tracker, marks: Path, arriving: SimpleQueue) -> list[str]:
    """Log all runs that arrive, until None does; returns an error, in a line, for each that failed."""
    followed, errors, open_ = {}, [], True

    def attempt(run: Followed, call, *values):
        try:
            call(*values)
        except Exception as e:
            traceback.print_exc()
            errors.append(f"{run.run.name}: {type(e).__name__}: {first_line(e)}")
            run.over = True

    while open_:
        arrived = arrivals(arriving)
        open_ = None not in arrived
        for run in filter(None, arrived):
            followed.setdefault(run.run_id, Followed(run, marks / run.run_id))
        for run in followed.values():
            if not run.over:
                attempt(run, run.update, tracker)
    for run in followed.values():
        if not run.over:
            attempt(run, run.close, False)
    return errors


def arrivals(arriving: SimpleQueue) -> list[LoggedRun | None]:
    """What has come, waiting for it until the next look is due."""
    arrived = []
    with suppress(Empty):
        arrived.append(arriving.get(timeout=LOOK_S))
        while True:
            arrived.append(arriving.get_nowait())
    return arrived


def receive(arriving: SimpleQueue):
    """Hand on what standard input says; always reading, so that nobody ever waits to write."""
    with suppress(ValueError):  # half a line: the other process was killed
        for line in sys.stdin:
            arriving.put(LoggedRun(**json.loads(line)))
    arriving.put(None)


def main(tool: str, out: Path):
    answers = open(os.dup(1), "w")
    os.dup2(2, 1)  # what the packages print goes into messages.txt
    try:
        tracker, marks = TRACKERS[tool](out), out / tool / "logged"
        marks.mkdir(parents=True, exist_ok=True)
    except Exception as e:
        traceback.print_exc()
        return print(f"error {first_line(e)}", file=answers)
    print(f"ready {tracker.where}", file=answers, flush=True)
    arriving = SimpleQueue()
    threading.Thread(target=receive, args=(arriving,), daemon=True).start()
    if errors := follow(tracker, marks, arriving):
        more = f" (and {len(errors) - 1} more)" * (len(errors) > 1)
        print(f"{errors[0]}{more}", file=answers)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
