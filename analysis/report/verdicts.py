"""The report's section on verdicts: for each horizon, every schedule against every other."""

from __future__ import annotations

from analysis.comparison import Comparison, Ranked, Ranking
from analysis.report.blocks import Block, Matrix, MatrixCell, MatrixRow, Paragraph, Schedule
from analysis.report.ranking import row_labels
from analysis.sentences import HOLM, pair_sentence
from analysis.verdicts import MAX_TESTED, Pair, Verdict, Verdicts

NO_PAIRS = f"no two schedules have two seeds in common, or there are more than {MAX_TESTED} of them"
LEGEND = (
    "Row against column, in thousandths of a nat per token: ▼ the row is significantly lower, "
    "▲ it is significantly higher, ≈ they cannot be told apart, = they are identical, ? nothing is tested. "
    "Columns are numbered by rank; each cell's title is the verdict in words, with the "
    "interval of Holm's step. Fewer may differ than in the ranking: here every pair is tested, each with its "
    "own noise."
)
SIGNS = {  # of pairs without a significant difference
    Verdict.UNDECIDED: ("≈", "same"),
    Verdict.EQUIVALENT: ("≈", "same"),
    Verdict.IDENTICAL: ("=", "same"),
    Verdict.UNTESTED: ("?", "same"),
}
EMPTY = MatrixCell("")
NO_PAIR = MatrixCell("-", "fewer than two seeds in common")


def verdicts(comparison: Comparison) -> list[Block]:
    blocks = []
    for ranking in comparison.judged.values():
        if len(ranking.rows) > 1 and ranking.several_seeds:
            at = f" at {ranking.steps:,} steps" * (len(comparison.judged) > 1)
            tested = tested_pairs(ranking.verdicts)
            nothing = Paragraph(f"Nothing is tested{at}: {NO_PAIRS}.")
            blocks.append(matrix(ranking, tested, at) if tested else nothing)
    return blocks


def tested_pairs(verdicts: Verdicts) -> dict[frozenset[str], Pair]:
    return {names: pair for names, pair in verdicts.pairs.items() if pair.difference.n > 1}


def matrix(ranking: Ranking, pairs: dict[frozenset[str], Pair], at: str) -> Matrix:
    """How far apart the schedules are, and which significantly, with signs that need no colour."""
    different = sum(pair.significant for pair in pairs.values())
    finding = f"{different} of {len(pairs)} pairs are significantly different{at}"
    labels = row_labels(list(ranking.rows))
    rows = [matrix_row(row, label, ranking, pairs) for row, label in zip(ranking.rows, labels)]
    return Matrix(finding, f"{finding} ({HOLM}). {LEGEND}", rows)


def matrix_row(row: Ranked, label: str, ranking: Ranking, pairs: dict[frozenset[str], Pair]) -> MatrixRow:
    scheduler = row.entry.scheduler
    cells = [cell(row, column, pairs) for column in ranking.rows]
    return MatrixRow(row.rank, Schedule(scheduler, label[len(scheduler) :]), cells)


def cell(row: Ranked, column: Ranked, pairs: dict[frozenset[str], Pair]) -> MatrixCell:
    if row is column:
        return EMPTY
    one, other = row.standing, column.standing
    pair = pairs.get(frozenset((one.name, other.name)))
    if not pair:
        return NO_PAIR
    words = pair_sentence(pair, {standing.name: standing.losses for standing in (one, other)})
    above = pair.difference.mean if pair.second == one.name else -pair.difference.mean
    sign, kind = SIGNS.get(pair.verdict) or (("▼", "lower") if above < 0 else ("▲", "higher"))
    decimals = 1 if abs(above) < 0.00995 else 0
    return MatrixCell(f"{sign} {abs(1000 * above):.{decimals}f}", words, kind)
