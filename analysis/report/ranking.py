"""The report's section on the ranking: for each horizon the differences to the best or to another baseline,
drawn and as a table.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from analysis.comparison import Comparison, Ranked, Ranking, labels_of
from analysis.figures.groups import MAX_PANELS
from analysis.figures.titles import extremes, unranked
from analysis.outliers import outlier_limit
from analysis.ranking_table import Column, loss_words, ranking_columns
from analysis.report.blocks import Block, Folded, Plot, Table, table_of
from analysis.report.row_ticks import with_ticks
from analysis.sentences import NO_RUN, standing_sentence
from analysis.text import format_number, shorten
from analysis.text_table import TextTable
from analysis.verdicts import Verdicts

MAX_ROWS = 30  # a longer table is folded
SEVERAL_SEEDS = (
    "Intervals and p-values are of differences to the best, paired by seed; p is corrected for all pairs. "
    "P(best) is how often a bootstrap of the seeds has it first, widened as a t-test is for few seeds."
)
ONE_SEED = "One seed: an order, not a ranking."
INTERVALS = (
    "Dot: the mean difference to the best, paired by seed; line: its 95% interval. "
    "The intervals are not corrected for the number of pairs; the p-values in the table are."
)
ONE_DOT = "Dot: the run; one seed, so no ranking is claimed."


def ranking(comparison: Comparison) -> list[Block]:
    horizons = comparison.judged.values()
    return [block for judged in horizons for block in horizon_blocks(comparison, judged)]


def horizon_blocks(comparison: Comparison, judged: Ranking) -> list[Block]:
    at = f" at {judged.steps:,} steps" * (len(comparison.judged) > 1)
    number = len(judged.rows)
    what = "Each schedule at its chosen peak lr" if comparison.tuned else f"All {number} of the comparison"
    common = [Column("# at the common lr", lambda row: common_rank(comparison, row))] * comparison.tuned
    table = ranking_table(comparison, judged, what + at, common)
    blocks = [
        ranking_plot(judged, at),
        Folded(f"The table of all {number}{at}", table) if number > MAX_ROWS else table,
    ]
    if comparison.tuned:
        every = comparison.rankings[judged.steps]
        table = ranking_table(comparison, every, f"Every schedule at every peak lr{at}{by_seeds(comparison)}")
        blocks.append(Folded(f"All {len(every.rows)} pairs of schedule and peak lr{at}", table))
    return blocks


def by_seeds(comparison: Comparison) -> str:
    return ", with the seeds that chose" * comparison.held_out


def ranking_table(comparison: Comparison, ranking: Ranking, what: str, more: Sequence[Column] = ()) -> Table:
    """The columns of the terminal's table, and those that a wider page has room for."""
    columns = ranking_columns(comparison, [ranking])
    if ranking.several_seeds:
        columns.append(Column("P(best)", lambda row: format_number(row.standing.prob_best, ".0%")))
    columns += [Column("seeds", lambda row: str(row.entry.seeds)), *more]
    rows = [[column.text(row) for column in columns] for row in ranking.rows]
    caption = f"{what}. {SEVERAL_SEEDS if ranking.several_seeds else ONE_SEED}"
    return table_of(TextTable([column.heading for column in columns], rows), caption)


def common_rank(comparison: Comparison, row: Ranked) -> str:
    return str(comparison.tuned_entries[row.entry.setting].common_rank or "-")


def ranking_plot(ranking: Ranking, at: str) -> Plot:
    """How far each is above the best, with its interval; with one seed the losses themselves."""
    rows = list(ranking.rows)
    if len(rows) > MAX_PANELS:
        rows = list({row.entry.scheduler: row for row in reversed(rows)}.values())[::-1]
    rows, several_seeds = sorted(rows, key=lambda row: row.rank), ranking.several_seeds
    names = row_labels(rows)
    losses = [row.entry.loss for row in rows if row.entry.completed]
    edge = outlier_limit(np.array(losses)) - (losses[0] if several_seeds else 0) if losses else 1.0
    quantity = "above the best" if several_seeds else "final validation loss"
    data = dict(
        rows=with_ticks([dot(row, name, ranking, rows) for row, name in zip(rows, names)]),
        edge=edge,
        zero=several_seeds,
        xtitle=f"{quantity} (nats per token)",
    )
    meaning = INTERVALS if several_seeds else ONE_DOT
    caption = (
        f"{meaning} A triangle at the edge lies beyond it. Choose a baseline to see the differences to it."
    )
    finding = ranking_finding(rows, names, at) if several_seeds else one_seed_finding(rows, names, at)
    return Plot("dots", finding, caption, data)


def row_labels(rows: list[Ranked]) -> list[str]:
    """The schedules, with their peak lrs where these differ."""
    labels = labels_of(row.entry.setting for row in rows)
    return [labels[row.entry.setting] for row in rows]


def dot(row: Ranked, name: str, ranking: Ranking, rows: list[Ranked]) -> dict:
    """One row of the plot; `against` is the same for each of the rows as the baseline."""
    low, high = row.interval
    return dict(
        schedule=row.entry.scheduler,
        label=name,
        words=row_words(row, ranking),
        x=row.to_best if ranking.several_seeds else row.entry.loss,
        low=low,
        high=high,
        against=[against(row, other, ranking.verdicts) for other in rows],
    )


def against(row: Ranked, other: Ranked, verdicts: Verdicts) -> list[float] | None:
    """Mean, low and high of the row's loss minus the other's; None where no pair was made of them."""
    pair = verdicts.pairs.get(frozenset((row.standing.name, other.standing.name)))
    if not pair or not pair.difference.n:
        return None
    d = pair.difference
    if pair.second == row.standing.name:
        return [d.mean, d.low, d.high]
    return [-d.mean, -d.high, -d.low]


def row_words(row: Ranked, ranking: Ranking) -> str:
    """What is read where the pointer rests on a dot."""
    ends = f"validation loss {loss_words(row)}"
    if not row.entry.completed:
        ends = f"no completed run ({row.entry.incomplete_words()})"
    return f"{ends}; {standing_sentence(row.standing, ranking.verdicts)}"


def one_seed_finding(rows: list[Ranked], names: list[str], at: str) -> str:
    """What one seed's losses are, without a word on who is better."""
    losses = {name: row.entry.loss for row, name in zip(rows, names) if row.entry.completed}
    words = extremes(losses, "validation losses end between {} and {}", "a run ends at {}", "{:.4f}")
    return f"{unranked(words) if losses else words}{at}."


def ranking_finding(rows: list[Ranked], names: list[str], at: str) -> str:
    completed = [(row, shorten(name)) for row, name in zip(rows, names) if row.entry.completed]
    if not completed:
        return f"{NO_RUN}{at}."
    first, best = completed[0]
    if len(completed) == 1:
        return f"{best} ends at {first.entry.loss:.4f}{at}."
    apart = [pair for pair in completed if not math.isnan(pair[0].to_best)]
    last, highest = max(apart, key=lambda pair: pair[0].to_best, default=completed[0])
    if not last.to_best > 0:
        return f"{best} and the others end at the same loss{at}."
    return f"{best} is lowest{at}, and the others end up to {last.to_best:.4f} above it ({highest})."
