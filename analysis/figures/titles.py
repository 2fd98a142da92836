"""What the curves say in one sentence each: titles that the figures and the report share."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from analysis.best_known import best_known
from analysis.comparison import Comparison, Setting
from analysis.figures.groups import Group
from analysis.sentences import NO_RUN
from analysis.text import amount as with_unit
from analysis.text import counted, format_lr, listed, shorten


def unranked(what: str) -> str:
    """What is seen with one seed, as a title: one that named the lowest would be read as a ranking."""
    return f"One seed, so no ranking is claimed: {what}"


def loss_title(lines: dict[str, tuple[np.ndarray, np.ndarray]], seeds: int) -> str:
    """Which schedule ends lowest in training loss, and where it was halfway; with one seed the range.

    Args:
        lines: label -> (steps, smoothed losses) of each schedule with a completed run.
        seeds: of the comparison.
    """
    if not lines:
        return NO_RUN
    ends = {label: y[-1] for label, (_, y) in lines.items()}
    halves = {label: y[len(y) // 2] for label, (_, y) in lines.items()}
    first, early = min(ends, key=ends.get), min(halves, key=halves.get)
    if len(lines) == 1:
        return f"{shorten(first)} ends at a training loss of {ends[first]:.3f}"
    if seeds == 1:
        return unranked(extremes(ends, "training losses end between {} and {}", "", "{:.3f}"))
    title = f"{shorten(first)} ends at the lowest training loss, {ends[first]:.3f}"
    if early == first:
        return f"{title}, and was lowest halfway too"
    place = sorted(halves, key=halves.get).index(first) + 1
    halfway = f"halfway {shorten(early)} was lowest, and {shorten(first)} in place {place} of {len(lines)}"
    return f"{title}; {halfway}"


def lr_title(groups: list[Group]) -> str:
    """How much of the peak lr the schedules keep on average."""
    fractions = {g.label: mean_lr(g) / g.setting.peak_lr for g in groups if g.completed}
    several = "The mean learning rate goes from {} to {} of the peak lr"
    return extremes(fractions, several, "The mean learning rate is {} of the peak lr", "{:.0%}")


def mean_lr(group: Group) -> float:
    """Over all steps of the completed runs."""
    return float(np.mean([curve.lr for curve in group.completed]))


def norm_title(groups: list[Group]) -> str:
    """How far the schedules' gradient norms lie apart."""
    means = {g.label: g.entry.mean("grad_norm_mean") for g in groups if g.completed}
    several = "After the warmup the mean gradient norm goes from {} to {}"
    return extremes(means, several, "After the warmup the mean gradient norm is {}", "{:.2f}")


def extremes(values: dict[str, float], several: str, one: str, form: str) -> str:
    """ "... from 43% (rex) to 95% (constant)"."""
    if not values:
        return NO_RUN
    labels = (min(values, key=values.get), max(values, key=values.get))
    ends = [f"{form.format(values[label])} ({shorten(label)})" for label in labels]
    return several.format(*ends) if len(values) > 1 else one.format(ends[0])


def time_title(ranges: dict[str, np.ndarray]) -> str:
    """That schedules cost the same, or that these runs didn't.

    Args:
        ranges: as from analysis.figures.groups.step_times; one at least.
    """
    lows, medians, highs = ({label: ends[i] for label, ends in ranges.items()} for i in range(3))
    slow, fast = max(medians, key=medians.get), min(medians, key=medians.get)
    if len(ranges) == 1:
        return f"A step takes {medians[fast]:.1f} ms"
    apart = f"({medians[slow] / medians[fast] - 1:.0%} apart)"
    span = f"{medians[fast]:.1f} to {medians[slow]:.1f} ms per step {apart}"
    late, early = max(lows, key=lows.get), min(highs, key=highs.get)
    if lows[late] <= highs[early]:
        noise = "all ranges overlap, so the differences are machine noise"
        return f"Schedules cost the same to run: medians of {span}, and {noise}"
    busier = "so the machine was busier, or something else differed, in one of them"
    return f"Steps took {span}: the ranges of {shorten(early)} and {shorten(late)} don't overlap, {busier}"


def setup_words(comparison: Comparison) -> str:
    """What was trained, so that a figure can stand alone; one run at least has a curve."""
    record = comparison.result_with_curve().run.record
    words = [
        record.dataset,
        f"{with_unit(record.parameters)} parameters",
        steps_words(comparison, record.parameters),
        f"{peak_words(peaks_of(comparison.settings))} ({best_known(comparison).words})",
        seed_words(comparison.seeds),
        *chooser_words(comparison),
    ]
    return ", ".join(words) + "."


def chooser_words(comparison: Comparison) -> list[str]:
    """Which of the seeds chose the peak lrs; nothing without --tune."""
    if not comparison.tuned:
        return []
    if not comparison.held_out:
        return ["which chose the peak lrs too"]
    return [f"of which {seed_words(comparison.row_seeds)} chose the peak lrs"]


def planned_words(settings: Iterable[Setting]) -> str:
    """What is known of the regime before anything is trained."""
    settings = list(settings)
    return f"{horizon_words(horizons_of(settings))}, {peak_words(peaks_of(settings))}."


def steps_words(comparison: Comparison, parameters: int) -> str:
    """ "300 steps of 768 tokens (0.3 tokens per parameter)"."""
    horizons, per_step = horizons_of(comparison.settings), comparison.config.tokens_per_step
    tokens = listed([amount(steps * per_step / parameters) for steps in horizons])
    return f"{horizon_words(horizons)} of {per_step:,} tokens ({tokens} tokens per parameter)"


def horizons_of(settings: Iterable[Setting]) -> list[int]:
    return sorted({setting.steps for setting in settings})


def peaks_of(settings: Iterable[Setting]) -> list[float]:
    return sorted({setting.peak_lr for setting in settings})


def horizon_words(horizons: list[int]) -> str:
    """ "250, 500 and 1,000 steps"."""
    return listed([*(f"{steps:,}" for steps in horizons[:-1]), counted(horizons[-1], "step")])


def peak_words(peaks: list[float]) -> str:
    """ "peak lr 1e-3", "peak lrs 1e-3 and 2e-3", "peak lrs 5e-4 to 8e-3"."""
    ends = [format_lr(peak) for peak in (peaks[0], peaks[-1])]
    if len(peaks) == 1:
        return f"peak lr {ends[0]}"
    return "peak lrs " + (" and " if len(peaks) == 2 else " to ").join(ends)


def amount(number: float) -> str:
    """Two digits: 0.032, 1.5, 20, 1,500."""
    return f"{number:.2g}" if number < 100 else f"{number:,.0f}"


def seed_words(seeds: list[int]) -> str:
    """ "seed 0", "seeds 0, 1, 3", "seeds 0 to 4"."""
    if len(seeds) > 3 and seeds == list(range(seeds[0], seeds[-1] + 1)):
        return f"seeds {seeds[0]} to {seeds[-1]}"
    return f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}"
