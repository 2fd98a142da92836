"""What a comparison trains: every schedule with every peak lr and every seed, each a run with an id."""

from __future__ import annotations

from dataclasses import dataclass

from nanosched.config import Config
from schedulers import Schedule, get_schedule


@dataclass(frozen=True)
class Run:
    """One training run that was asked for."""

    label: str  # the schedule as the user spelled it
    schedule: Schedule
    seed: int
    id: str | None = None  # None until the data is known


def make_schedules(config: Config, specs: list[str], peak_lrs: list[float]) -> list[tuple[str, Schedule]]:
    """(label, schedule) for every spec and peak lr, all with the comparison's warmup.

    Raises:
        ValueError: one line on the first schedule that can't be right, before anything is trained.
    """
    made = []
    for peak_lr in peak_lrs:
        for spec in specs:
            schedule = get_schedule(spec, steps=config.steps, peak_lr=peak_lr, warmup_steps=config.warmup_steps)
            schedule.lrs()  # a formula that fails at some step fails here
            made.append((spec, schedule))
    return made


def plan_runs(config: Config, schedules: list[tuple[str, Schedule]], seeds: list[int], data_fingerprint: str | None) -> list[Run]:
    """Every schedule with every seed; seeds are the outer loop, so that a stopped comparison has whole seeds."""
    return [
        Run(label, schedule, seed, data_fingerprint and config.run_id(schedule, seed, data_fingerprint))
        for seed in seeds
        for label, schedule in schedules
    ]


def distinct(runs: list[Run]) -> list[Run]:
    """The first run of each id: two names for one lr array are trained once."""
    return list({run.id: run for run in reversed(runs)}.values())[::-1]
