"""A reactive schedule that nothing triggers is a run that is there already, and is not trained again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nanosched.config import Config
from nanosched.run_files import RunRecord, write_run
from schedulers.core.evaluate import checked_lr

from .plan import Run
from .store import Store


def take_untriggered_run(run: Run, config: Config, fingerprint: str, store: Store) -> RunRecord | None:
    """Write a reactive run's files if its untriggered run is complete and triggers no reaction.

    Args:
        run: of any schedule.
        config: its Config.
        fingerprint: of the data.
        store: has the untriggered run, or doesn't.

    Returns:
        what run.json holds, or None: the run has to be trained.
    """
    schedule = run.schedule
    if not schedule.reactive:
        return None
    untriggered = store.get(config.state_id(schedule.lrs(), run.seed, fingerprint))
    if untriggered is None or not untriggered.record.complete:
        return None
    val_loss = untriggered.curve.val_loss
    val = [(int(step), float(val_loss[step])) for step in np.flatnonzero(np.isfinite(val_loss))]
    response = [
        checked_lr(schedule, step, [pair for pair in val if pair[0] < step]) for step in range(schedule.steps)
    ]
    if not np.array_equal(response, schedule.lrs()):
        return None
    record = replace(untriggered.record, run_id=run.id, schedule=schedule.spec, trained_from=schedule.steps)
    write_run(store.folder(run.id), record, untriggered.curve_csv)
    return record
