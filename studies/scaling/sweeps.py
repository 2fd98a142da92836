"""The sweeps that are simulated: 1,000 runs each, of the preset cpu."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nanosched.config import Config
from nanosched.csv_files import read_csv
from sweep.plan import Branch, distinct, make_schedules, plan_branches, plan_runs

CONFIG = Config(  # of configs/cpu.toml, what a plan follows from
    steps=2008, warmup_steps=200, eval_interval=100, peak_lr=8e-3, device="cpu", dtype="float32"
)
PEAK_LRS, SEEDS = [2e-3, 4e-3, 8e-3, 1.6e-2, 3.2e-2], list(range(10))
SCHEDULES = """constant cosine cosine_restarts cyclic exponential fast_slow inverse_sqrt inverse_sqrt_cooldown
linear multistep one_cycle piecewise plateau polynomial power rex step tanh trapezoid wsd""".split()
COOLDOWNS = [
    f"wsd:cooldown={part},shape={shape}"
    for part in (0.1, 0.2, 0.3, 0.4, 0.5)
    for shape in ("linear", "sqrt", "cosine", "square")
]
SWEEPS = {"20 schedules": SCHEDULES, "20 cooldowns": COOLDOWNS}


def shared_plan(specs: list[str], config: Config = CONFIG) -> list[Branch]:
    """The cheapest plan of every spec at every peak lr with every seed."""
    schedules = make_schedules(config, specs, PEAK_LRS, [config.steps])
    return plan_branches(distinct(plan_runs(config, schedules, SEEDS, "data")), config)


def separate_plan(branches: list[Branch]) -> list[Branch]:
    """The same runs, each trained from its first step on."""
    return [Branch(branch.run, turn=branch.turn) for branch in branches]


def measured_step_s(results: Path) -> float:
    """Seconds, the median step of the runs in results/reference-cpu, two side by side on two cores."""
    rows = read_csv(results / "reference-cpu" / "runs.csv")
    return float(np.median([float(row["step_ms_p50"]) for row in rows if row["step_ms_p50"]])) / 1000
