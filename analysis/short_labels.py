"""Labels that are too long for their place, without their middles, and still told apart."""

from __future__ import annotations

from collections.abc import Iterable


def short_labels(labels: Iterable[str], width: int) -> dict[str, str]:
    """Each label in at most `width` characters, no two alike.

    A label that is too long loses its middle. Where two would look the same, more is kept of the end at which
    they differ; where they differ in the middle alone, they are numbered.

    Args:
        labels: to be told apart; one that is there twice counts once.
        width: in characters, 8 at least.

    Returns:
        label -> what is shown of it.
    """
    labels = list(dict.fromkeys(labels))
    for tail in sorted(range(width - 1), key=lambda tail: abs(tail - width // 2)):
        short = {label: without_middle(label, width, tail) for label in labels}
        if len(set(short.values())) == len(labels):
            return short
    return {label: with_number(label, width, number) for number, label in enumerate(labels, 1)}


def without_middle(label: str, width: int, tail: int) -> str:
    """As much of the label as has room, `tail` characters of it from the end."""
    return label if len(label) <= width else f"{label[: width - 1 - tail]}…{label[len(label) - tail :]}"


def with_number(label: str, width: int, number: int) -> str:
    end = f"…({number})"
    return label if len(label) <= width else label[: width - len(end)] + end
