"""What the blog published and what our three comparisons measured, in the blog's order of schedules."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from analysis.stability import loss_stability
from nanosched.cli import load_toml
from nanosched.csv_files import read_csv, write_csv
from schedulers import resolve

NAMES = [
    "Constant",
    "Step",
    "MultiStep",
    "Exponential",
    "CosineAnnealing",
    "Linear",
    "Polynomial",
    "Cyclic",
    "OneCycle",
    "CosineAnnealingWarmRestarts",
]


@dataclass(frozen=True)
class RawRun:
    """The blog's numbers of one schedule, float64 (steps,) each."""

    losses: np.ndarray  # training losses, nats per token
    times: np.ndarray  # seconds


@dataclass(frozen=True)
class Published:
    """One row of published.csv: a schedule as the blog ran it, with losses in nats per token."""

    place: int  # in the order in which they ran, from 1
    name: str
    schedule: str  # its spec here
    first_loss: float
    last_loss: float
    stability: float
    total_s: float
    median_step_s: float


@dataclass(frozen=True)
class LastLosses:
    """Training losses of the last step, which the blog ranked by: float64 (10,), means over seeds."""

    place: np.ndarray  # in the blog's order: 1 to 10
    published: np.ndarray
    carry_over: np.ndarray
    reversed: np.ndarray
    fresh: np.ndarray
    seeds: int  # of ours, the fewest that a schedule has


def schedules() -> list[str]:
    """The ten schedules as configs/motsepe_2024.toml spells them, in the order in which the blog ran them."""
    return resolve(",".join(load_toml("motsepe_2024")["schedulers"]))


# -- what was published


def read_raw(path: Path) -> list[RawRun]:
    """The blog's numbers. ValueError where the file is not that."""
    raw = json.loads(path.read_text())
    if (
        not isinstance(raw, dict)
        or list(raw) != NAMES
        or any(not {"losses", "lrs", "times"} <= run.keys() for run in raw.values())
    ):
        raise ValueError(
            f"{path} is not the blog's file: give one with losses, lrs and times for each of "
            f"{', '.join(NAMES)}, in this order"
        )
    return [RawRun(np.array(run["losses"]), np.array(run["times"])) for run in raw.values()]


def write_published(out: Path, raw: list[RawRun]):
    """published.csv: one row per schedule, recomputed from the raw numbers."""
    rows = [
        Published(
            place,
            name,
            schedule,
            first_loss=rounded(run.losses[0]),
            last_loss=rounded(run.losses[-1]),
            stability=rounded(loss_stability(run.losses)),
            total_s=rounded(run.times.sum()),
            median_step_s=rounded(np.median(run.times)),
        )
        for place, (name, schedule, run) in enumerate(zip(NAMES, schedules(), raw), 1)
    ]
    write_csv(out / "published.csv", [field.name for field in fields(Published)], map(asdict, rows))


def rounded(value) -> float:
    return round(float(value), 4)


def read_published(out: Path) -> list[Published]:
    rows = []
    for row in read_csv(out / "published.csv"):
        names = row.pop("name"), row.pop("schedule")
        place = int(row.pop("place"))
        rows.append(Published(place, *names, **{key: float(value) for key, value in row.items()}))
    return rows


# -- ours


def read_last_losses(out: Path, published: list[Published]) -> LastLosses:
    seeds = [last_losses(out / folder) for folder in ("carry-over", "reversed", "fresh")]
    means = (np.array([losses[row.schedule].mean() for row in published]) for losses in seeds)
    return LastLosses(
        np.array([row.place for row in published], dtype=float),
        np.array([row.last_loss for row in published]),
        *means,
        seeds=min(len(values) for losses in seeds for values in losses.values()),
    )


def last_losses(folder: Path) -> dict[str, np.ndarray]:
    """Schedule -> the training loss of the last step, float64 (seeds,)."""
    losses, path = {}, folder / "runs.csv"
    for row in read_csv(path):
        if not row["final_train_loss"]:
            raise ValueError(
                f"{path} has a run of {row['scheduler']} that is not complete: the page needs all of them"
            )
        losses.setdefault(row["scheduler"], []).append(float(row["final_train_loss"]))
    if set(losses) != set(schedules()):
        raise ValueError(f"{path} has other schedules than configs/motsepe_small.toml: run its command anew")
    return {schedule: np.array(values) for schedule, values in losses.items()}


def read_mean_curves(folder: Path, published: list[Published]) -> list[np.ndarray]:
    """The training loss of every step, mean over seeds, (steps,) for each schedule in the blog's order."""
    losses = {}
    for row in read_csv(folder / "curves.csv"):
        by_step = losses.setdefault(row["scheduler"], {})
        by_step.setdefault(int(row["step"]), []).append(float(row["loss"]))
    return [np.array([np.mean(values) for values in losses[row.schedule].values()]) for row in published]
