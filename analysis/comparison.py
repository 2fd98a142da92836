"""A comparison as everything that is written sees it: settings, the results of their seeds, and rankings with
verdicts.

Read once from the store; tables, figures and report are functions of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from analysis.basin import Bottom, bottom
from analysis.differences import ALPHA, finite, prob_best
from analysis.metrics import METRICS, Metrics, curve_metrics
from analysis.race import Race, race
from analysis.text import counted, format_lr
from analysis.verdicts import MARGIN, Losses, Standing, Verdicts, judge
from nanosched.config import Config
from nanosched.history import RunCurve
from nanosched.known import Known
from nanosched.run_files import FinishedRun, Status
from schedulers import Schedule
from sweep.plan import Branch, Run
from sweep.store import Store
from sweep.tune import chosen_peak, judging_seeds


@dataclass(frozen=True)
class Setting:
    """What the seeds of one row of summary.csv have in common."""

    scheduler: str  # as the user spelled it
    peak_lr: float
    steps: int
    average: str = ""  # of the weights: "ema:decay=0.99"; "" for the last weights themselves
    params: str = field(
        default="", compare=False
    )  # every parameter, defaults too: "cooldown=0.2;shape=linear"
    warmup_steps: int = field(default=0, compare=False)  # that the metrics leave out, also with an own rise

    @staticmethod
    def of(run: Run) -> Setting:
        return Setting.of_schedule(run.label, run.schedule)

    @staticmethod
    def of_schedule(label: str, schedule: Schedule) -> Setting:
        params = ";".join(f"{name}={value}" for name, value in schedule.params.items())
        return Setting(label, schedule.peak_lr, schedule.steps, "", params, schedule.warmup_steps)

    @property
    def average_words(self) -> str:
        return f" + {self.average}" if self.average else ""

    @property
    def name(self) -> str:
        """The schedule with its average: "wsd + ema:decay=0.99"."""
        return self.scheduler + self.average_words


def labels_of(settings: Iterable[Setting]) -> dict[Setting, str]:
    """The schedules with their averages, and with peak lr and steps where these differ: "wsd @ 2e-3"."""
    settings = list(settings)
    several_peaks = len({setting.peak_lr for setting in settings}) > 1
    several_steps = len({setting.steps for setting in settings}) > 1
    return {
        s: s.name
        + f" @ {format_lr(s.peak_lr)}" * several_peaks
        + f", {counted(s.steps, 'step')}" * several_steps
        for s in settings
    }


@dataclass(frozen=True)
class Result:
    """One run that was asked for and has ended, or one average of its weights: one row of runs.csv."""

    setting: Setting
    seed: int
    run_id: str
    run: FinishedRun | None  # None for a run that failed
    paid_before: bool = False  # a result before this one is the same run, and has its cost
    peak_flops: float = math.nan  # FLOP/s that MFU is a fraction of, one number for the comparison

    @property
    def status(self) -> Status:
        if not self.run:
            return Status.FAILED
        record, average = self.run.record, self.setting.average
        if average and record.averages.get(average) is None:
            return Status.DIVERGED
        return Status(record.status)

    def averaged(self, average: str) -> Result:
        """The same run with this average of its weights in the place of the last ones."""
        return replace(self, setting=replace(self.setting, average=average))

    @property
    def completed(self) -> bool:
        return self.status is Status.COMPLETE

    @property
    def loss(self) -> float:
        """Final validation loss in nats per token, NaN unless completed."""
        if not self.completed:
            return math.nan
        record, average = self.run.record, self.setting.average
        return record.averages[average] if average else record.final_val_loss

    @property
    def curve(self) -> RunCurve:
        return self.run.curve

    @cached_property
    def metrics(self) -> Metrics:
        record = self.run.record
        return curve_metrics(self.curve, self.setting.warmup_steps, record.config["grad_clip"], self.loss)

    @cached_property
    def marginal_s(self) -> float:
        """Seconds of training that this run added to the comparison."""
        return 0.0 if self.paid_before else self.curve.step_s[self.run.record.trained_from :].sum()

    @property
    def tokens_per_s(self) -> float:
        return self.run.record.tokens / self.metrics.wall_s

    def number(self, name: str) -> float:
        """A metric, marginal_s, tokens_per_s or mfu by its name."""
        return getattr(self.metrics if name in METRICS else self, name)

    @property
    def mfu(self) -> float:
        return self.tokens_per_s * self.run.record.flops_per_token / self.peak_flops


@dataclass(frozen=True)
class Entry:
    """One row of summary.csv: a setting with the results of its seeds, in the order asked for."""

    setting: Setting
    results: tuple[Result, ...]

    @property
    def scheduler(self) -> str:
        return self.setting.scheduler

    @property
    def seeds(self) -> int:
        return len(self.results)

    @property
    def losses(self) -> Losses:
        return {result.seed: result.loss for result in self.results}

    @cached_property
    def completed(self) -> list[Result]:
        return self.with_status(Status.COMPLETE)

    @cached_property
    def diverged(self) -> list[Result]:
        return self.with_status(Status.DIVERGED)

    @cached_property
    def failed(self) -> list[Result]:
        return self.with_status(Status.FAILED)

    def averaged(self, average: str) -> Entry:
        """The same runs with this average of their weights in the place of the last ones."""
        results = tuple(result.averaged(average) for result in self.results)
        return Entry(replace(self.setting, average=average), results)

    def with_status(self, status: Status) -> list[Result]:
        return [result for result in self.results if result.status is status]

    @cached_property
    def loss(self) -> float:
        """Mean final validation loss of the completed seeds, NaN without one."""
        return mean_and_std([result.loss for result in self.completed])[0]

    @cached_property
    def loss_std(self) -> float:
        return mean_and_std([result.loss for result in self.completed])[1]

    def mean(self, name: str) -> float:
        """Mean over the completed seeds of a metric, marginal_s, tokens_per_s or mfu; NaN without one, and
        for an average of the weights, which has no curve and no cost of its own.
        """
        if self.setting.average:
            return math.nan
        return mean_and_std([result.number(name) for result in self.completed])[0]

    def incomplete_words(self) -> str:
        """ "1 of 3 diverged" where not every seed completed, else ""."""
        counts = dict(diverged=len(self.diverged), failed=len(self.failed))
        return ", ".join(f"{n} of {self.seeds} {status}" for status, n in counts.items() if n)


def mean_and_std(values: list[float]) -> tuple[float, float]:
    """Mean and standard deviation (n - 1), NaN where there are too few values."""
    mean = float(np.mean(values)) if values else math.nan
    return mean, float(np.std(values, ddof=1)) if len(values) > 1 else math.nan


@dataclass(frozen=True)
class Ranked:
    """An entry with its place in a ranking."""

    rank: int
    entry: Entry
    standing: Standing

    @property
    def difference(self) -> float:
        """Mean difference to the best of the others or to the baseline, paired by seed, NaN where no run
        completed; 0 for the baseline, and for the best where nothing is tested.
        """
        if math.isnan(self.entry.loss):
            return math.nan
        return self.standing.difference

    @property
    def interval(self) -> tuple[float, float]:
        """Simultaneous confidence interval of the difference, NaN where there is none."""
        interval = self.standing.interval
        return (interval.low, interval.high) if interval else (math.nan, math.nan)


@dataclass(frozen=True)
class Ranking:
    """The entries of one horizon, best first: more steps are no merit, so horizons rank apart."""

    steps: int
    rows: tuple[Ranked, ...]
    verdicts: Verdicts
    race: Race | None = None  # where seeds were added until all were decided

    @property
    def best(self) -> Ranked:
        return self.rows[0]

    @property
    def several_seeds(self) -> bool:
        return any(row.entry.seeds > 1 for row in self.rows)

    @property
    def reference(self) -> Ranked:
        """The baseline, or without one, or without a completed run of it, the best."""
        baseline = (row for row in self.rows if row.standing.name == self.verdicts.baseline)
        return next((row for row in baseline if row.entry.completed), self.best)


def rank(
    steps: int,
    named: dict[str, Entry],
    baseline: str | None = None,
    margin: float = MARGIN,
    alpha: float = ALPHA,
    looks: tuple[int, ...] = (),
) -> Ranking:
    """The entries of one horizon, by name, in the order of their mean loss; those with an incomplete seed
    come last. With looks, each one's interval is that of the look in which it was decided.
    """
    losses = {name: entry.losses for name, entry in named.items()}
    found = race(losses, looks, baseline, margin) if looks and len(named) > 1 else None
    shown = found and {name: decision.interval for name, decision in found.decisions.items()}
    verdicts = judge(losses, baseline, margin, alpha, shown)
    rows = (Ranked(i, named[s.name], s) for i, s in enumerate(verdicts.standings, 1))
    return Ranking(steps, tuple(rows), verdicts, found)


@dataclass(frozen=True)
class TunedEntry:
    """One schedule at one horizon: its entries by peak lr, and how it is judged at the chosen one."""

    by_peak: dict[float, Entry]  # of the seeds that chose, in ascending order
    best: Entry  # at the chosen peak lr, of the seeds that judge; without a result before one has ended
    common: Ranked | None  # among all at the peak lr that they have in common; None if none completed there

    @property
    def chosen(self) -> Entry:
        """At the chosen peak lr, of the seeds that chose it."""
        return self.by_peak[self.chosen_peak]

    @property
    def held_out(self) -> bool:
        """Whether it is judged by seeds that did not choose."""
        return self.best.results != self.chosen.results

    @property
    def common_rank(self) -> int | None:
        return self.common and self.common.rank

    @property
    def common_loss(self) -> float:
        """The judged loss, and what it is higher by at the common peak lr with the seeds that chose; NaN
        where that isn't known.
        """
        if not self.common:
            return math.nan
        at_common, at_chosen = finite(self.common.entry.losses), finite(self.chosen.losses)
        both = [seed for seed in at_common if seed in at_chosen]
        higher = mean_and_std([at_common[seed] - at_chosen[seed] for seed in both])[0]
        return self.best.loss + higher

    @cached_property
    def bottom(self) -> Bottom:
        """Where a parabola through the lowest mean and its neighbours is lowest."""
        return bottom({peak: entry.losses for peak, entry in self.by_peak.items()})

    @cached_property
    def as_good(self) -> list[float]:
        """Other peak lrs that may be the best one, too: lowest in one of 20 draws of the seeds, or more."""
        chances = prob_best({peak: entry.losses for peak, entry in self.by_peak.items()})
        return [peak for peak, chance in chances.items() if chance >= ALPHA and peak != self.chosen_peak]

    @property
    def chosen_peak(self) -> float:
        return self.best.setting.peak_lr

    @property
    def scheduler(self) -> str:
        return self.best.scheduler

    @property
    def peaks(self) -> list[float]:
        return list(self.by_peak)

    @property
    def on_edge(self) -> bool:
        """Whether a lower or higher peak lr than those tried may be better still."""
        losses = {mean_or_inf(entry) for entry in self.by_peak.values()}
        return self.chosen_peak in (self.peaks[0], self.peaks[-1]) and len(losses) > 1

    @property
    def results(self) -> list[Result]:
        """Of all peak lrs, and of the seeds that judge."""
        chose = [result for entry in self.by_peak.values() for result in entry.results]
        return chose + [result for result in self.best.results if result not in chose]


def mean_or_inf(entry: Entry) -> float:
    """Mean loss over all seeds, inf where one did not complete."""
    return entry.loss if len(entry.completed) == entry.seeds else math.inf


@dataclass(frozen=True)
class Comparison:
    """All that is known of a comparison when its results are written."""

    results: tuple[Result, ...]  # of the runs that ended, in the order asked for
    requested: tuple[Run, ...]  # all runs asked for
    config: Config  # with the machine's settings decided
    dataset: object  # data.Dataset
    command: str
    protocol: str = "fresh"
    tuned: bool = False
    tuning_seeds: tuple[int, ...] = ()  # with tuned: those that chose the peak lrs; () for all
    control: bool = False  # the A/A control: one schedule, the first half of the seeds against the second
    branches: tuple[Branch, ...] = ()  # the plan; none for carry-over
    baseline: str | None = None  # that all are compared with, a schedule or "wsd @ 2e-3"; None is the best
    margin: float = MARGIN  # what differs by less is as good; nats per token
    alpha: float = ALPHA  # family-wise error of a ranking
    looks: tuple[int, ...] = ()  # numbers of seeds, where they were added until all is decided
    probe: tuple[Result, ...] = ()  # one schedule at half and at twice the peak lr; no rows of any ranking
    known: Known = Known()  # what was measured of the preset

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """Each setting that was asked for; of a tuned comparison with the seeds that chose the peak lrs."""
        return entries_of(result for result in self.results if result.seed in self.row_seeds)

    @cached_property
    def ranked_entries(self) -> tuple[Entry, ...]:
        """The rows of summary.csv: the entries, and again with each average of the weights."""
        return self.with_averages(self.entries)

    def with_averages(self, entries: Iterable[Entry]) -> tuple[Entry, ...]:
        entries = tuple(entries)
        return entries + tuple(
            entry.averaged(average) for average in self.config.average_specs for entry in entries
        )

    @cached_property
    def settings(self) -> tuple[Setting, ...]:
        return tuple(entry.setting for entry in self.entries)

    @cached_property
    def rankings(self) -> dict[int, Ranking]:
        """steps -> every setting of that horizon, the shortest horizon first."""
        rankings = {}
        for steps in sorted({setting.steps for setting in self.settings}):
            entries = [entry for entry in self.ranked_entries if entry.setting.steps == steps]
            labels = labels_of(entry.setting for entry in entries)
            rankings[steps] = self.rank(steps, {labels[entry.setting]: entry for entry in entries})
        return rankings

    @cached_property
    def tuned_entries(self) -> dict[Setting, TunedEntry]:
        """Setting with the chosen peak lr -> the schedule at all its peak lrs."""
        judges = {
            entry.setting: entry
            for entry in entries_of(result for result in self.results if result.seed in self.judging_seeds)
        }
        common = {steps: self.ranked_at_common(steps) for steps in self.rankings}
        found = {}
        for entry in self.entries:
            found.setdefault((entry.setting.steps, entry.scheduler), []).append(entry)
        tuned = (
            tuned_entry(entries, judges, common[steps].get(scheduler))
            for (steps, scheduler), entries in sorted(found.items(), key=lambda item: item[0][0])
        )
        return {entry.best.setting: entry for entry in tuned}

    def ranked_at_common(self, steps: int) -> dict[str, Ranked]:
        """Schedule -> its place at the peak lr that all have in common, by the seeds that all have there."""
        peak = self.config.peak_lr
        found = [entry for entry in self.at_horizon(steps) if math.isclose(entry.setting.peak_lr, peak)]
        seeds = set.intersection(*(set(entry.losses) for entry in found)) if found else set()
        alike = (Entry(e.setting, tuple(r for r in e.results if r.seed in seeds)) for e in found)
        named = {entry.scheduler: entry for entry in alike if entry.completed}
        return {row.entry.scheduler: row for row in rank(steps, named).rows} if named else {}

    @cached_property
    def judged(self) -> dict[int, Ranking]:
        """What is ranked: all settings, or with --tune each schedule at its chosen peak lr, by the seeds that
        judge; the averages of its weights do not choose, and are judged.
        """
        if not self.tuned:
            return self.rankings
        named = {steps: {} for steps in self.rankings}
        for tuned in self.tuned_entries.values():
            for entry in self.with_averages([tuned.best] if tuned.best.results else []):
                named[entry.setting.steps][entry.setting.name] = entry
        return {steps: self.rank(steps, entries) for steps, entries in named.items() if entries}

    def rank(self, steps: int, named: dict[str, Entry]) -> Ranking:
        return rank(steps, named, self.baseline_among(named), self.margin, self.alpha, self.looks)

    @property
    def seeds_wanted(self) -> dict[Setting, int]:
        """With looks: how many seeds each setting has, or needs for the next look, if only for an average."""
        wanted = {}
        for ranking in self.rankings.values():
            for row in ranking.rows:
                running = ranking.race and row.standing.name in ranking.race.running
                seeds, setting = row.entry.seeds, replace(row.entry.setting, average="")
                wanted[setting] = max(wanted.get(setting, 0), ranking.race.seeds if running else seeds)
        return wanted

    def baseline_among(self, named: dict[str, Entry]) -> str | None:
        """The baseline's name: of a schedule at several peak lrs that with the one that all have in common.

        None without a baseline, and as long as it has no result.
        """
        if self.baseline in named:
            return self.baseline
        settings = {name: entry.setting for name, entry in named.items()}
        peaks = {n: s.peak_lr for n, s in settings.items() if s.name == self.baseline}
        common = (name for name, peak in peaks.items() if math.isclose(peak, self.config.peak_lr))
        return next(common, next(iter(peaks), None))

    @property
    def rows(self) -> list[Ranked]:
        """The rows of summary.csv, horizon by horizon."""
        return [row for ranking in self.rankings.values() for row in ranking.rows]

    @property
    def seeds(self) -> list[int]:
        return sorted({result.seed for result in self.results})

    @cached_property
    def judging_seeds(self) -> list[int]:
        return judging_seeds(self.seeds, self.tuning_seeds)

    @property
    def held_out(self) -> bool:
        """Whether other seeds judge than those that chose the peak lrs."""
        return self.judging_seeds != self.seeds

    @cached_property
    def row_seeds(self) -> list[int]:
        """Of the rows of summary.csv: all, or those that chose the peak lrs where others judge."""
        return [seed for seed in self.seeds if not self.held_out or seed in self.tuning_seeds]

    @property
    def finished(self) -> bool:
        return len(self.results) == len(self.requested)

    def at_horizon(self, steps: int) -> list[Entry]:
        return [entry for entry in self.entries if entry.setting.steps == steps]

    @cached_property
    def labels(self) -> dict[Setting, str]:
        return labels_of(entry.setting for entry in self.ranked_entries)

    def result_with_curve(self) -> Result | None:
        """The first result that has one: the model, the device and the data are the same for all."""
        return next((result for result in self.results if result.run), None)


def entries_of(results: Iterable[Result]) -> tuple[Entry, ...]:
    groups = {}
    for result in results:
        groups.setdefault(result.setting, []).append(result)
    return tuple(Entry(setting, tuple(results)) for setting, results in groups.items())


def tuned_entry(entries: list[Entry], judges: dict[Setting, Entry], common: Ranked | None) -> TunedEntry:
    """Of a schedule's entries at one horizon."""
    by_peak = {e.setting.peak_lr: e for e in sorted(entries, key=lambda e: e.setting.peak_lr)}
    chosen = by_peak[chosen_peak({peak: entry.losses for peak, entry in by_peak.items()})].setting
    return TunedEntry(by_peak, judges.get(chosen, Entry(chosen, ())), common)


def read_results(store: Store, runs: Iterable[Run], errors: dict[str, str]) -> tuple[Result, ...]:
    """A result for each run that completed, diverged or failed; unfinished ones have none.

    Args:
        store: where finished runs lie.
        runs: in the order asked for.
        errors: run id -> error, of the runs that failed now.
    """
    runs = list(runs)
    finished = {run.id: found for run in runs if (found := store.get(run.id))}
    # each process measured it beside the others' work, which only lowers it
    peak_flops = max((found.record.peak_flops for found in finished.values()), default=math.nan)
    results, paid = [], set()
    for run in runs:
        if run.id in finished:
            paid_before = run.id in paid
            paid.add(run.id)
            results.append(
                Result(Setting.of(run), run.seed, run.id, finished[run.id], paid_before, peak_flops)
            )
        elif run.id in errors:
            results.append(Result(Setting.of(run), run.seed, run.id, None))
    return tuple(results)
