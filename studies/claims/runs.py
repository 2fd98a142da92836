"""Finished comparisons, read into losses by configuration and seed."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from nanosched.averages import parse_average
from nanosched.csv_files import read_csv
from nanosched.run_files import Status
from schedulers import get_schedule
from studies.claims.claim import BASE, FEW, FEWEST, HORIZONS, LONGER, Cell, Regime

REGIMES = (BASE, LONGER, FEW, FEWEST, *HORIZONS)
TEXT = "shakespeare"
TOKENS_PER_STEP = 1024

Losses = dict[int, float]  # seed -> final validation loss, nats per token; infinite for a run that diverged


@dataclass(frozen=True)
class Runs:
    by_key: dict[tuple, Losses]

    def of(self, cell: Cell) -> Losses:
        return self.by_key.get(key_of(cell.regime, cell.schedule, cell.peak_lr, cell.average), {})


def read_runs(folders: Iterable[Path]) -> Runs:
    """All complete and diverged runs on tiny Shakespeare in one of the claims' regimes.

    Of a run that is there twice the first counts.

    Args:
        folders: of compare.py, or folders of such folders.

    Raises:
        OSError: a folder without a comparison.
    """
    by_key: dict[tuple, Losses] = {}
    for folder in comparisons(folders):
        settings = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        if TEXT not in settings["dataset"]["name"] or tokens_per_step(settings["config"]) != TOKENS_PER_STEP:
            continue
        for row in read_csv(folder / "runs.csv"):
            loss, regime = loss_of(row), regime_of(row, settings["config"])
            key = regime and key_of(regime, spec_of(row), float(row["peak_lr"]), row.get("average") or "")
            if key and not math.isnan(loss):
                by_key.setdefault(key, {}).setdefault(int(row["seed"]), loss)
    return Runs(by_key)


def comparisons(folders: Iterable[Path]) -> list[Path]:
    found = []
    for folder in folders:
        here = (
            [folder]
            if (folder / "runs.csv").exists()
            else sorted(p.parent for p in folder.glob("*/runs.csv"))
        )
        if not here:
            raise FileNotFoundError(f"{folder} has no runs.csv: give a folder that compare.py wrote")
        found += here
    return found


def tokens_per_step(config: dict) -> int:
    return config["batch_size"] * config["block_size"] * config.get("gradient_accumulation_steps", 1)


def loss_of(row: dict[str, str]) -> float:
    """NaN for what counts as no run."""
    if row["status"] == Status.DIVERGED.value:
        return math.inf
    complete = row["status"] == Status.COMPLETE.value and row["final_val_loss"]
    return float(row["final_val_loss"]) if complete else math.nan


def regime_of(row: dict[str, str], config: dict) -> Regime | None:
    """By width, steps and warmup; None for none of the claims'."""
    seen = config["n_embd"], int(row["steps"]), config["warmup_steps"]
    return next((r for r in REGIMES if (r.width, r.steps, r.warmup_steps) == seen), None)


def spec_of(row: dict[str, str]) -> str:
    """The schedule as text, its parameters from their own column where the name has none."""
    name, params = row["scheduler"], row.get("params") or ""
    given = [param for param in params.split(";") if param and not param.endswith("=None")]
    return name if ":" in name or not given else f"{name}:{','.join(given)}"


def key_of(regime: Regime, spec: str, peak_lr: float, average: str) -> tuple | None:
    """The same for a schedule under whatever name; None for one that isn't known here."""
    shape = shape_of(spec)
    return shape and (regime, shape, float(f"{peak_lr:.6g}"), average_of(average))


@cache
def shape_of(spec: str) -> bytes | None:
    """Its learning rates over 1,000 steps; a short warmup keeps a cooldown of 90% apart from linear."""
    try:
        return get_schedule(spec, steps=1000, peak_lr=1.0, warmup_steps=10).lrs().tobytes()
    except (OSError, ValueError):
        return None


@cache
def average_of(spec: str) -> str:
    return parse_average(spec, TOKENS_PER_STEP).spec if spec else ""
