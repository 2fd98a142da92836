"""What the probe says: whether one schedule ends lower at half or at twice the peak lr asked for."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

from analysis.comparison import Comparison, Result
from analysis.differences import finite, paired_difference
from analysis.text import format_lr
from analysis.verdicts import Losses
from nanosched.csv_files import write_csv
from nanosched.run_files import Status

ONE_SEED = 0.02  # nats per token: what a difference of one seed must exceed, where its noise is not known
COLUMNS = "run_id scheduler peak_lr steps seed status final_val_loss".split()


@dataclass(frozen=True)
class Side:
    """The probed schedule at half or at twice the peak lr."""

    peak_lr: float
    words: str  # "half" or "twice"
    losses: Losses  # NaN for a run that diverged
    asked: Losses  # at the peak lr asked for, of the same seeds
    noise: float | None  # standard deviation of a seed's difference, where that is known

    @property
    def one_seed(self) -> bool:
        return len(self.losses) == 1

    @property
    def difference(self) -> float:
        """Mean over the seeds that completed at both, below 0 where this side ends lower."""
        return paired_difference(self.losses, self.asked).mean

    @property
    def off(self) -> bool:
        """Whether it ends lower by more than noise, or completes where the peak lr asked for diverges."""
        if len(finite(self.losses)) < len(self.losses):
            return False
        if len(finite(self.asked)) < len(self.asked):
            return True
        if not self.one_seed:
            return paired_difference(self.losses, self.asked).high < 0
        return self.difference < -(2 * self.noise if self.noise else ONE_SEED)

    @property
    def evidence(self) -> str:
        """ "2e-2: 1.8120 against 1.8410"."""
        completed = finite(self.asked)
        if len(completed) < len(self.asked):
            gone = len(self.asked) - len(completed)
            seeds = "" if self.one_seed else f" with {gone} of {len(self.asked)} seeds"
            return f"{format_lr(self.peak_lr)}: {mean(self.losses):.4f}, where this one diverges{seeds}"
        known = f"noise {self.noise:g}" if self.noise else "noise not known"
        doubt = f", one seed, {known}" * self.one_seed
        return f"{format_lr(self.peak_lr)}: {mean(self.losses):.4f} against {mean(self.asked):.4f}{doubt}"


@dataclass(frozen=True)
class Probed:
    """One schedule at the peak lr asked for and at the sides of it that have ended."""

    scheduler: str
    peak_lr: float  # asked for
    sides: tuple[Side, ...]  # ascending
    where: str = ""  # the horizon, where there are several
    below: str = "ranking"  # what follows the answer: "order" with one seed, "" of a single schedule

    @property
    def off(self) -> Side | None:
        """The side where the best peak lr lies, the lower one of two."""
        return min((side for side in self.sides if side.off), key=lambda s: mean(s.losses), default=None)

    @property
    def diverges(self) -> bool:
        """Whether a seed diverges at the peak lr asked for."""
        return any(len(finite(side.asked)) < len(side.asked) for side in self.sides)

    @property
    def best_known(self) -> float | None:
        """None where no peak lr of the three completes with every seed."""
        if self.off:
            return self.off.peak_lr
        return None if self.diverges else self.peak_lr

    @property
    def sentence(self) -> str:
        """What the answer begins with; "" where the peak lr is not off by more than noise."""
        if not self.off:
            return ""
        keeps = "keeps the lr high" if self.off.peak_lr > self.peak_lr else "brings the lr down"
        says = f": the {self.below} below says who {keeps}, not which schedule is best when tuned"
        return (
            f"{self.where}{self.scheduler} ends lower at {self.off.words} the peak lr ({self.off.evidence})"
            f"{says * bool(self.below)}; give --peak-lr {format_lr(self.off.peak_lr)} or --tune."
        )

    @property
    def clause(self) -> str:
        """ "cosine is no lower at half or twice this"."""
        if self.off:
            return f"{self.scheduler} is lower at {self.off.words} this"
        if self.diverges:
            sides = " and ".join(side.words for side in self.sides)
            return f"{self.scheduler} diverges at this, and at {sides} this"
        beyond = " beyond noise" * any(side.difference < 0 for side in self.sides)
        return f"{self.scheduler} is no lower{beyond} at {' or '.join(s.words for s in self.sides)} this"


def probed(comparison: Comparison) -> Probed | None:
    """What the probe found; None without one, or before runs of it and of the asked one have ended."""
    results = [result for result in comparison.probe if result.run]
    if not results:
        return None
    asked_for = replace(results[0].setting, peak_lr=comparison.config.peak_lr)
    asked = {r.seed: r.loss for r in comparison.results if r.setting == asked_for and r.run}
    sides = []
    for peak_lr in sorted({result.setting.peak_lr for result in results}):
        losses = {r.seed: r.loss for r in results if r.setting.peak_lr == peak_lr and r.seed in asked}
        if losses:
            words = "twice" if peak_lr > asked_for.peak_lr else "half"
            same = {seed: asked[seed] for seed in losses}
            sides.append(Side(peak_lr, words, losses, same, comparison.known.noise))
    several = len({setting.steps for setting in comparison.settings}) > 1
    where = f"At {asked_for.steps:,} steps, " * several
    below = "" if len(comparison.settings) == 1 else "order" if len(comparison.seeds) == 1 else "ranking"
    return Probed(asked_for.scheduler, asked_for.peak_lr, tuple(sides), where, below) if sides else None


def write_probe(comparison: Comparison, out: Path) -> list[Path]:
    """Write out/probe.csv, a row for each run of the probe; no file without one."""
    if not comparison.probe:
        return []
    write_csv(path := out / "probe.csv", COLUMNS, map(probe_row, comparison.probe))
    return [path]


def probe_row(result: Result) -> dict:
    return dict(
        run_id=result.run_id,
        scheduler=result.setting.scheduler,
        peak_lr=result.setting.peak_lr,
        steps=result.setting.steps,
        seed=result.seed,
        status=result.status.value,
        final_val_loss=result.loss if result.status is Status.COMPLETE else None,
    )


def mean(losses: Losses) -> float:
    completed = finite(losses)
    return sum(completed.values()) / len(completed) if completed else math.nan
