"""The protocol of a comparison that never resets the model: each schedule goes on with the weights and the optimizer of the last.

It is here to show what such a comparison measures: mostly the order in which the schedules ran.
"""

from __future__ import annotations

from pathlib import Path

from nanosched.config import Config
from schedulers import Schedule

from .plan import Branch, Run
from .store import is_complete, run_folder


def plan_carry_over(
    config: Config, schedules: list[tuple[str, Schedule]], seeds: list[int], fingerprint: str
) -> list[Run]:
    """Every schedule with every seed, in the order asked for; a run's id says too which runs came before it."""
    runs = []
    for seed in seeds:
        before = "nothing"
        for label, schedule in schedules:
            before = config.state_id(
                schedule.lrs(), seed, fingerprint, f"{schedule.reaction} carried over from {before}"
            )
            runs.append(Run(label, schedule, seed, before))
    return runs


def train_carry_over(
    runs: list[Run], config: Config, dataset, out: Path, display, should_stop
) -> dict[str, str]:
    """Train the runs of each seed one after another on one model; returns run id -> error, for the ones that failed.

    A run that is complete is passed over if its last state is still there; what comes after a failed run is left out.
    """
    errors = {}
    for seed in dict.fromkeys(run.seed for run in runs):
        chain = [run for run in runs if run.seed == seed]
        for index in range(first_missing(chain, out), len(chain)):
            if should_stop() or not train_link(
                chain, index, config, dataset, out, display, should_stop, errors
            ):
                break
    return errors


def still_to_train(runs: list[Run], out: Path) -> list[Run]:
    chains = [[run for run in runs if run.seed == seed] for seed in dict.fromkeys(run.seed for run in runs)]
    return [run for chain in chains for run in chain[first_missing(chain, out) :]]


def first_missing(chain: list[Run], out: Path) -> int:
    """Where to go on: after the last complete run that has the state it ended in, if all before it are complete."""
    from nanosched.checkpoint import NAME

    complete = next((index for index, run in enumerate(chain) if not is_complete(out, run.id)), len(chain))
    if complete == len(chain):
        return complete
    return complete if complete == 0 or (run_folder(out, chain[complete - 1].id) / NAME).exists() else 0


def train_link(
    chain: list[Run], index: int, config, dataset, out: Path, display, should_stop, errors: dict
) -> bool:
    """Train chain[index] from the end of the one before it; whether it came to its end."""
    from nanosched.checkpoint import NAME
    from train import train

    from .execute import keep_error

    run, result, error = chain[index], None, None
    branch, before = Branch(run), run_folder(out, chain[index - 1].id) / NAME if index else None
    first_batch = sum(earlier.schedule.steps for earlier in chain[:index])  # the data goes on too
    display.start(branch)
    try:
        result = train(
            config,
            run.schedule,
            run.seed,
            dataset,
            run_folder(out, run.id),
            keep_checkpoint=True,
            on_step=lambda *step: display.step(branch, *step),
            should_stop=should_stop,
            run_id=run.id,
            begin=before,
            first_batch=first_batch,
        )
    except Exception as e:
        error = errors[run.id] = keep_error(branch, out, e)
    display.end(branch, result, error)
    if result and before:
        before.unlink(missing_ok=True)
    return result is not None
