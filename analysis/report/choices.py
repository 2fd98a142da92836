"""The form that all plots follow: which schedules, which baseline, peak lr and horizon, and the axes."""

from __future__ import annotations

from dataclasses import dataclass

from analysis.comparison import Comparison
from analysis.report.curves import drawn_groups
from analysis.text import format_lr

MAX_TICKED = 8  # schedules; of more, those that everybody knows and the best are ticked at first
KNOWN = ("constant", "cosine", "wsd")
LOWEST = 2  # that are ticked at first beside them
BEST = 5  # that a button ticks, by their mean losses


@dataclass(frozen=True)
class Menu:
    name: str
    title: str
    options: dict[str, str]  # value -> words
    chosen: str


@dataclass(frozen=True)
class Choices:
    schedules: list[str]  # the best first
    ticked: list[int]  # places of those that are drawn at first
    buttons: dict[str, list[int]]  # word -> places of those that it ticks
    menus: list[Menu]


def choices(comparison: Comparison, schedules: list[str]) -> Choices:
    every = list(range(len(schedules)))
    ticked = first_ticks(schedules)
    first = {"as at first": ticked} if ticked != every else {}
    return Choices(
        schedules,
        ticked,
        buttons={"all": every, "none": [], f"lowest {BEST}": every[:BEST], **first},
        menus=[*baseline_menu(schedules), *horizon_menu(comparison), *peak_menu(comparison)],
    )


def first_ticks(schedules: list[str]) -> list[int]:
    """All of a few; of many the known ones, each under its name or the best of its kind, and the lowest."""
    if len(schedules) <= MAX_TICKED:
        return list(range(len(schedules)))
    kinds = {}
    for place, label in enumerate(schedules):
        kinds.setdefault(label.split(":")[0], place)
    plain = {label: place for place, label in enumerate(schedules)}
    known = [(kinds | plain)[name] for name in KNOWN if name in kinds | plain]
    return sorted({*known, *range(LOWEST)})


def baseline_menu(schedules: list[str]) -> list[Menu]:
    """Of whom losses are drawn as the difference to it."""
    if len(schedules) == 1:
        return []
    options = {"": "none"} | {str(place): label for place, label in enumerate(schedules)}
    return [Menu("baseline", "Draw losses as differences to", options, chosen="")]


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
