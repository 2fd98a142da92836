"""All that a comparison leaves behind: each file fails alone, and no file of an earlier command stays."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from analysis.aa import write_control
from analysis.comparison import Comparison
from analysis.figures.draw import FIGURES, draw_figure
from analysis.manifest import write_manifest
from analysis.markdown import write_markdown
from analysis.report.page import write_report
from analysis.tables import write_curves, write_pairs, write_runs, write_summary, write_tuned
from analysis.tensorboard import write_events
from nanosched.errors import first_line


@dataclass(frozen=True)
class Writer:
    """One file, or folder, and what writes it."""

    name: str  # below the comparison's folder
    write: Callable[[Comparison, Path], list[Path]]  # gives the paths written, none where it doesn't apply


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
    Writer("manifest.json", write_manifest),
    Writer("summary.md", write_markdown),
    Writer("aa.json", write_control),
]
PAGES = [
    Writer("report.html", write_report),
    *(Writer(f"figures/{figure.name}.png", partial(draw_figure, figure)) for figure in FIGURES),
]
EVENTS = Writer("tensorboard", write_events)
OF_THESE_RUNS = [
    "forecast.csv",
    "figures/forecast.png",
    "tensorboard",
]  # other commands make them of the runs


def write_files(
    writers: Iterable[Writer], comparison: Comparison, out: Path, advance: Callable[[], None] = lambda: None
) -> Written:
    """Let each write its files below `out`; one that can't is said in a line and left out.

    Args:
        writers: what to write, in order.
        comparison: what it is made from.
        out: the comparison's folder.
        advance: called after each writer.
    """
    paths, complete = [], True
    for writer in writers:
        try:
            paths += writer.write(comparison, out)
        except Exception as e:
            complete, reason = False, f"{type(e).__name__}: {first_line(e)}"
            file = out / writer.name
            print(f"error: can't write {file}: {reason}; what is trained is kept", file=sys.stderr)
        advance()
    return Written(paths, complete)


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
        if path in written:
            continue
        if path.name == EVENTS.name and path.is_dir():
            shutil.rmtree(path)
        elif path.is_file():
            path.unlink()
