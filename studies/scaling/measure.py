"""The same queue with one and two real workers: what the simulation says of both, beside what they take."""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from data import open_dataset
from nanosched.cli import load_toml
from nanosched.config import Config
from sweep.bookkeeping import Bookkeeping
from sweep.makespan import makespan, timetable
from sweep.plan import Branch, distinct, make_schedules, plan_branches, plan_runs
from sweep.store import Store
from sweep.workers import train_side_by_side

STEPS, SPECS, SEEDS, TIMES = 250, ["constant", "cosine", "step", "trapezoid", "wsd"], [0, 1], 3
MEASURED_COLUMNS = "workers repetition branches steps_trained makespan wall_s in_order load".split()


@dataclass(frozen=True)
class Measured:
    """One real sweep."""

    workers: int
    repetition: int
    branches: int
    steps_trained: int
    makespan: int  # steps, simulated with these workers
    wall_s: float  # from the first loss heard of to the last end
    in_order: int  # how many of the branches were started at their place in the simulation's order
    load: float  # processes that wanted a core of the machine, the mean of the last minute

    @classmethod
    def of(cls, row: dict[str, str]) -> Measured:
        """From its row in measured.csv."""
        whole = {name: int(row[name]) for name in MEASURED_COLUMNS if name not in ("wall_s", "load")}
        return cls(**whole, wall_s=float(row["wall_s"]), load=float(row["load"]))


class Clock:
    """A display that notes when branches start, and when training begins and ends."""

    def __init__(self):
        self.started, self.first, self.last = [], None, None

    def start(self, branch: Branch):
        self.started.append(branch.run.id)

    def step(self, branch: Branch, steps: int, loss: float):
        self.first = self.first or time.perf_counter()

    def end(self, branch: Branch, record, error: str | None):
        if error:
            raise RuntimeError(error)
        self.last = time.perf_counter()


def measure() -> list[Measured]:
    """The preset quick, 250 steps: one worker and two, in turns, because the machine is not idle."""
    settings = load_toml("quick") | dict(steps=STEPS, device="cpu", dtype="float32", compile="false")
    config = Config(**settings)
    dataset = open_dataset(config.dataset, config.tokenizer)
    schedules = make_schedules(config, SPECS, [config.peak_lr], [config.steps])
    branches = plan_branches(distinct(plan_runs(config, schedules, SEEDS, dataset.fingerprint)), config)
    return [
        train_once(branches, config, dataset, workers, repetition)
        for repetition in range(TIMES)
        for workers in (1, 2)
    ]


def train_once(branches: list[Branch], config: Config, dataset, workers: int, repetition: int) -> Measured:
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        books = Bookkeeping(branches, config, dataset.fingerprint, Store(Path(folder)), clock)
        train_side_by_side(workers, config, dataset, [], books, lambda: False)
    expected = list(timetable(branches, workers))
    return Measured(
        workers=workers,
        repetition=repetition,
        branches=len(branches),
        steps_trained=sum(branch.steps for branch in branches),
        makespan=makespan(branches, workers),
        wall_s=round(clock.last - clock.first, 2),
        in_order=sum(one == other for one, other in zip(clock.started, expected)),
        load=round(os.getloadavg()[0], 1),
    )
