"""The arms of the study and what each changes against float32: losses, gaps between schedules, verdicts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from itertools import combinations
from pathlib import Path

import numpy as np

from analysis.differences import PairedDifference, holm, paired_difference, rank_correlation
from analysis.verdicts import Losses, Pair, Verdict, Verdicts, judge, pair_verdict
from nanosched.csv_files import read_csv, write_csv
from nanosched.run_files import Status

FOLDERS = {  # arm -> its folder
    "float32": "float32",
    "bfloat16": "bfloat16",
    "float32, compiled": "float32_compiled",
    "bfloat16, compiled": "bfloat16_compiled",
}
BASE, QUESTION, CONTROL, AUTO = FOLDERS
MARGINS = {"low_peak": 0.007, ".": 0.02}  # folder of a regime -> nats per token; the protocol says why


class Outcome(Enum):
    """What an arm does to the losses, or to the answer."""

    CHANGED = "changed"
    SAME = "same"  # all intervals within the regime's margin
    UNTOLD = "untold"


@dataclass(frozen=True)
class Arm:
    """One comparison, of the same schedules and seeds in its own arithmetic."""

    name: str
    losses: dict[str, Losses]  # schedule -> seed -> final validation loss, nats per token
    manifest: dict

    @cached_property
    def verdicts(self) -> Verdicts:
        return judge(self.losses)

    @property
    def ranking(self) -> list[str]:
        """The schedules, the one with the lowest mean first."""
        return [standing.name for standing in self.verdicts.standings]

    @cached_property
    def means(self) -> dict[str, float]:
        return {standing.name: standing.mean for standing in self.verdicts.standings}

    def std(self, schedule: str) -> float:
        """Over the seeds, with n - 1."""
        return float(np.std(list(self.losses[schedule].values()), ddof=1))

    @property
    def seed_spread(self) -> float:
        """Standard deviation over the seeds of a schedule, of all schedules together."""
        return root_mean_square([self.std(schedule) for schedule in self.losses])

    def pair(self, first: str, second: str) -> Pair:
        return self.verdicts.pairs[frozenset({first, second})]

    def gap(self, first: str, second: str) -> float:
        """The second's mean loss minus the first's."""
        return self.means[second] - self.means[first]

    def gaps(self, first: str, second: str) -> Losses:
        """The same for each seed."""
        return {seed: loss - self.losses[first][seed] for seed, loss in self.losses[second].items()}

    def lower(self, first: str, second: str) -> str | None:
        """Which of the two is told apart as the lower one."""
        return min(first, second, key=self.means.get) if self.pair(first, second).significant else None


@dataclass(frozen=True)
class Change:
    """What an arm changes of one number, paired by seed: its own value minus float32's, nats per token."""

    difference: PairedDifference
    p_holm: float  # over the numbers of its kind

    @property
    def significant(self) -> bool:
        return pair_verdict(self.difference, self.p_holm) in (Verdict.BETTER, Verdict.WORSE)

    def within(self, margin: float) -> bool:
        return -margin <= self.difference.low and self.difference.high <= margin


@dataclass(frozen=True)
class Effect:
    """All that an arm changes against float32."""

    base: Arm
    arm: Arm
    margin: float  # nats per token

    @cached_property
    def losses(self) -> dict[str, Change]:
        """Schedule -> the change of its loss, in the order of float32."""
        names = self.base.ranking
        return dict(zip(names, changes([(self.arm.losses[name], self.base.losses[name]) for name in names])))

    @cached_property
    def gaps(self) -> dict[tuple[str, str], Change]:
        """Two schedules in the order of float32 -> the change of the second's loss minus the first's."""
        pairs = list(combinations(self.base.ranking, 2))
        return dict(zip(pairs, changes([(self.arm.gaps(*p), self.base.gaps(*p)) for p in pairs])))

    @property
    def rank_correlation(self) -> float:
        names = self.base.ranking
        return rank_correlation(*([arm.means[name] for name in names] for arm in (self.base, self.arm)))

    @property
    def other_verdicts(self) -> list[tuple[str, str]]:
        """The pairs of which the arm says something else."""
        return [pair for pair in self.gaps if self.base.lower(*pair) != self.arm.lower(*pair)]

    @property
    def reversed(self) -> list[tuple[str, str]]:
        """The pairs that both tell apart, in opposite directions."""
        return [p for p in self.other_verdicts if self.base.lower(*p) and self.arm.lower(*p)]

    @property
    def run_spread(self) -> float:
        """Standard deviation of the change of a run's loss around its schedule's mean change."""
        return root_mean_square([change.difference.sd for change in self.losses.values()])

    @property
    def on_losses(self) -> Outcome:
        return self.outcome(self.losses)

    @property
    def on_answer(self) -> Outcome:
        return Outcome.CHANGED if self.reversed else self.outcome(self.gaps)

    def outcome(self, changes: dict) -> Outcome:
        """As the protocol has it, of changes of one kind."""
        if any(change.significant for change in changes.values()):
            return Outcome.CHANGED
        same = all(change.within(self.margin) for change in changes.values())
        return Outcome.SAME if same else Outcome.UNTOLD


