"""What a figure has a panel or a row for: a setting by its label, with the curves of its seeds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.comparison import Comparison, Entry, Ranked, Setting
from analysis.figures.colours import colour_of
from nanosched.history import RunCurve

MAX_PANELS = 36  # a sweep of peak lrs has hundreds, which nobody can compare


@dataclass(frozen=True)
class Group:
    """One row of summary.csv, as figures show it."""

    label: str
    ranked: Ranked

    @property
    def entry(self) -> Entry:
        return self.ranked.entry

    @property
    def setting(self) -> Setting:
        return self.entry.setting

    @property
    def colour(self) -> str:
        return colour_of(self.setting.scheduler)

    @property
    def completed(self) -> list[RunCurve]:
        return [result.curve for result in self.entry.completed]

    @property
    def diverged(self) -> list[RunCurve]:
        """Curves that end in a number that is not finite."""
        return [result.curve for result in self.entry.diverged]

    @property
    def curves(self) -> list[RunCurve]:
        return self.completed + self.diverged

    def incomplete_words(self) -> str:
        """Of the seeds that did not complete: "× diverged at step 41", or "1 of 3 diverged"."""
        if len(self.diverged) == self.entry.seeds:
            ends = [len(curve.loss) - 1 for curve in self.diverged]
            first, last = min(ends), max(ends)
            return f"× diverged at step{f' {first}' if first == last else f's {first} to {last}'}"
        if len(self.entry.failed) == self.entry.seeds:
            return "× failed"
        return self.entry.incomplete_words()

    def loss_words(self) -> str:
        """The mean final validation loss, and what became of the seeds that have none."""
        loss = [f"{self.entry.loss:.4f}"] * bool(self.completed)
        return ", ".join(filter(None, [*loss, self.incomplete_words()]))


def ranked_groups(comparison: Comparison) -> list[Group]:
    """A group for each row of summary.csv, in its order."""
    return [Group(comparison.labels[row.entry.setting], row) for row in comparison.rows]


def groups_of(comparison: Comparison) -> list[Group]:
    """A group for each row of summary.csv that has curves of its own: averages of the weights have none."""
    return without_averages(ranked_groups(comparison))


def without_averages(groups: list[Group]) -> list[Group]:
    return [group for group in groups if not group.setting.average]


def judged_groups(comparison: Comparison) -> list[Group]:
    """A group for each row that is ranked and has curves of its own: with --tune, each schedule at its own
    best peak lr.
    """
    rows = [row for ranking in comparison.judged.values() for row in ranking.rows]
    return without_averages([Group(comparison.labels[row.entry.setting], row) for row in rows])


def schedules_of(groups: list[Group]) -> list[str]:
    return [group.setting.scheduler for group in groups]


def one_each(groups: list[Group]) -> list[Group]:
    """Each schedule with the peak lr that comes first."""
    first = {group.setting.scheduler: group for group in reversed(groups)}
    return [group for group in groups if first[group.setting.scheduler] is group]


def step_times(groups: list[Group]) -> dict[str, np.ndarray]:
    """label -> 5th, 50th and 95th percentile of the ms per step, over all steps of all seeds."""
    times = {group.label: [1000 * curve.step_s for curve in group.curves] for group in groups}
    return {
        label: np.percentile(np.concatenate(curves), [5, 50, 95]) for label, curves in times.items() if curves
    }
