"""Tables and sentences at the terminal's width: columns go, rows don't wrap, labels stay apart."""

import itertools
import sys

import pytest
from helpers_results import comparison_of, losses_of, result
from hypothesis import given
from hypothesis import strategies as st

from analysis.bounds import print_bounds
from analysis.fitted_table import fitted
from analysis.forecast import forecast_table
from analysis.predictions import ForecastRow
from analysis.ranking_table import ranking_table
from analysis.short_labels import short_labels
from analysis.terminal import print_ranking, print_table, print_text, progress
from analysis.text_table import TextTable
from schedulers import get_schedule, split_specs

LONG = "wsd:cooldown=0.4000000000000001,shape=sqrt,final_lr_ratio=0.0100000000001"
WIDTHS = (60, 80, 100, 200)


def at_width(monkeypatch, capsys, width, show, *args):
    """The lines that are printed in a terminal of this width."""
    monkeypatch.setenv("COLUMNS", str(width))
    show(*args)
    return capsys.readouterr().out.splitlines()


def many_seeds(**more):
    names = ["inverse_sqrt_cooldown", "wsd", "cosine", "constant"]
    losses = {name: [2.5 + i / 8, 2.7 + i / 9, 2.6 + i / 7] for i, name in enumerate(names)}
    return comparison_of(losses_of(**losses, **more))


def several_peaks():
    grid = itertools.product(["wsd", "inverse_sqrt_cooldown"], [0.001, 0.0028284271], [300, 12_000], [0, 1])
    runs = [result(s, 2 + p + i / 16, peak_lr=p, steps=n, seed=i) for i, (s, p, n, _) in enumerate(grid)]
    return comparison_of(runs)


COMPARISONS = {
    "seeds": many_seeds,
    "one seed": lambda: comparison_of(losses_of(wsd=[2.5], inverse_sqrt_cooldown=[2.25])),
    "long names": lambda: many_seeds(**{LONG: [3.0, 3.1, 3.2], LONG[:-1] + "2": [3.3, 3.1, 3.2]}),
    "diverged": lambda: many_seeds(rex=[None, 3.0, 3.1]),
    "peak lrs and horizons": several_peaks,
}


@pytest.mark.parametrize("case, width", list(itertools.product(COMPARISONS, WIDTHS)))
def test_no_row_of_the_ranking_is_wider_than_the_terminal(case, width, monkeypatch, capsys):
    comparison = COMPARISONS[case]()
    lines = at_width(monkeypatch, capsys, width, print_ranking, comparison)
    start = lines.index("", 1) + 1  # after what was trained
    table = lines[start : lines.index("", start)]
    assert max(map(len, table)) <= width
    assert all(len(line) <= width for line in lines if LONG[:40] not in line)
    rows = [line.split() for line in table if line[:2].strip().isdigit()]
    assert len(rows) == len(comparison.rows)  # one line each
    assert len({tuple(row[:4]) for row in rows}) == len(rows)
    for row, ranked in zip(rows, comparison.rows):
        assert f"{ranked.entry.loss:.4f}" in row


def test_what_is_asked_for_first_goes_last():
    heads = {width: {c.replace("\n", " ") for c in fitted_to(width).headings} for width in WIDTHS}
    first = {"#", "schedule", "final val loss", "to best", "95% interval"}
    assert heads[60] == first and heads[80] == first | {"p (adjusted)"}
    assert heads[100] == heads[80] | {"std over seeds", "ms per step"}
    assert heads[200] == heads[100] | {"best val loss", "grad-norm spikes"}


def fitted_to(width):
    comparison = many_seeds()
    return fitted(ranking_table(comparison, list(comparison.judged.values()), metrics=True), width)


