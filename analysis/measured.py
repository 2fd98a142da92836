"""The curves of a comparison as a loss law is fitted on them, read from its CSV files."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from theory.loss_laws import Curve

ENOUGH = 10  # validation losses a curve; with fewer the training loss tells more, though each of its points is one batch's
BLOCKS = 60  # means of so many parts of a run, where the training loss is used


@dataclass(frozen=True)
class Measured:
    """One peak lr and horizon of a comparison."""

    curves: dict[str, Curve]  # schedule -> mean over its seeds
    peak_lr: float
    steps: int
    warmup_steps: int
    seeds: int  # the fewest that a schedule has
    what: str  # that was measured, in words

    def curve(self, label: str) -> Curve:
        """ValueError for a schedule that isn't here."""
        if label not in self.curves:
            raise ValueError(
                f"{label!r} has no complete runs at peak_lr={self.peak_lr:g}: there are {', '.join(self.curves)}"
            )
        return self.curves[label]


def read_measured(out: Path, peak_lr: float | None = None) -> Measured:
    """The complete runs in `out` at one peak lr (default the comparison's own) and its longest horizon.

    A schedule with a lost seed, or whose learning rates differ by seed, is left out. Validation losses where a run has ENOUGH of them, else training losses.

    Raises:
        ValueError: no such folder, runs that didn't begin with fresh weights, or no complete run at this peak lr.
    """
    try:
        manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
        config, rows = manifest["config"], read_csv(out / "runs.csv")
        if not rows:
            raise ValueError(f"{out / 'runs.csv'} has no runs: give a comparison that trained some")
        peak_lr = usual_peak(rows, config["peak_lr"]) if peak_lr is None else peak_lr
        steps = max(int(row["steps"]) for row in rows)
        own = [row for row in rows if float(row["peak_lr"]) == peak_lr and int(row["steps"]) == steps]
        runs = {
            label: [row["run_id"] for row in own if row["scheduler"] == label]
            for label in dict.fromkeys(row["scheduler"] for row in own)
        }
        lost = {row["scheduler"] for row in own if row["status"] != "complete"}
        runs = {label: ids for label, ids in runs.items() if label not in lost}
        points = read_points(out / "curves.csv", {run_id for ids in runs.values() for run_id in ids})
    except FileNotFoundError as e:
        raise ValueError(
            f"{out} has no {Path(e.filename).name}: give a folder that compare.py wrote"
        ) from None
    except (KeyError, json.JSONDecodeError):
        raise ValueError(f"{out} has files that don't belong together: run its comparison again") from None
    if manifest.get("protocol") == "carry-over":
        raise ValueError(
            f"{out} has runs that were carried over from one another: a loss law holds from fresh weights on; give a comparison without --protocol carry-over"
        )
    runs = {label: ids for label, ids in runs.items() if alike([points[run_id]["lr"] for run_id in ids])}
    if not runs:
        peaks = ", ".join(sorted({row["peak_lr"] for row in rows}, key=float))
        raise ValueError(f"peak_lr={peak_lr:g} has no complete run of {steps} steps: give one of {peaks}")
    validated = all(
        np.isfinite(points[run_id]["val_loss"]).sum() >= ENOUGH for ids in runs.values() for run_id in ids
    )
    curve_of = validation_curve if validated else training_curve
    curves = {
        label: replace(curve_of([points[run_id] for run_id in ids]), name=label)
        for label, ids in runs.items()
    }
    what = "validation loss" if validated else f"training loss (means of {steps // BLOCKS or 1} steps)"
    return Measured(curves, peak_lr, steps, config["warmup_steps"], min(map(len, runs.values())), what)


def usual_peak(rows: list[dict], asked: float) -> float:
    """The comparison's peak lr; where it trained at several others, the one with the most complete runs."""
    complete = [float(row["peak_lr"]) for row in rows if row["status"] == "complete"]
    return asked if asked in complete or not complete else max(sorted(set(complete)), key=complete.count)


def alike(arrays: list[np.ndarray]) -> bool:
    return all(np.array_equal(array, arrays[0]) for array in arrays)


def read_csv(path: Path) -> list[dict]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def read_points(path: Path, run_ids: set[str]) -> dict[str, dict[str, np.ndarray]]:
    """run id -> loss, lr and val_loss of every step, NaN where it was not measured; KeyError for a run that has none."""
    found = {}
    for row in read_csv(path):
        if row["run_id"] in run_ids:
            own = found.setdefault(row["run_id"], {})
            own[int(row["step"])] = [
                float(row[name] or "nan") for name in ("loss", "lr", "val_loss")
            ]  # two names of one run give it twice
    return {
        run_id: dict(
            zip(
                ("loss", "lr", "val_loss"),
                np.array([found[run_id][step] for step in sorted(found[run_id])]).T,
            )
        )
        for run_id in run_ids
    }


def validation_curve(runs: list[dict]) -> Curve:
    losses = np.mean([run["val_loss"] for run in runs], axis=0)
    steps = np.flatnonzero(np.isfinite(losses))
    return Curve(runs[0]["lr"], steps, losses[steps])


def training_curve(runs: list[dict]) -> Curve:
    """Means over the seeds and over BLOCKS equal parts of the run, each at its middle step."""
    losses = np.mean([run["loss"] for run in runs], axis=0)
    parts = np.array_split(np.arange(len(losses)), min(BLOCKS, len(losses)))
    return Curve(
        runs[0]["lr"],
        np.array([part[len(part) // 2] for part in parts]),
        np.array([losses[part].mean() for part in parts]),
    )
