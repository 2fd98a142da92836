"""Milestones: the steps at which a stepwise schedule changes."""

from __future__ import annotations

from nanosched.errors import not_allowed


def milestone_step(milestone, steps) -> int:
    """The step of a milestone: a float between 0 and 1 is a fraction of `steps` (rounded), an int a step."""
    return round(milestone * steps) if isinstance(milestone, float) else milestone


def check_milestones(name, value, steps):
    """ValueError unless every milestone is a fraction or a whole step and they are in order."""
    milestones = value if isinstance(value, tuple) else (value,)
    for m in milestones:
        if not (0 < m < 1 if isinstance(m, float) else m >= 0):
            allowed = "a milestone is a fraction of the run between 0 and 1, or a whole step of at least 0"
            raise not_allowed(name, value, allowed)
    at = [milestone_step(m, steps) for m in milestones]
    if at != sorted(at):
        raise not_allowed(name, value, f"give milestones in ascending order (these are the steps {at})")
