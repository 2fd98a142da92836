"""The figures of a comparison, each under the name of its file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from analysis.comparison import Comparison
from analysis.figures.basins import basins_of
from analysis.figures.difference import difference_page, differences_of
from analysis.figures.grad_norm import grad_norm_page
from analysis.figures.lr_schedules import lr_schedules_page
from analysis.figures.page import draw_page
from analysis.figures.peak_lr import peak_lr_page
from analysis.figures.plan import plan_page
from analysis.figures.ranking import ranking_page
from analysis.figures.training_loss import training_loss_page
from analysis.figures.tuned_ranking import tuned_ranking_page
from analysis.figures.wall_clock import wall_clock_page


@dataclass(frozen=True)
class Figure:
    """One file of out/figures."""

    name: str  # of the file, without .png
    page: Callable[[Comparison], object]  # what is drawn, a matplotlib Figure
    applies: Callable[[Comparison], bool]  # whether there is anything to draw


def has_curve(comparison: Comparison) -> bool:
    return comparison.result_with_curve() is not None


def has_branches(comparison: Comparison) -> bool:
    return bool(comparison.branches)


def has_basins(comparison: Comparison) -> bool:
    return comparison.tuned and bool(basins_of(comparison))


def has_differences(comparison: Comparison) -> bool:
    return bool(differences_of(comparison))


FIGURES = (
    Figure("training_loss", training_loss_page, has_curve),
    Figure("difference", difference_page, has_differences),
    Figure("lr_schedules", lr_schedules_page, has_curve),
    Figure("grad_norm", grad_norm_page, has_curve),
    Figure("wall_clock", wall_clock_page, has_curve),
    Figure("ranking", ranking_page, has_curve),
    Figure("plan", plan_page, has_branches),
    Figure("peak_lr", peak_lr_page, has_basins),
    Figure("tuned_ranking", tuned_ranking_page, has_basins),
)


def draw_figure(figure: Figure, comparison: Comparison, out: Path) -> list[Path]:
    """Draw one figure and return its path, none where there is nothing to draw for it."""
    if not figure.applies(comparison):
        return []
    path = draw_page(Path(out) / "figures" / f"{figure.name}.png", figure.page, comparison)
    return [path]
