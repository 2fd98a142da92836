"""Train the runs of a plan, one after another."""

from __future__ import annotations

import traceback

from nanosched.config import Config
from train import train

from .plan import Run
from .store import run_folder


def execute(runs: list[Run], config: Config, dataset, out, display, should_stop) -> dict[str, str]:
    """Train each run into its folder of the store. One that raises is left behind, and the others go on.

    Args:
        display: a sweep.display.Display.
        should_stop: asked after each step; if true, the run is checkpointed and no other is started.

    Returns:
        run id -> error in one line, for the runs that failed.
    """
    errors = {}
    for run in runs:
        if should_stop():
            break
        display.start(run)
        folder, result = run_folder(out, run.id), None
        try:
            result = train(config, run.schedule, run.seed, dataset, folder, on_step=display.step, should_stop=should_stop)
        except Exception as e:
            errors[run.id] = f"{type(e).__name__}: {e}".splitlines()[0]
            (folder / "error.txt").write_text(traceback.format_exc())
        display.end(run, result, errors.get(run.id))
    return errors
