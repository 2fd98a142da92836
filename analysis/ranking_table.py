"""A ranking as a table of text: which columns it has, what stands in them, and which of them matter most."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from analysis.comparison import Comparison, Ranked, Ranking, TunedEntry
from analysis.text import format_interval, format_lr, format_number
from analysis.text_table import TextTable
from nanosched.run_files import Status


@dataclass(frozen=True)
class Column:
    heading: str
    text: Callable[[Ranked], str]
    priority: int = 0  # the higher, the sooner a narrow page leaves it to the CSV files


def ranking_table(comparison: Comparison, rankings: list[Ranking], metrics: bool = False) -> TextTable:
    """The rows of these rankings, best first.

    Args:
        comparison: theirs.
        rankings: one or several horizons.
        metrics: whether a few metrics of the runs follow, as in the terminal.
    """
    columns = ranking_columns(comparison, rankings) + (METRIC_COLUMNS if metrics else [])
    return table_of(columns, rankings)


def table_of(columns: list[Column], rankings: list[Ranking]) -> TextTable:
    rows = [[column.text(row) for column in columns] for ranking in rankings for row in ranking.rows]
    priorities = tuple(column.priority for column in columns)
    return TextTable([column.heading for column in columns], rows, priorities=priorities)


def ranking_columns(comparison: Comparison, rankings: list[Ranking]) -> list[Column]:
    settings = [row.entry.setting for ranking in rankings for row in ranking.rows]
    several_seeds = any(ranking.several_seeds for ranking in rankings)
    columns = [Column("#", lambda row: str(row.rank)), Column("schedule", lambda row: row.entry.setting.name)]
    if len({setting.peak_lr for setting in settings}) > 1 or comparison.tuned:
        columns.append(Column("peak lr", lambda row: peak_words(row, comparison)))
    if len({setting.steps for setting in settings}) > 1:
        columns.append(Column("steps", lambda row: f"{row.entry.setting.steps:,}"))
    columns.append(Column("final val loss", loss_words))
    if several_seeds:
        columns.append(Column("std over seeds", lambda row: format_number(row.entry.loss_std), 2))
    to = "to baseline" if any(ranking.verdicts.baseline for ranking in rankings) else "to best"
    columns.append(Column(to, lambda row: format_number(row.difference, "+.4f")))
    if several_seeds:
        columns.append(Column("95% interval", lambda row: format_interval(*row.interval)))
        columns.append(Column("p (adjusted)", lambda row: format_number(row.standing.p_adjusted, ".2g"), 1))
    return columns


METRIC_COLUMNS = [
    Column("best val loss", lambda row: format_number(row.entry.mean("best_val_loss")), 4),
    Column("grad-norm spikes", lambda row: format_number(row.entry.mean("grad_norm_spikes"), ".1f"), 5),
    Column("ms per step", lambda row: format_number(row.entry.mean("step_ms_p50"), ".1f"), 3),
]


def tuned_table(comparison: Comparison) -> TextTable:
    """Each schedule at its chosen peak lr, its place at the common one, and what finding it cost."""
    rankings = list(comparison.judged.values())
    columns = ranking_columns(comparison, rankings) + tuning_columns(comparison)
    return table_of(columns, rankings)


def tuning_columns(comparison: Comparison) -> list[Column]:
    def of_schedule(text: Callable[[TunedEntry], str]) -> Callable[[Ranked], str]:
        """Averages of the weights are not tuned on their own."""

        def of_row(row: Ranked) -> str:
            tuned = comparison.tuned_entries.get(row.entry.setting)
            return text(tuned) if tuned else "-"

        return of_row

    def diverged(tuned: TunedEntry) -> int:
        return sum(result.status is Status.DIVERGED for result in tuned.results)

    def seconds(tuned: TunedEntry) -> float:
        return sum(result.marginal_s for result in tuned.results if result.run)

    return [
        Column("# at the common lr", of_schedule(lambda tuned: str(tuned.common_rank or "-")), 1),
        Column("runs", of_schedule(lambda tuned: str(len(tuned.results))), 3),
        Column("diverged", of_schedule(lambda tuned: str(diverged(tuned))), 3),
        Column("added seconds", of_schedule(lambda tuned: f"{seconds(tuned):,.0f}"), 3),
    ]


def peak_words(row: Ranked, comparison: Comparison) -> str:
    peak = row.entry.setting.peak_lr
    tuned = comparison.tuned_entries.get(row.entry.setting) if comparison.tuned else None
    if tuned and not any(entry.completed for entry in (row.entry, *tuned.by_peak.values())):
        return f"none of {format_lr(tuned.peaks[0])} to {format_lr(tuned.peaks[-1])} completed"
    return format_lr(peak) + " (edge)" * (tuned is not None and tuned.on_edge)


def loss_words(row: Ranked) -> str:
    """The mean final validation loss, and which seeds diverged or failed."""
    words = row.entry.incomplete_words()
    loss = "-" if math.isnan(row.entry.loss) else f"{row.entry.loss:.4f}"
    return loss + f" ({words})" * bool(words)
