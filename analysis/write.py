"""All that a comparison leaves behind: each file fails alone, and no file of an earlier command stays."""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path

from analysis.aa import write_control
from analysis.comparison import Comparison
from analysis.figures.draw import FIGURES, draw_figure
from analysis.figures.page import DRAWN_BY
from analysis.manifest import write_manifest
from analysis.markdown import write_markdown
from analysis.probe import write_probe
from analysis.processes import call_each
from analysis.report.page import write_report
from analysis.tables import write_curves, write_pairs, write_runs, write_summary, write_tuned
from nanosched.errors import first_line


@dataclass(frozen=True)
class Writer:
    """One file, or folder, and what writes it."""

    name: str  # below the comparison's folder
    write: Callable[[Comparison, Path], list[Path]]  # gives the paths written, none where it doesn't apply
    imports: tuple[str, ...] = ()  # modules that several writers need


@dataclass(frozen=True)
class Written:
    """What some writers left."""

    paths: list[Path]
    complete: bool  # whether none of them failed


TABLES = [
    Writer("runs.csv", write_runs),
    Writer("summary.csv", write_summary),
    Writer("pairs.csv", write_pairs),
    Writer("tuned.csv", write_tuned),
    Writer("curves.csv", write_curves),
    Writer("probe.csv", write_probe),
    Writer("manifest.json", write_manifest),
    Writer("summary.md", write_markdown),
    Writer("aa.json", write_control),
]
PAGES = [
    Writer("report.html", write_report),
    *(Writer(f"figures/{figure.name}.png", partial(draw_figure, figure), DRAWN_BY) for figure in FIGURES),
]
OF_THESE_RUNS = ["forecast.csv", "figures/forecast.png"]  # another command makes them of the runs


def write_files(
    writers: Iterable[Writer],
    comparison: Comparison,
    out: Path,
    advance: Callable[[], None] = lambda: None,
    n: int = 1,
) -> Written:
    """Let each write its files below `out`; one that can't is said in a line and left out.

    Args:
        writers: what to write, in order.
        comparison: what it is made from.
        out: the comparison's folder.
        advance: called after each writer.
        n: how many write at a time, each in a process of its own; default 1, one after another in this one.
    """
    paths, complete, writers = [], True, list(writers)
    for writer, ending in zip(writers, call_each(calls(writers, comparison, out), n, advance)):
        written, error = ending or ([], "its process died: out of memory, or killed")
        paths += written
        if error:
            complete, file = False, out / writer.name
            print(f"error: can't write {file}: {error}; what is trained is kept", file=sys.stderr)
    return Written(paths, complete)


def calls(writers: list[Writer], comparison: Comparison, out: Path) -> Iterator[Callable]:
    """A call for each writer; what it needs is imported here, once for it and those after it, while those
    before it are at work.
    """
    for writer in writers:
        with suppress(Exception):  # the writer meets it again, and says it
            list(map(import_module, writer.imports))
        yield partial(attempt, writer, comparison, out)


def attempt(writer: Writer, comparison: Comparison, out: Path) -> tuple[list[Path], str]:
    """The paths that it wrote, and why it could not, in one line."""
    gc.disable()  # a search among a figure's thousands of objects would take a sixth of its time
    try:
        return writer.write(comparison, out), ""
    except Exception as e:
        return [], f"{type(e).__name__}: {first_line(e)}"
    finally:
        gc.enable()


def run_ids(out: Path) -> set[str]:
    """Those of the comparison that was last written there."""
    try:
        return {run["run_id"] for run in json.loads((out / "manifest.json").read_text())["runs"]}
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def delete_leftovers(out: Path, written: list[Path], same_runs: bool):
    """Delete what earlier commands left and this one didn't write, where it would contradict what it did.

    Args:
        out: the comparison's folder.
        written: this command's files.
        same_runs: whether the earlier comparison had the same runs; what follows from them alone then stays.
    """
    names = [writer.name for writer in (*TABLES, *PAGES)] + ([] if same_runs else OF_THESE_RUNS)
    for path in (out / name for name in names):
        if path not in written and path.is_file():
            path.unlink()
