"""The protocol that never resets the model: each schedule goes on with the last one's weights and optimizer.

It is here to show what such a comparison measures: mostly the order in which the schedules ran.
"""

from __future__ import annotations

from functools import partial

from nanosched.checkpoint import NAME as CHECKPOINT
from nanosched.checkpoint import read_checkpoint
from nanosched.config import Config
from nanosched.locks import lock_run
from nanosched.run_files import RunRecord
from schedulers import Schedule
from train import Start, train

from .plan import Branch, Run
from .store import Store


def plan_carry_over(
    config: Config, schedules: list[tuple[str, Schedule]], seeds: list[int], fingerprint: str
) -> list[Run]:
    """Every schedule with every seed, in the order given; a run's id says too which runs came before it."""
    runs = []
    for seed in seeds:
        before = "nothing"
        for label, schedule in schedules:
            reaction = f"{schedule.reaction} carried over from {before}"
            before = config.state_id(schedule.lrs(), seed, fingerprint, reaction)
            runs.append(Run(label, schedule, seed, before))
    return runs


def still_to_train(runs: list[Run], store: Store) -> list[Run]:
    """The runs that `train_carry_over` would train."""
    return [run for chain in chains(runs) for run in chain[first_missing(chain, store) :]]


def train_carry_over(
    runs: list[Run], config: Config, dataset, store: Store, display, should_stop
) -> dict[str, str]:
    """Train the runs of each seed one after another on one model.

    A run that is complete is passed over if its last checkpoint is still there; what comes after a failed run
    is left out.

    Args:
        runs: of `plan_carry_over`.
        config: theirs, with the machine's settings decided.
        dataset: a data.Dataset.
        store: where they are trained into.
        display: as sweep.display.Display.
        should_stop: called after each step; if true, the run is checkpointed and no other is started.

    Returns:
        run id -> error in one line, for the runs that failed.
    """
    errors = {}
    for chain in chains(runs):
        for index in range(first_missing(chain, store), len(chain)):
            if should_stop():
                break
            record, error = train_link(chain, index, config, dataset, store, display, should_stop)
            if error:
                errors[chain[index].id] = error
            if not record:
                break
    return errors


def chains(runs: list[Run]) -> list[list[Run]]:
    """The runs of each seed."""
    by_seed = {}
    for run in runs:
        by_seed.setdefault(run.seed, []).append(run)
    return list(by_seed.values())


def first_missing(chain: list[Run], store: Store) -> int:
    """Where to go on: after the last of the complete runs, if the checkpoint at its end is still there."""
    missing = next((index for index, run in enumerate(chain) if not store.get(run.id)), len(chain))
    if missing in (0, len(chain)):
        return missing
    before = chain[missing - 1].id
    path = store.folder(before) / CHECKPOINT
    checkpoint = read_checkpoint(path) if path.exists() else None
    return missing if checkpoint and checkpoint.get("run_id") == before else 0


def train_link(
    chain: list[Run], index: int, config, dataset, store, display, should_stop
) -> tuple[RunRecord | None, str | None]:
    """Train chain[index] from the end of the one before it; (record, error) as sweep.train_branch."""
    run, record, error = chain[index], None, None
    branch, id_before = Branch(run), chain[index - 1].id if index else ""
    before = store.folder(id_before) / CHECKPOINT if index else None
    first_batch = sum(earlier.schedule.steps for earlier in chain[:index])  # the data goes on too
    store.forget(run.id)
    display.start(branch)
    try:
        with lock_run(store.folder(run.id)):
            record = train(
                config,
                run.schedule,
                run.seed,
                dataset,
                store.folder(run.id),
                start=Start(run.id, id_before, before, first_batch),
                keep_checkpoint=True,
                on_step=partial(display.step, branch),
                should_stop=should_stop,
            )
    except Exception as e:
        error = store.keep_error(run.id, e)
    display.end(branch, record, error)
    if record and before:
        before.unlink(missing_ok=True)
    return record, error
