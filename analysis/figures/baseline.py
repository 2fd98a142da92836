"""The schedule that the others are held against, at each horizon."""

from __future__ import annotations

from analysis.figures.colours import name_of
from analysis.figures.groups import Group

USUAL = "cosine"


def baselines_of(groups: list[Group]) -> dict[int, Group]:
    """steps -> cosine where it was compared, else the first that completed; none where nothing did.

    Args:
        groups: the best first at each horizon.
    """
    found = {}
    for group in sorted(groups, key=likeness):
        if group.completed:
            found.setdefault(group.setting.steps, group)
    return found


def likeness(group: Group) -> tuple[bool, bool]:
    """In ascending order: plain cosine, cosine with parameters, all others."""
    return not is_usual(group), group.setting.scheduler != USUAL


def is_usual(group: Group) -> bool:
    return name_of(group.setting.scheduler) == USUAL


def baseline_reason(group: Group) -> str:
    return "the usual choice" if is_usual(group) else "which has the lowest validation loss"
