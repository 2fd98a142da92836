"""The curves of a comparison as a loss law is fitted on them, from memory or from a folder's CSV files."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from analysis.comparison import Comparison, Result
from nanosched.csv_files import read_csv
from nanosched.history import RunCurve
from nanosched.run_files import Status
from schedulers.core.registry import REGISTRY, spelling
from schedulers.core.specs import split_name
from theory import Curve

MIN_VALIDATIONS = (
    10  # a run; with fewer the training loss tells more, though each of its points is one batch's
)
BLOCKS = 60  # means of so many parts of a run, where the training loss is used


@dataclass(frozen=True)
class MeasuredRun:
    """One run that has ended, as this file needs it."""

    label: str  # the schedule's
    peak_lr: float
    steps: int
    curve: RunCurve | None  # None unless completed


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
            labels = ", ".join(self.curves)
            raise ValueError(
                f"{label!r} has no complete runs at peak_lr={self.peak_lr:g}: there are {labels}"
            )
        return self.curves[label]

    @property
    def column(self) -> str:
        """Where a validation loss stands: the final one is of more text."""
        return " (val_loss in curves.csv)" if self.what == "validation loss" else ""


def measured_from(comparison: Comparison, peak_lr: float | None = None) -> Measured:
    """The mean curve of each schedule at one peak lr and the longest horizon of a comparison.

    A schedule with an incomplete seed, with learning rates that differ by seed, or with an optimizer of its
    own is left out. Validation losses
    where every run has MIN_VALIDATIONS of them, else training losses.

    Args:
        comparison: with its results.
        peak_lr: default the comparison's own; where it trained at several others, the one with the most
            completed runs.

    Raises:
        ValueError: runs that didn't begin with fresh weights, or no completed run at this peak lr.
    """
    refuse_carry_over(comparison.protocol)
    config = comparison.config
    return measure(list(map(run_of, comparison.results)), config.peak_lr, config.warmup_steps, peak_lr)


def read_measured(out: Path, peak_lr: float | None = None) -> Measured:
    """`measured_from` by the CSV files and the manifest of a folder, which need not have the store.

    Args:
        out: a folder that compare.py wrote.
        peak_lr: as in `measured_from`.

    Raises:
        ValueError: as `measured_from`; no such folder, or files that are not of one comparison.
    """
    try:
        manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
        refuse_carry_over(manifest.get("protocol"))
        config, runs = manifest["config"], read_runs(out)
        return measure(runs, config["peak_lr"], config["warmup_steps"], peak_lr)
    except FileNotFoundError as e:
        missing = Path(e.filename).name
        raise ValueError(f"{out} has no {missing}: give a folder that compare.py wrote") from None
    except (KeyError, json.JSONDecodeError):
        raise ValueError(f"{out} has files that don't belong together: run its comparison again") from None


def refuse_carry_over(protocol: str | None):
    if protocol == "carry-over":
        raise ValueError(
            "protocol='carry-over' has runs that were carried over from one another: "
            "a loss law holds from fresh weights on, so give a comparison without it"
        )


def run_of(result: Result) -> MeasuredRun:
    setting = result.setting
    curve = result.curve if result.completed else None
    return MeasuredRun(setting.scheduler, setting.peak_lr, setting.steps, curve)


def read_runs(out: Path) -> list[MeasuredRun]:
    """The rows of runs.csv with their curves; KeyError where curves.csv has none for a completed run."""
    rows, curves = read_csv(out / "runs.csv"), read_curves(out / "curves.csv")
    return [
        MeasuredRun(
            row["scheduler"],
            float(row["peak_lr"]),
            int(row["steps"]),
            curves[row["run_id"]] if row["status"] == Status.COMPLETE.value else None,
        )
        for row in rows
    ]


def read_curves(path: Path) -> dict[str, RunCurve]:
    """run id -> its curve; a run under two names is there twice and counts once."""
    rows = {}
    for row in read_csv(path):
        rows.setdefault(row["run_id"], {})[int(row["step"])] = row
    return {run_id: curve_of([by_step[step] for step in sorted(by_step)]) for run_id, by_step in rows.items()}


def curve_of(rows: list[dict[str, str]]) -> RunCurve:
    names = [field.name for field in fields(RunCurve)]
    return RunCurve(**{name: np.array([float(row[name] or "nan") for row in rows]) for name in names})


def measure(
    runs: list[MeasuredRun], common_peak: float, warmup_steps: int, peak_lr: float | None
) -> Measured:
    """The runs at `peak_lr` and the longest horizon, by schedule; the one code path behind both readers."""
    if not runs:
        raise ValueError("no run of this comparison has ended: train some first")
    peak_lr = usual_peak(runs, common_peak) if peak_lr is None else peak_lr
    steps = max(run.steps for run in runs)
    seeds = curves_by_label([run for run in runs if run.peak_lr == peak_lr and run.steps == steps])
    if not seeds:
        peaks = ", ".join(f"{peak:g}" for peak in sorted({run.peak_lr for run in runs}))
        raise ValueError(f"peak_lr={peak_lr:g} has no complete run of {steps} steps: give one of {peaks}")
    validated = all(enough_validations(curve) for curves in seeds.values() for curve in curves)
    mean_curve = validation_curve if validated else training_curve
    what = "validation loss" if validated else f"training loss (means of {steps // BLOCKS or 1} steps)"
    curves = {label: replace(mean_curve(curves), name=label) for label, curves in seeds.items()}
    return Measured(curves, peak_lr, steps, warmup_steps, min(map(len, seeds.values())), what)


def usual_peak(runs: list[MeasuredRun], common_peak: float) -> float:
    """The comparison's peak lr; where it trained at several others, the one with the most completed runs."""
    peaks = [run.peak_lr for run in runs if run.curve]
    return common_peak if common_peak in peaks or not peaks else max(sorted(set(peaks)), key=peaks.count)


def curves_by_label(runs: list[MeasuredRun]) -> dict[str, list[RunCurve]]:
    """The seeds' curves of AdamW's schedules that completed with all of them, at the same learning rates."""
    curves = {}
    for run in filter(by_adamw, runs):
        curves.setdefault(run.label, []).append(run.curve)
    return {label: seeds for label, seeds in curves.items() if None not in seeds and same_lrs(seeds)}


def by_adamw(run: MeasuredRun) -> bool:
    known = REGISTRY.get(spelling(split_name(run.label)[0]))
    return known is None or known.optimizer == "adamw"


def same_lrs(curves: list[RunCurve]) -> bool:
    return all(np.array_equal(curve.lr, curves[0].lr) for curve in curves)


def enough_validations(curve: RunCurve) -> bool:
    return np.isfinite(curve.val_loss).sum() >= MIN_VALIDATIONS


def validation_curve(seeds: list[RunCurve]) -> Curve:
    losses = np.mean([curve.val_loss for curve in seeds], axis=0)
    steps = np.flatnonzero(np.isfinite(losses))
    return Curve(seeds[0].lr, steps, losses[steps])


def training_curve(seeds: list[RunCurve]) -> Curve:
    """Means over the seeds and over BLOCKS equal parts of the run, each at its middle step."""
    losses = np.mean([curve.loss for curve in seeds], axis=0)
    parts = np.array_split(np.arange(len(losses)), min(BLOCKS, len(losses)))
    return Curve(
        seeds[0].lr,
        np.array([part[len(part) // 2] for part in parts]),
        np.array([losses[part].mean() for part in parts]),
    )
