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
from analysis.noise import prior_df_of
from analysis.outliers import outlier_limit
from analysis.ranking_table import Column, loss_words, ranking_columns
from analysis.report.blocks import Block, Folded, Plot, Schedule, Table, table_of
from analysis.report.row_ticks import with_ticks
from analysis.sentences import NO_RUN, answer, standing_sentence
from analysis.text import format_number, shorten
from analysis.text_table import TextTable
from analysis.verdicts import Verdicts

MAX_ROWS = 30  # a longer table is folded
CHANCES = "P(best) is how often a bootstrap of the seeds has it first, widened as a t-test is for few seeds."
PAIRS_INTERVALS = ", with the intervals of Holm's procedure for all pairs"
ONE_SEED = "One seed: an order, not a ranking."
HOLLOW = " Hollow: an average of the weights."
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
    several = f"{table_words(ranking.verdicts)} {CHANCES}"
    caption = f"{what}. {several if ranking.several_seeds else ONE_SEED}"
    names = [Schedule(row.entry.scheduler, row.entry.setting.average_words) for row in ranking.rows]
    return table_of(TextTable([column.heading for column in columns], rows), caption, names)


def table_words(verdicts: Verdicts) -> str:
    return (
        f"Differences are {difference_words(verdicts)}, paired by seed, with {verdicts.method}: "
        f"all hold at once, and p is below {verdicts.alpha:g} where one leaves out zero. "
        + noise_words(verdicts)
    )


def noise_words(verdicts: Verdicts) -> str:
    """How the noise of a difference was estimated."""
    df = prior_df_of({standing.name: standing.losses for standing in verdicts.standings})
    if not df:
        return "The noise of a difference is its own alone."
    if math.isinf(df):
        return "The noise of a difference is that of all pairs, which vary alike."
    return (
        "The noise of a difference is its own, moderated by that of all pairs as if by "
        f"{df:.2g} further degrees of freedom."
    )


def difference_words(verdicts: Verdicts) -> str:
    if verdicts.baseline:
        return f"to {verdicts.baseline}, the baseline named beforehand"
    return "to the best of the others"


def common_rank(comparison: Comparison, row: Ranked) -> str:
    tuned = comparison.tuned_entries.get(row.entry.setting)  # none of an average of the weights
    return str(tuned and tuned.common_rank or "-")


def ranking_plot(ranking: Ranking, at: str) -> Plot:
    """How far each is above the best, with its interval; with one seed the losses themselves."""
    rows, number = list(ranking.rows), len(ranking.rows)
    if number > MAX_PANELS:
        rows = list({row.entry.scheduler: row for row in reversed(rows)}.values())[::-1]
    rows, several_seeds = sorted(rows, key=lambda row: row.rank), ranking.several_seeds
    names = row_labels(rows)
    losses = [row.entry.loss for row in rows if row.entry.completed]
    edge = outlier_limit(np.array(losses)) if losses else 1.0
    if several_seeds and losses:
        edge -= ranking.reference.entry.loss
    quantity = above_words(ranking.verdicts) if several_seeds else "final validation loss"
    data = dict(
        rows=with_ticks([dot(row, name, ranking, rows) for row, name in zip(rows, names)]),
        edge=edge,
        zero=several_seeds,
        xtitle=f"{quantity} (nats per token)",
    )
    meaning = interval_words(ranking.verdicts) if several_seeds else ONE_DOT
    caption = (
        f"{meaning}{HOLLOW * any(row.entry.setting.average for row in rows)} A triangle at the edge lies "
        f"beyond it. Choose a baseline to see the differences to it{PAIRS_INTERVALS * several_seeds}."
        + f" Drawn: the first row of each schedule; the table has all {number}."
        * (len(rows) < number)
    )
    finding = several_seeds_finding(ranking, rows, at) if several_seeds else one_seed_finding(rows, names, at)
    return Plot("dots", finding, caption, data)


def above_words(verdicts: Verdicts) -> str:
    return f"above {shorten(verdicts.baseline)}" if verdicts.baseline else "above the best of the others"


def interval_words(verdicts: Verdicts) -> str:
    return (
        f"Dot: the mean difference {difference_words(verdicts)}, paired by seed; line: {verdicts.method}. "
        "One that leaves out zero is a significant difference."
    )


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
        average=bool(row.entry.setting.average),
        words=row_words(row, ranking),
        x=row.difference if ranking.several_seeds else row.entry.loss,
        low=low,
        high=high,
        against=[against(row, other, ranking.verdicts) for other in rows],
    )


def against(row: Ranked, other: Ranked, verdicts: Verdicts) -> list[float] | None:
    """Mean, low and high of the row's loss minus the other's; None where no pair was made of them.

    The intervals of pairs are those of Holm's procedure for all of them.
    """
    interval = row.standing.interval
    if interval and verdicts.baseline == other.standing.name:
        return [interval.mean, interval.low, interval.high]
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


def several_seeds_finding(ranking: Ranking, rows: list[Ranked], at: str) -> str:
    completed = [row for row in rows if row.entry.completed]
    return f"{answer(ranking.verdicts, shorten) if completed else NO_RUN}{at}."
