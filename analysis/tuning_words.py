"""What is to be known of how the peak lrs of a tuned comparison were chosen, in sentences."""

from __future__ import annotations

from analysis.comparison import Comparison, TunedEntry
from analysis.text import counted, format_lr, listed, shorten

SAME_SEEDS = (
    "The seeds that chose the peak lrs are those that judge, so the losses flatter a little. "
    "With more seeds half of them are held out to judge."
)
ONE_SEED = "One seed chose the peak lrs, so it is not known how sure they are."
MAX_NAMES = 3  # schedules whose other peak lrs are named


def tuning_notes(comparison: Comparison) -> list[str]:
    """Who chose and who judged, and whose peak lr could be another; none without --tune."""
    if not comparison.tuned:
        return []
    who = who_judged(comparison) if comparison.held_out else SAME_SEEDS
    if len(comparison.row_seeds) == 1:
        return [f"{who} {ONE_SEED}"]
    tuned = list(comparison.tuned_entries.values())
    return [who, *[apart_words(tuned)] * any(entry.chosen.completed for entry in tuned)]


def who_judged(comparison: Comparison) -> str:
    chose, judged = (seed_list(seeds) for seeds in (comparison.row_seeds, comparison.judging_seeds))
    return f"Peak lrs are chosen with {chose}; losses and verdicts are of {judged}."


def seed_list(seeds: list[int]) -> str:
    return f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}"


def apart_words(tuned: list[TunedEntry]) -> str:
    """How many chosen peak lrs can't be told from another, and which."""
    unsure = [entry for entry in tuned if entry.as_good]
    if not unsure:
        return "Each chosen peak lr is told from all others that were tried."
    named = [f"{shorten(entry.scheduler)} ({peaks_words(entry)})" for entry in unsure[:MAX_NAMES]]
    more = len(unsure) - len(named)
    names = "; ".join(named) + f"; and {counted(more, 'other')}" * bool(more)
    share = "each schedule" if len(unsure) == len(tuned) else f"{len(unsure)} of {len(tuned)} schedules"
    return f"Of {share} another peak lr may be as good as the chosen one: {names}."


def peaks_words(entry: TunedEntry) -> str:
    """ "2e-3, or 1e-3 or 4e-3"."""
    others = listed(list(map(format_lr, entry.as_good))).replace(" and ", " or ")
    return f"{format_lr(entry.chosen_peak)}, or {others}"


def bottom_words(entry: TunedEntry) -> str:
    """ "2.1e-3 (1.5e-3 to 2.9e-3)", where a parabola is lowest; "-" where that isn't known."""
    bottom = entry.bottom
    if not bottom.peak > 0:
        return "-"
    interval = f" ({format_lr(bottom.low, 1)} to {format_lr(bottom.high, 1)})" if bottom.low > 0 else ""
    return format_lr(bottom.peak, 1) + interval
