"""Verdicts in words: the one place where a sentence about what the seeds say is made."""

from __future__ import annotations

import math

from analysis.differences import ALPHA, NoiseFloor, PairedDifference
from analysis.power import MAX_SEEDS
from analysis.text import counted, format_interval, format_p, listed
from analysis.verdicts import MAX_TESTED, Pair, Standing, Verdict, Verdicts, completed_seeds

ONE_SEED = "One seed: no ranking is claimed, since seeds alone change the loss."
MORE_SEEDS = f"{ONE_SEED} Give --seeds 0,1,2 to see by how much."
CARRIED_OVER = (
    "Carry-over: each schedule went on where the one before it ended, so the order in which they ran is most "
    "of this ranking."
)
NO_RUN = "No run completed"
HOLM = f"Holm, alpha = {ALPHA:g}"


def unfinished(finished: int, requested: int) -> str:
    return f"Not finished: {finished} of {counted(requested, 'run')}. The same command goes on."


def pair_sentence(pair: Pair, losses: dict[str, dict[int, float]]) -> str:
    """What the seeds say of a pair, and which of its seeds diverged or failed."""
    gone = [incomplete_words(name, losses[name]) for name in (pair.first, pair.second)]
    return "; ".join([verdict_words(pair), *filter(None, gone)])


def verdict_words(pair: Pair) -> str:
    first, second, difference = pair.first, pair.second, pair.difference
    lower, higher = (first, second) if difference.mean > 0 else (second, first)
    if pair.significant:
        by = f"{effect(difference)}, Holm {format_p(pair.p_holm)}"
        return f"{lower} is significantly lower than {higher}, by {by}"
    if pair.verdict is Verdict.EQUIVALENT:
        return f"{first} and {second} are equivalent: {effect(difference)} apart"
    if pair.verdict is Verdict.IDENTICAL:
        return f"{first} and {second} are identical in all {counted(difference.n, 'seed')}"
    if pair.verdict is Verdict.UNDECIDED:
        number = f"about {pair.seeds_needed:,}" if pair.seeds_needed else f"more than {MAX_SEEDS:,}"
        needed = f"{number} would be needed"
        return f"{first} and {second} cannot be told apart with {difference.n} seeds; {needed}"
    if difference.n == 0:
        return f"{first} and {second} have no seed in common: nothing is claimed"
    if difference.n == 1:
        return "one seed: nothing is claimed"
    constant = (
        f"{lower} is lower than {higher} by the same {abs(difference.mean):.2g} in all {difference.n} seeds"
    )
    return f"{constant}: without any noise nothing is claimed"


def effect(difference: PairedDifference) -> str:
    """ "0.029 (0.021 to 0.037)", a difference from 0 without its sign, with two digits of the interval's
    width.
    """
    decimals = max(0, 1 - math.floor(math.log10(difference.high - difference.low)))
    low, high = sorted([abs(difference.low), abs(difference.high)])
    return f"{abs(difference.mean):.{decimals}f} ({low:.{decimals}f} to {high:.{decimals}f})"


def incomplete_words(name: str, losses: dict[int, float]) -> str:
    missing = len(losses) - completed_seeds(losses)
    return f"{name} diverged or failed with {missing} of {counted(len(losses), 'seed')}" if missing else ""


def standing_sentence(standing: Standing, verdicts: Verdicts) -> str:
    """What the seeds say of a schedule against the best, or of the best against all others."""
    if not verdicts.tested:
        return f"more than {MAX_TESTED} schedules: nothing is tested"
    if standing.pair:
        return pair_sentence(standing.pair, {s.name: s.losses for s in (standing, verdicts.best)})
    return best_words(verdicts)


def best_words(verdicts: Verdicts) -> str:
    """ "ranks first, significantly different from 5 of 7 others (Holm, alpha = 0.05)", and what else there is
    to know.

    A pair without a seed in common, or with the same losses in all, tells nothing of the best.
    """
    best, pairs = verdicts.best, verdicts.against_best()
    if not completed_seeds(best.losses):
        return incomplete_words("it", best.losses)
    if completed_seeds(best.losses) == 1:
        return "one seed: nothing is claimed"
    if not pairs:
        return "is the only schedule"
    gone = [pair.second for pair in pairs if pair.difference.n == 0]
    same = [pair.second for pair in pairs if pair.verdict is Verdict.IDENTICAL]
    others, told = len(pairs) - len(gone) - len(same), sum(pair.significant for pair in pairs)
    words = [f"ranks first, significantly different from {told} of {counted(others, 'other')} ({HOLM})"]
    words += [f"identical to {listed(same)}"] * bool(same)
    words += [f"{listed(gone)} did not complete with any seed of it"] * bool(gone)
    return "; ".join([*words, *filter(None, [incomplete_words("it", best.losses)])])


def ranking_sentences(verdicts: Verdicts, where: str = "") -> list[str]:
    """The verdict on the best of a ranking, then each schedule that cannot be told apart from it."""
    sentence = standing_sentence(verdicts.best, verdicts)
    if not verdicts.tested:
        return [sentence[0].upper() + sentence[1:] + "."]
    undecided = [s for s in verdicts.standings if s.verdict is Verdict.UNDECIDED]
    return [
        f"{where}{verdicts.best.name} {sentence}.",
        *(f"  {standing_sentence(standing, verdicts)}" for standing in undecided),
    ]


def control_sentence(name: str, seeds: tuple[list[int], list[int]], floor: NoiseFloor) -> str:
    """What the A/A control says: one schedule against itself under other seeds."""
    groups = " against ".join(",".join(map(str, group)) for group in seeds)
    words = f"A/A: {name} with seeds {groups}: "
    if math.isnan(floor.mean):
        return f"{words}no completed run on one side at least, so nothing is compared."
    words += f"the means differ by {floor.mean:+.4f}"
    if math.isnan(floor.p):
        return f"{words}. Two completed runs on each side are needed for more"
    by_chance = "called different, which happens by chance in 1 of 20 such controls"
    called = by_chance if floor.different else "not called different"
    interval = f"{format_interval(floor.low, floor.high)}, {format_p(floor.p)}"
    half = f"differences below about {(floor.high - floor.low) / 2:.4f} can be noise here"
    return f"{words} ({interval}): {called}.\nNoise floor: without pairing by seed, {half}."
