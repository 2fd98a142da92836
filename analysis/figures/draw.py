"""The figures of a comparison, drawn from the store's curves."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from analysis.figures.colours import colour_of
from analysis.figures.page import STYLE, spell_lr
from analysis.tables import SETTING
from nanosched.files import atomic
from nanosched.history import read_curve
from sweep.store import load_run, run_folder

MOST_PANELS = 36  # a sweep of peak lrs has hundreds, which nobody can compare
CHOSEN = "Each schedule at the peak lr where it ended lowest; ranking.png has them all. "


@dataclass(frozen=True)
class Group:
    """One schedule with one peak lr: a row of the summary, and what its seeds measured."""

    label: str
    colour: str
    line: dict  # of the summary
    rows: list  # of runs.csv, one a seed
    complete: list  # curves, one a complete seed
    diverged: list  # curves that end in a number that is not finite


def draw_figures(out: Path, rows: list[dict], summary: list[dict]) -> list[Path]:
    """Draw out/figures/*.png and return their paths; none if no run has a curve.

    Args:
        out: the comparison's folder, whose runs/<run id>/ have the curves.
        rows: those of runs.csv.
        summary: those of summary.csv, whose order is the figures'.
    """
    from matplotlib import style

    from analysis.figures.dots import ranking, setup_words, wall_clock
    from analysis.figures.panels import grad_norm, lr_schedules, training_loss

    measured = [row for row in rows if row["status"] != "failed"]
    if not measured:
        return []
    groups = read_groups(Path(out), rows, summary)
    run = load_run(out, measured[0]["run_id"]) | dict(steps=max(line["steps"] for line in summary))
    setup = setup_words(groups, run)
    in_panels, chosen = (groups, "") if len(groups) <= MOST_PANELS else (one_each(groups), CHOSEN)
    with style.context(STYLE, after_reset=True):  # whatever the user's matplotlibrc says
        panels = {
            draw.__name__: draw(in_panels, run, chosen + setup)
            for draw in (training_loss, lr_schedules, grad_norm)
        }
        dots = {draw.__name__: draw(groups, run, setup) for draw in (wall_clock, ranking)}
        return [save(fig, Path(out) / "figures" / f"{name}.png") for name, fig in (panels | dots).items()]


def read_groups(out: Path, rows: list[dict], summary: list[dict]) -> list[Group]:
    """The summary's rows with their curves, each of which is read once."""
    curves = {
        row["run_id"]: read_curve(run_folder(out, row["run_id"]) / "curve.csv")
        for row in rows
        if row["status"] != "failed"
    }
    several_lrs, several_steps = (len({line[name] for line in summary}) > 1 for name in ("peak_lr", "steps"))
    groups = []
    for line in summary:
        own = [row for row in rows if all(row[name] == line[name] for name in SETTING)]
        label = (
            line["scheduler"]
            + f" @ {spell_lr(line['peak_lr'])}" * several_lrs
            + f", {line['steps']:,} steps" * several_steps
        )
        complete, diverged = (
            [curves[row["run_id"]] for row in own if row["status"] == status]
            for status in ("complete", "diverged")
        )
        groups.append(Group(label, colour_of(line["scheduler"]), line, own, complete, diverged))
    return groups


def one_each(groups: list[Group]) -> list[Group]:
    """Each schedule with the peak lr that comes first in the summary."""
    first = {group.line["scheduler"]: group for group in reversed(groups)}
    return [group for group in groups if first[group.line["scheduler"]] is group]


def save(fig, path: Path) -> Path:
    with atomic(path) as temporary:
        fig.savefig(temporary, format="png")
    return path
