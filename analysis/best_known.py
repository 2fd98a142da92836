"""The peak lr's place beside the best known one: known from the comparison, its probe or the preset."""

from __future__ import annotations

import math
from dataclasses import dataclass

from analysis.comparison import Comparison
from analysis.probe import probed
from analysis.text import format_lr


@dataclass(frozen=True)
class BestKnown:
    """The best known peak lr of this regime."""

    peak_lr: float | None  # None is not known
    source: str | None  # comparison, probe or preset
    words: str  # about the peak lr of the runs


UNKNOWN = BestKnown(None, None, "how near its optimum is not known")


def best_known(comparison: Comparison) -> BestKnown:
    return from_comparison(comparison) or from_probe(comparison) or from_preset(comparison) or UNKNOWN


def from_comparison(comparison: Comparison) -> BestKnown | None:
    """With several peak lrs: that of the lowest schedule at the longest horizon."""
    tried = sorted({setting.peak_lr for setting in comparison.settings})
    if len(tried) < 2:
        return None
    best = comparison.judged[max(comparison.judged)].best.entry
    if not best.completed:
        return None
    peak_lr = best.setting.peak_lr
    edge = {tried[0]: ", the lowest tried", tried[-1]: ", the highest tried"}.get(peak_lr, "")
    return BestKnown(peak_lr, "comparison", f"the lowest loss at {format_lr(peak_lr)}{edge}")


def from_probe(comparison: Comparison) -> BestKnown | None:
    found = probed(comparison)
    return found and BestKnown(found.best_known, found.best_known and "probe", found.clause)


def from_preset(comparison: Comparison) -> BestKnown | None:
    peak_lr = comparison.known.peak_lr
    if peak_lr is None:
        return None
    ratio = comparison.config.peak_lr / peak_lr
    if math.isclose(ratio, 1):
        return BestKnown(peak_lr, "preset", "the best known")
    return BestKnown(peak_lr, "preset", f"{ratio:.2g} times the best known, {format_lr(peak_lr)}")