@dataclass(frozen=True)
class Regime:
    """All arms at one peak lr."""

    arms: dict[str, Arm]
    margin: float  # nats per token

    @property
    def base(self) -> Arm:
        return self.arms[BASE]

    @cached_property
    def effects(self) -> dict[str, Effect]:
        """Arm -> what it changes, for all but float32."""
        return {name: Effect(self.base, arm, self.margin) for name, arm in self.arms.items() if name != BASE}

    @property
    def schedules(self) -> list[str]:
        """In the order of float32."""
        return self.base.ranking

    @property
    def seeds(self) -> list[int]:
        return list(self.base.losses[self.schedules[0]])

    @property
    def config(self) -> dict:
        return self.base.manifest["config"]

    @property
    def peak_lr(self) -> float:
        return self.config["peak_lr"]


def changes(values: list[tuple[Losses, Losses]]) -> list[Change]:
    """Of each (value in the arm, value in float32), seed by seed, with Holm's correction over all of them."""
    differences = [paired_difference(*pair) for pair in values]
    p_holm = holm([difference.p for difference in differences])
    return [Change(difference, float(p)) for difference, p in zip(differences, p_holm)]


def root_mean_square(values: list[float]) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


# -- files


def read_regimes(out: Path) -> list[Regime]:
    """Both regimes, the lower peak lr first."""
    return [read_regime(out / folder, margin) for folder, margin in MARGINS.items()]


def read_regime(folder: Path, margin: float) -> Regime:
    """Every arm; ValueError where a run is not complete, or the arms have other schedules, seeds or data."""
    regime = Regime({name: read_arm(folder / arm, name) for name, arm in FOLDERS.items()}, margin)
    for name, arm in regime.arms.items():
        for what in ("runs asked for", "settings", "data"):
            if in_common(arm)[what] != in_common(regime.base)[what]:
                raise ValueError(
                    f"{folder / FOLDERS[name]} has other {what} than {BASE}: run its command anew"
                )
    return regime


def in_common(arm: Arm) -> dict:
    """What all arms have in common: all but the arithmetic."""
    config = {key: value for key, value in arm.manifest["config"].items() if key not in ("dtype", "compile")}
    runs = {schedule: sorted(losses) for schedule, losses in arm.losses.items()}
    return {"runs asked for": runs, "settings": config, "data": arm.manifest["dataset"]["fingerprint"]}


def read_arm(folder: Path, name: str) -> Arm:
    losses, path = {}, folder / "runs.csv"
    for row in read_csv(path):
        if row["status"] != Status.COMPLETE.value:
            raise ValueError(
                f"{path} has a run of {row['scheduler']} that is not complete: the page needs it"
            )
        losses.setdefault(row["scheduler"], {})[int(row["seed"])] = float(row["final_val_loss"])
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return Arm(name, losses, manifest)


def write_changes(out: Path, regimes: list[Regime]) -> Path:
    """changes.csv: a row for each regime, arm but float32 and schedule, in nats per token."""
    rows = [
        dict(
            peak_lr=regime.peak_lr,
            arm=name,
            scheduler=schedule,
            float32=regime.base.means[schedule],
            loss=effect.arm.means[schedule],
        )
        | change_columns(change)
        for regime in regimes
        for name, effect in regime.effects.items()
        for schedule, change in effect.losses.items()
    ]
    write_csv(path := out / "changes.csv", list(rows[0]), rows)
    return path


def write_gaps(out: Path, regimes: list[Regime]) -> Path:
    """gaps.csv: a row for each regime, arm but float32 and pair, the second's loss minus the first's."""
    rows = [
        dict(
            peak_lr=regime.peak_lr,
            arm=name,
            first=first,
            second=second,
            float32=regime.base.gap(first, second),
            gap=effect.arm.gap(first, second),
        )
        | change_columns(change)
        | dict(
            float32_p_holm=regime.base.pair(first, second).p_holm,
            arm_p_holm=effect.arm.pair(first, second).p_holm,
        )
        for regime in regimes
        for name, effect in regime.effects.items()
        for (first, second), change in effect.gaps.items()
    ]
    write_csv(path := out / "gaps.csv", list(rows[0]), rows)
    return path


def change_columns(change: Change) -> dict:
    d = change.difference
    return dict(seeds=d.n, change=d.mean, std=d.sd, low=d.low, high=d.high, p=d.p, p_holm=change.p_holm)
