"""The schedule that the others are held against, at each horizon."""

from __future__ import annotations

from analysis.comparison import Ranking
from analysis.figures.colours import name_of
from analysis.figures.groups import Group

USUAL = "cosine"


def baselines_of(groups: list[Group], rankings: dict[int, Ranking]) -> dict[int, Group]:
    """steps -> the baseline that was named, else cosine where it was compared, else the first that completed;
    none where nothing did.

    Args:
        groups: the best first at each horizon.
        rankings: theirs, by steps.
    """
    found = {}
    for group in sorted(groups, key=lambda group: likeness(group, rankings)):
        if group.completed:
            found.setdefault(group.setting.steps, group)
    return found


def likeness(group: Group, rankings: dict[int, Ranking]) -> tuple[bool, bool, bool]:
    """In ascending order: the baseline that was named, plain cosine, cosine with parameters, all others."""
    named = is_named(group, rankings)
    return not named, not is_usual(group), group.setting.scheduler != USUAL


def is_named(group: Group, rankings: dict[int, Ranking]) -> bool:
    return group.ranked.standing.name == rankings[group.setting.steps].verdicts.baseline


def is_usual(group: Group) -> bool:
    return name_of(group.setting.scheduler) == USUAL


def baseline_reason(group: Group, rankings: dict[int, Ranking]) -> str:
    if is_named(group, rankings):
        return "named beforehand"
    return "the usual choice" if is_usual(group) else "which has the lowest validation loss"
