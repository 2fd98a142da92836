"""What the tests of executors share: a plan, a display that keeps what it hears, and a schedule that dies."""

import csv
import os

from helpers import Silent

from schedulers import resolve
from sweep.plan import distinct, make_schedules, plan_branches, plan_runs

TIMES = {"wall_s", "marginal_s", "tokens_per_s", "step_ms_p50", "step_ms_p95", "mfu", "step_s"}
DIES = """
import os
import signal
from pathlib import Path
from schedulers import Schedule, register

class Dies(Schedule):
    reactive = True

    def __call__(self, step, val_losses=None):
        tries = Path({folder!r}) / self.name
        if step in self.at and os.getpid() != {pid}:  # in training, and not in the plan
            tries.write_text(tries.read_text() + "x" if tries.exists() else "x")
            if len(tries.read_text()) <= self.deaths:
                os.kill(os.getpid(), signal.SIGKILL)
        return self.peak_lr

@register("dies_once")
class DiesOnce(Dies):
    deaths, at = 1, (7,)

@register("dies_twice")
class DiesTwice(Dies):
    deaths, at = 2, (7,)
"""


class Listening(Silent):
    """Keeps what it hears, by the schedules' labels."""

    def __init__(self):
        self.started, self.heard, self.ended = [], {}, {}

    def start(self, branch):
        self.started.append(branch.run.label)

    def step(self, branch, steps, loss):
        self.heard[branch.run.label] = steps, loss

    def end(self, branch, record, error):
        self.ended[branch.run.label] = error or record


def plan(config, dataset, specs):
    """(runs, branches) of a comparison with seed 0."""
    schedules = make_schedules(config, resolve(specs), [config.peak_lr], [config.steps])
    runs = distinct(plan_runs(config, schedules, [0], dataset.fingerprint))
    return runs, plan_branches(runs, config)


def write_dying(folder):
    """The path of a file with the schedules dies_once and dies_twice, which live in this process."""
    path = folder / "mine.py"
    path.write_text(DIES.format(folder=str(folder), pid=os.getpid()))
    return str(path)


def untimed(path):
    """A CSV file's rows without the columns of time."""
    with open(path, newline="") as file:
        return [
            {name: value for name, value in row.items() if name not in TIMES} for row in csv.DictReader(file)
        ]
