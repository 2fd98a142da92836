"""The files beside the report that have its numbers."""

from __future__ import annotations

from dataclasses import dataclass

from analysis.comparison import Comparison


@dataclass(frozen=True)
class File:
    name: str  # in the report's own folder
    content: str


def files(comparison: Comparison) -> list[File]:
    """What compare.py writes of this comparison."""
    pairs = [pair for ranking in comparison.judged.values() for pair in ranking.verdicts.pairs.values()]
    return [
        File("runs.csv", "a row per run"),
        File("summary.csv", "a row per schedule, with all metrics"),
        *[File("pairs.csv", "a row for each two schedules")] * any(pair.difference.n > 1 for pair in pairs),
        *[File("tuned.csv", "each schedule at its best peak lr")] * comparison.tuned,
        File("curves.csv", "a row per run and step"),
        *[File("probe.csv", "one schedule at half and at twice the peak lr")] * bool(comparison.probe),
        File("manifest.json", "settings, data and versions"),
        File("summary.md", "the table to paste"),
    ]
