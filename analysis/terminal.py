"""What a comparison ends with in the terminal: the ranking, and what the seeds say of it."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from analysis.comparison import Comparison, Ranking
from analysis.ranking_table import ranking_table, tuned_table
from analysis.sentences import CARRIED_OVER, MORE_SEEDS, ranking_sentences, unfinished
from analysis.text_table import TextTable


def print_table(table: TextTable, title: str = ""):
    """Print `table` under a bold title; the console is as wide as it takes, since two cut names can look the
    same.
    """
    rich = Table(box=None, pad_edge=False, header_style="bold")
    for heading in table.headings:
        rich.add_column(heading, justify="left" if heading in table.names else "right", no_wrap=True)
    for row in table.rows:
        rich.add_row(*map(escape, row))
    cells = zip(table.headings, *table.rows)
    needed = sum(max(map(len, column)) + 2 for column in cells)
    console = Console(highlight=False, width=max(Console().width, needed))
    if title:
        console.print(title, style="bold", markup=False)
    console.print(rich)


def print_ranking(comparison: Comparison):
    """Print the ranking, best first, with the verdicts; with one seed as an order, not as a ranking."""
    rankings = list(comparison.judged.values())
    print()
    if comparison.tuned:
        title = "Each schedule at its own best peak lr, and what finding it cost:"
        print_table(tuned_table(comparison), title)
    else:
        print_table(ranking_table(comparison, rankings, metrics=True))
    for sentences in verdict_lines(rankings):
        print("\n" + "\n".join(sentences))
    for note in notes(comparison):
        print("\n" + note)


def verdict_lines(rankings: list[Ranking]) -> list[list[str]]:
    """For each horizon with several schedules and seeds what the seeds say."""
    several_steps = len(rankings) > 1
    return [
        ranking_sentences(ranking.verdicts, f"At {ranking.steps:,} steps, " * several_steps)
        for ranking in rankings
        if len(ranking.rows) > 1 and ranking.several_seeds
    ]


def notes(comparison: Comparison, one_seed: str = MORE_SEEDS) -> list[str]:
    """What the reader must know beside the numbers."""
    found = [one_seed] * (len(comparison.seeds) == 1)
    if not comparison.finished:
        found.append(unfinished(len(comparison.results), len(comparison.requested)))
    return found + [CARRIED_OVER] * (comparison.protocol == "carry-over")
