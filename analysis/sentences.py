"""Verdicts in words: the one place where a sentence about what the seeds say is made."""

from __future__ import annotations

import math
from collections.abc import Callable

from analysis.differences import ALPHA, NoiseFloor, PairedDifference
from analysis.power import MAX_SEEDS
from analysis.simultaneous import Interval
from analysis.text import counted, format_interval, format_p, listed
from analysis.verdicts import MAX_COMPARED, Pair, Standing, Verdict, Verdicts, completed_seeds

ONE_SEED = "One seed: no ranking is claimed, since seeds alone change the loss."
MORE_SEEDS = f"{ONE_SEED} Give --seeds 0,1,2 to see by how much."
CARRIED_OVER = (
    "Carry-over: each schedule went on where the one before it ended, so the order in which they ran is most "
    "of this ranking."
)
NO_RUN = "No run completed"
HOLM = f"Holm, alpha = {ALPHA:g}"
TOO_MANY = f"more than {MAX_COMPARED} schedules: nothing is compared"
MAX_NAMES = 5  # in a list
MAX_UNDECIDED = 10  # schedules whose seeds are told below an answer


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
    if pair.verdict is Verdict.IDENTICAL:
        return f"{first} and {second} are identical in all {counted(difference.n, 'seed')}"
    if pair.verdict is Verdict.UNDECIDED:
        needed = seeds_words(pair.seeds_needed)
        return f"{first} and {second} cannot be told apart with {difference.n} seeds; {needed}"
    return untested_words(first, second, difference)


def untested_words(first: str, second: str, difference: PairedDifference | Interval) -> str:
    """Why nothing is claimed; `difference` is the second's loss minus the first's."""
    if difference.n == 0:
        return f"{first} and {second} have no seed in common: nothing is claimed"
    if difference.n == 1:
        return "one seed: nothing is claimed"
    lower, higher = (first, second) if difference.mean > 0 else (second, first)
    same = f"{abs(difference.mean):.2g} in all {difference.n} seeds"
    return f"{lower} is lower than {higher} by the same {same}: without any noise nothing is claimed"


def seeds_words(needed: int | None) -> str:
    return f"{f'about {needed:,}' if needed else f'more than {MAX_SEEDS:,}'} would be needed"


def effect(difference: PairedDifference | Interval) -> str:
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
    """What a schedule's interval says of it, and which of its seeds diverged or failed."""
    if len(verdicts.standings) > MAX_COMPARED:
        return TOO_MANY
    names = dict.fromkeys([standing.name, standing.interval.to if standing.interval else ""])
    gone = [incomplete_words(s.name, s.losses) for s in verdicts.standings if s.name in names]
    return "; ".join([standing_words(standing, verdicts), *filter(None, gone)])


def standing_words(standing: Standing, verdicts: Verdicts) -> str:
    name, interval, verdict = standing.name, standing.interval, standing.verdict
    if not interval:
        return f"{name} is the {'only schedule' if len(verdicts.standings) == 1 else 'baseline'}"
    than = verdicts.baseline or "the best"
    if verdict is Verdict.WORSE:
        return f"{name} is significantly higher than {than}, by {effect(interval)}, {format_p(interval.p)}"
    if verdict is Verdict.BETTER:
        than = verdicts.baseline or others_words(verdicts)
        return f"{name} is significantly lower than {than}, by {effect(interval)}, {format_p(interval.p)}"
    if verdict is Verdict.EQUIVALENT:
        return f"{name} is equivalent to {than}: {within_words(standing, verdicts)}"
    if verdict is Verdict.IDENTICAL:
        return f"{name} and {interval.to} are identical in all {counted(interval.n, 'seed')}"
    if verdict is Verdict.UNDECIDED:
        needed = seeds_words(standing.seeds_needed)
        if verdicts.baseline:
            return f"{name} and {than} cannot be told apart with {interval.n} seeds; {needed}"
        return f"{name} may be the best, which {interval.n} seeds do not tell; {needed}"
    return untested_words(interval.to or "the others", name, interval)


def within_words(standing: Standing, verdicts: Verdicts) -> str:
    """ "at most 0.0031 above it", and whether it is significantly so."""
    low, high = standing.interval.low, standing.interval.high
    words = f"at most {max(high, 0):.4f} above it"
    if verdicts.baseline:
        words = f"at most {max(-low, high):.4f} from it"
    side = "higher" if low > 0 else "lower"
    return words + f", though significantly {side}, {format_p(standing.p_adjusted)}" * standing.significant


def others_words(verdicts: Verdicts) -> str:
    """ "all 7 others", of those that were compared."""
    others = len(compared(verdicts)) - 1
    return "the other" if others == 1 else f"all {others} others"


def compared(verdicts: Verdicts) -> list[Standing]:
    """Those whose interval is known."""
    return [s for s in verdicts.standings if s.interval and not math.isnan(s.interval.low)]


