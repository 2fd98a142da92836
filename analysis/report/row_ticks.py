"""What stands beside the rows of a plot, on a wide page and on a narrow one."""

from __future__ import annotations

from analysis.short_labels import short_labels
from nanosched.visible import visible

WIDE, NARROW = 44, 21  # characters


def with_ticks(rows: list[dict]) -> list[dict]:
    """The rows of a plot with what is shown of their labels, no two alike."""
    labels = [visible(row["label"]) for row in rows]
    wide, narrow = short_labels(labels, WIDE), short_labels(labels, NARROW)
    return [row | dict(wide=wide[label], narrow=narrow[label]) for row, label in zip(rows, labels)]
