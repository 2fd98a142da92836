"""The form that all plots follow: which schedules, which peak lr and horizon, and the axes."""

from __future__ import annotations

from dataclasses import dataclass

from analysis.comparison import Comparison
from analysis.report.curves import drawn_groups
from analysis.text import format_lr

MAX_TICKED = 8  # schedules; of more, the best are ticked at first
BEST = 5


@dataclass(frozen=True)
class Menu:
    name: str
    title: str
    options: dict[str, str]  # value -> words
    chosen: str


@dataclass(frozen=True)
class Choices:
    schedules: list[str]  # the best first
    ticked: int  # so many from the first on
    buttons: dict[str, int]  # word -> how many it ticks
    menus: list[Menu]


def choices(comparison: Comparison, schedules: list[str]) -> Choices:
    number = len(schedules)
    return Choices(
        schedules,
        ticked=number if number <= MAX_TICKED else BEST,
        buttons={"all": number, "none": 0, f"best {BEST}": BEST},
        menus=[*horizon_menu(comparison), *peak_menu(comparison)],
    )


def horizon_menu(comparison: Comparison) -> list[Menu]:
    horizons = list(comparison.judged)
    if len(horizons) == 1:
        return []
    options = {str(steps): f"{steps:,} steps" for steps in horizons}
    return [Menu("steps", "Horizon", options, chosen=str(max(horizons)))]


def peak_menu(comparison: Comparison) -> list[Menu]:
    drawn = drawn_groups(comparison)
    peak_lrs = sorted({group.setting.peak_lr for group in drawn.groups})
    if len(peak_lrs) == 1 or not drawn.all:
        return []
    options = {"best": "each schedule's lowest"} | {repr(peak): format_lr(peak) for peak in peak_lrs}
    return [Menu("peak", "Peak lr of the curves", options, chosen="best")]