def answer(verdicts: Verdicts, shown: Callable[[str], str] = str) -> str:
    """The answer to which schedule is best, or to which ones are better than the baseline, without a full
    stop.

    Args:
        verdicts: of one ranking.
        shown: how a name is shown.
    """
    best = verdicts.best
    if len(verdicts.standings) > MAX_COMPARED:
        return TOO_MANY
    if len(verdicts.standings) == 1 or not completed_seeds(best.losses):
        return incomplete_words(shown(best.name), best.losses) or f"{shown(best.name)} is the only schedule"
    if not compared(verdicts):
        return standing_words(next(s for s in verdicts.standings if s.interval), verdicts)
    words = against_baseline if verdicts.baseline else against_best
    named = [s for s in verdicts.standings if s.name == verdicts.baseline or s is best or s.may_be_best]
    gone = [incomplete_words(shown(standing.name), standing.losses) for standing in named]
    return "; ".join([*words(verdicts, shown), *not_compared(verdicts, shown), *filter(None, gone)])


def against_best(verdicts: Verdicts, shown: Callable[[str], str]) -> list[str]:
    """ "wsd and linear may be the best; the 5 others are significantly worse (95% ...)", and who is near."""
    found = compared(verdicts)
    near = [s for s in found if s.verdict is Verdict.EQUIVALENT]
    possible = [s for s in found if s.may_be_best or s in near]
    worse = [s for s in found if s not in possible]
    within = f"{names_of(near, shown)} {verb(near)} equivalent to the best within {verdicts.margin:g}"
    names = names_of(possible, shown)
    if all(s.verdict is Verdict.IDENTICAL for s in found):
        return [f"{names} are identical in every seed"]
    if len(near) == len(found):
        return [f"{within} ({verdicts.method})"]
    others = f"the {len(worse)} others are" if len(worse) > 1 else f"{names_of(worse, shown)} is"
    first = f"{names} may be the best; {others} significantly worse"
    if verdicts.having(Verdict.BETTER):
        first = f"{names} is significantly lower than {others_words(verdicts)}"
    elif not worse:
        first = f"{names} may be the best, and none is significantly worse"
    elif not possible:  # where the best shares too few seeds with the others
        first = f"{names_of(worse, shown)} {verb(worse)} significantly worse than the best"
    return [f"{first} ({verdicts.method})", *[within] * bool(near)]


def against_baseline(verdicts: Verdicts, shown: Callable[[str], str]) -> list[str]:
    """ "3 of 7 are significantly lower than cosine (wsd, linear and rex), 1 is significantly higher ..."."""
    kinds = {  # -> how it is said, and what comes before the baseline's name
        Verdict.BETTER: ("significantly lower", "than"),
        Verdict.WORSE: ("significantly higher", "than"),
        Verdict.EQUIVALENT: (f"equivalent within {verdicts.margin:g}", "to"),
        Verdict.IDENTICAL: ("identical", "to"),
        Verdict.UNDECIDED: ("undecided", "against"),
    }
    parts = []
    for verdict, (words, preposition) in kinds.items():
        if group := verdicts.having(verdict):
            of = "" if parts else f" of {len(compared(verdicts))}"
            baseline = "" if parts else f" {preposition} {shown(verdicts.baseline)}"
            names = names_of(group, shown)
            parts.append(f"{len(group)}{of} {verb(group)} {words}{baseline} ({names})")
    return [f"{', '.join(parts)}; {verdicts.method}"]


def not_compared(verdicts: Verdicts, shown: Callable[[str], str]) -> list[str]:
    left = verdicts.having(Verdict.UNTESTED)
    return [f"nothing is claimed of {names_of(left, shown)}"] * bool(left)


def names_of(standings: list[Standing], shown: Callable[[str], str]) -> str:
    """ "wsd, linear and cosine"; of many the first ones, and how many others."""
    names = [shown(standing.name) for standing in standings]
    if len(names) <= MAX_NAMES:
        return listed(names)
    return f"{', '.join(names[: MAX_NAMES - 1])} and {len(names) - MAX_NAMES + 1} others"


def verb(standings: list[Standing]) -> str:
    return "is" if len(standings) == 1 else "are"


def ranking_sentences(verdicts: Verdicts, where: str = "") -> list[str]:
    """The answer of a ranking, then each schedule that is undecided, with the seeds that it would need."""
    found = answer(verdicts)
    first = where + found if where or found.startswith(verdicts.best.name) else capitalized(found)
    undecided = [s for s in verdicts.having(Verdict.UNDECIDED) if verdicts.baseline or s is not verdicts.best]
    told = [f"  {standing_sentence(standing, verdicts)}" for standing in undecided[:MAX_UNDECIDED]]
    more = len(undecided) - len(told)
    return [f"{first}.", *told, *[f"  and {counted(more, 'other')} undecided"] * bool(more)]


def capitalized(words: str) -> str:
    return words[0].upper() + words[1:]


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
