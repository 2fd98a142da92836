"""What a comparison ends with in the terminal: the ranking, and what the seeds say of it."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.table import Table
from rich.text import Text

from analysis.comparison import Comparison, Ranking
from analysis.figures.titles import setup_words
from analysis.fitted_table import GAP, fitted
from analysis.probe import probed
from analysis.race_words import race_sentence
from analysis.ranking_table import ranking_table, tuned_table
from analysis.sentences import CARRIED_OVER, MORE_SEEDS, ranking_sentences, unfinished
from analysis.steps_saved import saved_sentences
from analysis.text_table import TextTable
from analysis.tuning_words import tuning_notes
from nanosched.visible import visible

TUNED = "Each schedule at its own best peak lr; tuned.csv has what finding it cost:"


def terminal_width() -> int:
    """In characters: COLUMNS, else the terminal's, else 80 as where the output goes to a file."""
    return shutil.get_terminal_size((80, 24)).columns


def print_table(table: TextTable, title: str = ""):
    """Print the columns of `table` that the terminal has room for under a bold title."""
    shown = [[visible(cell) for cell in row] for row in table.rows]
    table = fitted(TextTable(table.headings, shown, table.names, table.priorities), terminal_width())
    rich = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
    for heading in table.headings:
        rich.add_column(heading, justify="left" if heading in table.names else "right", no_wrap=True)
    for row in table.rows:
        rich.add_row(*map(Text, row))  # a str would be read for markup and emoji
    if title:
        print_text(title, style="bold")
    cells = zip(table.headings, *table.rows)
    needed = sum(max(map(len, column)) + GAP for column in cells)  # a single word may be wider than all
    Console(highlight=False, width=max(terminal_width(), needed)).print(rich)


def print_text(text: str, style: str | None = None):
    """Print sentences, each line of `text` wrapped at the terminal's width; what is indented stays so."""
    lines = [line for given in text.split("\n") for line in wrapped(visible(given))]
    console = Console(highlight=False, width=max([1, *map(len, lines)]))
    console.print("\n".join(lines), style=style, markup=False, emoji=False)


def wrapped(line: str) -> list[str]:
    """Its lines in the terminal; a path or a command that is longer than one stays whole."""
    indent = " " * (len(line) - len(line.lstrip(" ")))
    further = indent + "  " * bool(indent)
    lines = textwrap.wrap(
        line.strip(),
        terminal_width(),
        initial_indent=indent,
        subsequent_indent=further,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return lines or [""]


@contextmanager
def progress(total: int, what: str) -> Iterator[Callable[[], None]]:
    """A bar for work that takes a while: `with progress(9, "figures and report") as advance:`.

    It goes away at the end, and there is none where the output is no terminal.

    Args:
        total: how often `advance` will be called.
        what: is being done.

    Returns:
        a context that gives `advance`, to be called after each part.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    if not sys.stdout.isatty():
        yield lambda: None
        return
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    errors_too = sys.stderr.isatty()  # else the lines of standard error would go to the terminal instead
    looks = dict(console=Console(), transient=True, redirect_stderr=errors_too)
    with Progress(*columns, auto_refresh=False, **looks) as bar:  # a thread that draws it could not be forked
        task = bar.add_task(what, total=total)
        bar.refresh()
        yield lambda: bar.update(task, advance=1, refresh=True)


def print_ranking(comparison: Comparison):
    """Print the ranking, best first, with the verdicts; with one seed as an order, not as a ranking.

    Before it whether the peak lr is off, and the regime.
    """
    rankings = list(comparison.judged.values())
    print()
    for line in before(comparison):
        print_text(line + "\n")
    if comparison.tuned:
        print_table(tuned_table(comparison), TUNED)
    else:
        print_table(ranking_table(comparison, rankings, metrics=True))
    for sentences in verdict_lines(rankings):
        print_text("\n" + "\n".join(sentences))
    for note in notes(comparison):
        print_text("\n" + note)


def before(comparison: Comparison) -> list[str]:
    """What the ranking is to be read with."""
    found = probed(comparison)
    first = [found.sentence] if found and found.sentence else []
    return first + ([setup_words(comparison)] if comparison.result_with_curve() else [])


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
    found = [one_seed] * (len(comparison.judging_seeds) == 1) + tuning_notes(comparison)
    if not comparison.finished:
        found.append(unfinished(len(comparison.results), len(comparison.requested)))
    found += [race_sentence(comparison)] if comparison.looks else []
    found += saved_sentences(comparison)
    return found + [CARRIED_OVER] * (comparison.protocol == "carry-over")
