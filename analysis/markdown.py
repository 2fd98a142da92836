"""summary.md: the ranking as a table to paste, and Markdown tables for other pages."""

from __future__ import annotations

from pathlib import Path

from analysis.comparison import Comparison
from analysis.figures.titles import setup_words
from analysis.probe import probed
from analysis.ranking_table import ranking_table
from analysis.sentences import ONE_SEED, ranking_sentences
from analysis.terminal import notes
from analysis.text_table import TextTable
from nanosched.files import atomic
from nanosched.visible import visible


def write_markdown(comparison: Comparison, out: Path) -> list[Path]:
    """Write out/summary.md: whether the peak lr is off, a table, what was trained, the verdict on the best of
    each horizon, and notes.
    """
    rankings = list(comparison.judged.values())
    judged = [ranking for ranking in rankings if ranking.several_seeds and ranking.best.entry.completed]
    verdicts = [ranking_sentences(ranking.verdicts, f"At {ranking.steps:,} steps, ")[0] for ranking in judged]
    trained = [setup_words(comparison)] if comparison.result_with_curve() else []
    found = probed(comparison)
    first = [visible(found.sentence), ""] if found and found.sentence else []
    lines = [
        *first,
        *markdown_table(ranking_table(comparison, rankings)),
        "",
        *map(visible, trained),
        *map(visible, [*verdicts, *notes(comparison, ONE_SEED)]),
    ]
    with atomic(path := out / "summary.md") as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return [path]


def markdown_table(table: TextTable) -> list[str]:
    """The lines of a Markdown table; names are code, so that nothing in them is markup."""
    left = [heading in table.names for heading in table.headings]
    rows = [[code(cell) if is_name else cell for cell, is_name in zip(row, left)] for row in table.rows]
    rules = "|".join("---" if is_name else "--:" for is_name in left)
    head, *body = ("| " + " | ".join(cells) + " |" for cells in (table.headings, *rows))
    return [head, f"|{rules}|", *body]


def code(text: str) -> str:
    return "`" + visible(text).replace("|", "\\|").replace("`", "'") + "`"
