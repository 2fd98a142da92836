"""The curves that forms are judged on, and which of them a form is fitted on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from analysis.text import format_lr
from nanosched.csv_files import read_csv
from schedulers import get_schedule
from studies.transfer.by_peak_law import lrs_of
from studies.transfer.by_peak_runs import CURVES, FILES, Run, periodic
from theory import Curve

LARGE, MIDDLE, SMALL = "124M", "100M", "0.1M"
FAMILIES = [MIDDLE, LARGE, SMALL]
PAPERS_CURVES, PEAK, WARMUP = "loss_curves_100M", 3e-4, 2160
PAPERS_TRIPLE = ("cosine_24000", "constant_24000", "wsdcon_9")
LARGE_TRIPLE, LARGE_STEPS = ("constant", "cosine to 10%", "wsd 20% linear"), 25_000
SMALL_TRIPLE = ("constant", "cosine", "wsd")
TOKENS = {2008: 20, 4115: 41}  # steps -> tokens per parameter
TAIL = {"reference": ", all schedules", "transfer": ""}


@dataclass(frozen=True)
class Trial:
    """A form is fitted on some curves and predicts others.

    Args:
        last: points that the loss at the end is the mean of.
        whole: judged by the mean absolute error over all points, not at the end.
    """

    name: str
    family: str
    fitted: list[Curve]
    unseen: list[Curve]
    last: int = 1
    whole: bool = False

    @property
    def ends(self) -> np.ndarray:
        """The measured losses at the end of the unseen curves, (curves,)."""
        return np.array([curve.losses[-self.last :].mean() for curve in self.unseen])


@dataclass(frozen=True)
class Curves:
    """All that is at hand: those of the 100M model by name, and the others by (peak lr, ...) and name."""

    middle: dict[str, Curve]
    large: dict[float, dict[str, Curve]]  # by peak lr
    small: dict[tuple[str, int, float], dict[str, Curve]]  # by comparison, steps and peak lr

    def trials(self) -> list[Trial]:
        """Those that all candidates are judged by."""
        middle = trial("100M", MIDDLE, self.middle, PAPERS_TRIPLE, last=5, whole=True)
        large = [trial(f"124M, {format_lr(peak)}", LARGE, c, LARGE_TRIPLE) for peak, c in self.large.items()]
        small = [
            trial(f"0.1M, {TOKENS[steps]} t/p, {format_lr(peak)}{TAIL[name]}", SMALL, c, SMALL_TRIPLE)
            for (name, steps, peak), c in self.small.items()
        ]
        return [middle, *large, *small]

    def horizons(self) -> list[Trial]:
        """Fitted at the lower number of steps, to predict all settings at the higher one."""
        return [
            Trial(format_lr(peak), SMALL, [curves[n] for n in SMALL_TRIPLE], list(self.longer(peak).values()))
            for (name, steps, peak), curves in self.small.items()
            if (name, steps) == ("transfer", min(TOKENS))
        ]

    def longer(self, peak: float) -> dict[str, Curve]:
        return self.small["transfer", max(TOKENS), peak]


def trial(name: str, family: str, curves: dict[str, Curve], fit_on: tuple[str, ...], **how) -> Trial:
    unseen = [curve for key, curve in curves.items() if key not in fit_on]
    return Trial(name, family, [curves[key] for key in fit_on], unseen, **how)


def read_curves(data: Path, kept: Path) -> Curves:
    """All curves.

    Args:
        data: the folder with the published ones of the 100M and the 124M model.
        kept: curves.csv, with those of the 0.1M model.

    Raises:
        OSError: a file that is not there.
        ValueError: a file of the 100M model whose lrs are not what its name says.
    """
    middle = {path.stem: papers_curve(path) for path in sorted((data / PAPERS_CURVES).glob("*.csv"))}
    large = {
        float(folder.name): {setting.name: large_curve(folder, setting) for setting in FILES}
        for folder in sorted((data / CURVES).iterdir())
    }
    return Curves(middle, large, read_small(kept))


def papers_curve(path: Path) -> Curve:
    """Of the 100M model, from the peak on and without points past the end of the run."""
    rows = read_csv(path)
    steps, given, losses = (np.array([float(row[name]) for row in rows]) for name in ("step", "lr", "loss"))
    lrs = papers_lrs(path.stem)
    within = steps < len(lrs)
    steps = steps[within].astype(int)
    if not np.allclose(lrs[steps], given[within], rtol=1e-6):
        raise ValueError(f"{path.name}: the lr column is not what the name says")
    return Curve(lrs, steps, losses[within], path.stem)


def papers_lrs(name: str) -> np.ndarray:
    """constant_T, cosine_T, wsd_D_T and wsdld_D_T (decay from D on), wsdcon_N (N 1e-5 from 8,000 on)."""
    kind, *numbers = name.split("_")
    *begin, steps = [8000, 16_000] if kind == "wsdcon" else map(int, numbers)
    t = np.arange(WARMUP, steps)
    first = begin[0] if begin else WARMUP
    part = np.maximum(t - first, 0) / (steps - first)
    decays = {
        "constant": lambda: np.ones(len(t)),
        "cosine": lambda: 0.1 + 0.9 * (1 + np.cos(np.pi * part)) / 2,
        "wsd": lambda: 0.1**part,
        "wsdld": lambda: 1 - 0.9 * part,
        "wsdcon": lambda: np.where(t < first, 1, float(numbers[0]) * 1e-5 / PEAK),
    }
    return PEAK * np.append(np.linspace(0, 1, WARMUP), decays[kind]())


def large_curve(folder: Path, setting) -> Curve:
    steps, losses = periodic(folder, setting)
    return Curve(lrs_of(Run(setting, float(folder.name), LARGE_STEPS)), steps - 1, losses, setting.name)


def read_small(path: Path) -> dict[tuple[str, int, float], dict[str, Curve]]:
    """By comparison, steps and peak lr, and by schedule as the command line has it."""
    columns, groups, small = ("comparison", "steps", "peak_lr", "scheduler", "warmup_steps"), {}, {}
    for row in read_csv(path):
        groups.setdefault(tuple(row[name] for name in columns), []).append(row)
    for (comparison, steps, peak, spec, warmup), rows in groups.items():
        lrs = get_schedule(spec, int(steps), float(peak), warmup_steps=int(warmup)).lrs()
        at = np.array([int(row["step"]) for row in rows])
        losses = np.array([float(row["val_loss"]) for row in rows])
        small.setdefault((comparison, int(steps), float(peak)), {})[spec] = Curve(lrs, at, losses, spec)
    return small
