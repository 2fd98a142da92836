"""What a schedule with an optimizer of its own asks of the whole comparison."""

from __future__ import annotations

from dataclasses import replace

from nanosched.config import Config
from nanosched.errors import not_allowed
from schedulers import Schedule


def suit_optimizers(config: Config, schedules: list[tuple[str, Schedule]], protocol: str) -> Config:
    """The config that all schedules of a comparison can be trained with: separately, unless AdamW trains all.

    Args:
        config: of the comparison.
        schedules: (label, schedule) of its runs.
        protocol: fresh or carry-over.

    Raises:
        ValueError: one line, where stacked or carried-over runs are asked for.
    """
    own = next((label for label, schedule in schedules if schedule.optimizer != "adamw"), None)
    if own is None:
        return config
    why = f"{own} has an optimizer of its own"
    if protocol == "carry-over":
        raise not_allowed("protocol", protocol, f"{why}, which no other run can go on from; leave it out")
    if config.replicas == "stacked":
        raise not_allowed("replicas", config.replicas, f"{why}; give separate")
    return replace(config, replicas="separate")
