"""A reactive schedule that nothing makes react is a run that is there already, and is not trained again."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nanosched.config import Config
from nanosched.history import read_curve
from nanosched.run_files import read_run, write_run
from sweep.plan import Run
from sweep.store import run_folder


def take_calm_run(run: Run, config: Config, fingerprint: str, out: Path) -> dict | None:
    """Write the files of a reactive run if its calm run is complete and its validation losses call for no other lr.

    Returns:
        what run.json holds, or None: the run has to be trained.
    """
    schedule = run.schedule
    if not schedule.reactive:
        return None
    calm = run_folder(out, config.state_id(schedule.lrs(), run.seed, fingerprint))
    found = read_run(calm)
    if not (found and found["status"] == "complete"):
        return None
    curve = read_curve(calm / "curve.csv")
    measured = np.flatnonzero(np.isfinite(curve["val_loss"]))
    val = [(int(step), float(curve["val_loss"][step])) for step in measured]
    response = [schedule(step, [pair for pair in val if pair[0] < step]) for step in range(schedule.steps)]
    if not np.array_equal(response, schedule.lrs()):
        return None
    result = found | dict(run_id=run.id, schedule=schedule.spec, trained_from=schedule.steps)
    write_run(run_folder(out, run.id), result, (calm / "curve.csv").read_text())
    return result