@pytest.mark.parametrize("width", WIDTHS)
def test_bounds_and_forecasts_fit_too(width, monkeypatch, capsys):
    names = [name for name in split_specs("all") if name != "plateau"]
    schedules = [(name, get_schedule(name, 40, 0.01)) for name in [*names, LONG]]
    lines = at_width(monkeypatch, capsys, width, print_bounds, schedules)
    assert max(map(len, lines)) <= width
    rows = [
        ForecastRow(name, 300, 0.01, True, 2.5, 2.4, 2.6, 2.55)
        for name in (LONG, "inverse_sqrt_cooldown", "wsd")
    ]
    lines = at_width(monkeypatch, capsys, width, print_table, forecast_table(rows), "final loss " * 12)
    assert max(map(len, lines)) <= width and "2.5000" in lines[-1]
    assert width < 80 or sum("(fitted on)" in line for line in lines) == 3


def test_without_a_terminal_there_are_80_columns(monkeypatch, capsys):
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setattr(sys, "__stdout__", open("/dev/null", "w") if sys.platform != "win32" else None)
    print_ranking(many_seeds())
    assert max(map(len, capsys.readouterr().out.splitlines())) in range(70, 81)


def test_sentences_wrap_and_words_do_not(monkeypatch, capsys):
    path = "/a/" + "b" * 100 + "-c d"
    lines = at_width(
        monkeypatch, capsys, 60, print_text, "word " * 30 + "\n  " + "more " * 20 + "\n\n" + path
    )
    assert [len(line) <= 60 for line in lines].count(False) == 1 and path.split()[0] in lines
    more = [line for line in lines if "more" in line]
    assert more[0].startswith("  more") and all(line.startswith("    more") for line in more[1:])
    assert "" in lines


@pytest.mark.parametrize(
    "text", ["a\u202eb", "a\x1b[31mb", "a\rb", "a\u2028b", "a\ud800b", "a\u2066b", "a\x9bb"]
)
def test_what_cannot_be_seen_is_shown_as_an_escape(text, monkeypatch, capsys):
    shown = text.replace(text[1], text[1].encode("unicode_escape").decode())
    print_table(TextTable(["schedule"], [[text]]), title=text)
    print_text(text)
    out = capsys.readouterr().out
    assert out.replace("\n", "").isprintable() and [line.strip() for line in out.splitlines()] == [
        shown,
        "schedule",
        shown,
        shown,
    ]


def test_markup_and_emoji_names_of_rich_are_text(capsys):
    print_table(TextTable(["schedule"], [["[bold]:smile:"]]))
    print_text("[red]:smile:[/]")
    assert capsys.readouterr().out.count(":smile:") == 2


# --- labels


@given(st.lists(st.text("ab=,", max_size=30), unique=True, max_size=12), st.integers(8, 24))
def test_short_labels_are_short_and_told_apart(labels, width):
    short = short_labels(labels, width)
    assert list(short) == labels and len(set(short.values())) == len(labels)
    assert all(len(text) <= width for text in short.values())
    assert all(short[label] == label for label in labels if len(label) <= width)


def test_labels_keep_the_end_where_they_differ():
    specs = [f"wsd:cooldown=0.{i},shape=sqrt,final_lr_ratio=0.1" for i in (2, 4)]
    assert [short[:15] for short in short_labels(specs, 20).values()] == [spec[:15] for spec in specs]
    ends = [f"wsd:cooldown=0.4,shape=sqrt,final_lr_ratio=0.{i}" for i in (1, 2)]
    assert {short[-3:] for short in short_labels(ends, 16).values()} == {"0.1", "0.2"}


# --- the bar


def test_no_bar_where_nobody_sees_it(capsys):
    with progress(2, "figures and report") as advance:
        advance()
        print("in between")
        advance()
    assert capsys.readouterr().out == "in between\n"


def test_the_bar_moves_and_goes(monkeypatch, capsys):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    for name, value in dict(TERM="xterm", COLUMNS="80").items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("NO_COLOR", raising=False)
    with progress(2, "figures and report") as advance:
        advance()
        advance()
    seen = capsys.readouterr().out
    assert "figures and report" in seen and "2/2" in seen
    assert seen.rstrip().endswith("\x1b[2K")  # the line is cleared
