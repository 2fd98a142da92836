"""Which schedules the seeds tell apart: paired differences, Holm's correction, the probability of being best, and power.

Losses come as {schedule: {seed: final validation loss}}, in nats a token and the lower the better; None, NaN or inf is a run
that diverged. Runs with one seed see the same batches and start from the same weights, so they are compared seed by seed.
NaN in a result is what the seeds can't say. Everything is a pure function of its arguments, to the last bit.
"""

from __future__ import annotations

import math
import warnings
from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import numpy as np

ALPHA = 0.05  # two-sided
POWER = 0.8
MAX_SEEDS = 1000  # of seeds_needed
RESAMPLES = 10_000  # of the bootstrap
KEY = 20250101  # of its random numbers
ROUNDING = 1e-12  # what agrees to this part of the losses is equal
MAX_EFFECT = 1e4  # standard deviations; far beyond it scipy's noncentral t gives NaN
ONE_SEED = "one seed: nothing is claimed"


@dataclass(frozen=True)
class PairedDifference:
    """Of two schedules over the seeds that both came through with, in nats a token.

    One seed has a mean and nothing else. Differences of 0 in every seed are the same run under two names: p is 1 and the
    interval (0, 0). Equal differences that aren't 0 have a standard deviation of 0 but no interval and no p: seeds that show
    no noise don't say how much there is, and p = 0 from two seeds would be absurd.
    """

    n: int  # seeds
    mean: float
    sd: float = math.nan  # with n - 1
    low: float = math.nan  # 95% confidence interval of the mean, Student's t
    high: float = math.nan
    p: float = math.nan  # two-sided paired t-test, not corrected
    bootstrap_low: float = math.nan  # the same interval by bootstrap, a cross-check
    bootstrap_high: float = math.nan


@dataclass(frozen=True)
class Pair:
    """Two schedules in the order of the ranking; `difference` is second minus first."""

    first: str
    second: str
    difference: PairedDifference
    p_holm: float  # over all pairs of the comparison
    seeds_needed: (
        int | None
    )  # at the comparison's corrected alpha; None is more than MAX_SEEDS, or no noise to go by
    detectable: float  # the smallest true difference that these seeds find with power 0.8, at the same alpha; NaN without noise to go by
    verdict: str

    @property
    def told_apart(self) -> bool:
        return self.p_holm < ALPHA


@dataclass(frozen=True)
class Standing:
    """A schedule against the best of its comparison; `difference` is its own loss minus the best's, None for the best."""

    schedule: str
    seeds: int  # diverged ones too
    diverged: int
    mean: float  # over the seeds that didn't diverge
    difference: PairedDifference | None
    p_holm: float
    prob_best: float
    verdict: str


@dataclass(frozen=True)
class NoiseFloor:
    """What two samples of one schedule differ by; the mean of the second minus that of the first, in nats a token."""

    n: tuple[int, int]  # seeds of each
    mean: float
    low: float = math.nan  # 95% confidence interval, Welch
    high: float = math.nan
    p: float = math.nan

    @property
    def different(self) -> bool:
        return self.p < ALPHA


# -- one pair


def paired_difference(losses: dict[int, float], minus: dict[int, float]) -> PairedDifference:
    """The difference of two schedules, `losses` - `minus`, over the seeds that are finite in both.

    Args:
        losses, minus: seed -> final validation loss.
    """
    a, b = finite(losses), finite(minus)
    seeds = [seed for seed in a if seed in b]
    differences = np.array([a[seed] - b[seed] for seed in seeds])
    n, mean = len(seeds), float(differences.mean()) if seeds else math.nan
    if n < 2:
        return PairedDifference(n, mean)
    rounding = ROUNDING * max(abs(losses[seed]) for losses in (a, b) for seed in seeds)
    if np.abs(differences).max() <= rounding:
        return PairedDifference(
            n, mean=0.0, sd=0.0, low=0.0, high=0.0, p=1.0, bootstrap_low=0.0, bootstrap_high=0.0
        )
    if np.ptp(differences) <= rounding:
        return PairedDifference(n, mean, sd=0.0)
    low, high, p = map(float, t_test(differences))
    return PairedDifference(
        n, mean, float(differences.std(ddof=1)), low, high, p, *bootstrap_interval(differences)
    )


def t_test(differences: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Student's paired t: 95% confidence interval of the mean and two-sided p.

    Args:
        differences: (..., n), n >= 2 and not all equal.

    Returns:
        low, high, p: each of shape (...).
    """
    from scipy import stats  # here and below: its import takes a second

    test = stats.ttest_1samp(differences, 0, axis=-1)
    return *test.confidence_interval(1 - ALPHA), test.pvalue


def bootstrap_interval(differences: np.ndarray) -> tuple[float, float]:
    """95% percentile interval of the mean of `differences` (n,), Efron and Tibshirani 1993, chapter 13.

    With few seeds it is too narrow (n = 5: 0.63 of Student's width on average), so verdicts rest on Student's t.
    """
    means = resamples(len(differences)) @ differences / len(differences)
    low, high = np.quantile(means, [ALPHA / 2, 1 - ALPHA / 2])
    return float(low), float(high)


@lru_cache(maxsize=4)
def resamples(n: int) -> np.ndarray:
    """How often each of n seeds is in each bootstrap sample: (RESAMPLES, n), the same at every call."""
    rng = np.random.Generator(np.random.Philox(key=KEY))
    return rng.multinomial(n, np.full(n, 1 / n), size=RESAMPLES).astype(float)


@lru_cache(maxsize=4)
def widening(n: int) -> np.ndarray:
    """What makes the deviations of a normal sample's bootstrap those of Student's t with n - 1 degrees of freedom: (RESAMPLES, 1)."""
    rng = np.random.Generator(np.random.Philox(key=KEY + 1))
    return np.sqrt(
        n / rng.chisquare(n - 1, size=(RESAMPLES, 1))
    )  # sqrt(n / (n - 1)) for the bootstrap's variance, and sqrt((n - 1) / chi2)


# -- all pairs


def all_pairs(losses: dict[str, dict[int, float]]) -> dict[frozenset[str], Pair]:
    """Every pair of schedules, by the set of the two names, in the order of the ranking.

    The p-values of all pairs are one family for Holm's correction; the intervals are each pair's own and not simultaneous,
    so one may leave out 0 where the corrected p doesn't tell the two apart.
    """
    couples = list(combinations(ranking(losses), 2))
    differences = [paired_difference(losses[second], losses[first]) for first, second in couples]
    p_holm = holm([difference.p for difference in differences])
    alpha = ALPHA / max(1, np.isfinite(p_holm).sum())  # of Holm's first step, the strictest
    return {
        frozenset(couple): make_pair(losses, *couple, *result, alpha)
        for couple, *result in zip(couples, differences, p_holm)
    }


def make_pair(
    losses, first: str, second: str, difference: PairedDifference, p_holm: float, alpha: float
) -> Pair:
    needed = seeds_needed(difference.mean, difference.sd, alpha) if difference.sd > 0 else None
    detectable = difference.sd * smallest_effect(difference.n, alpha) if difference.sd > 0 else math.nan
    lost = [lost_words(name, losses[name]) for name in (first, second) if diverged(losses[name])]
    words = "; ".join([verdict(first, second, difference, p_holm, needed), *lost])
    return Pair(first, second, difference, float(p_holm), needed, detectable, words)


def holm(p: np.ndarray) -> np.ndarray:
    """p-values (m,) corrected for their number, step-down, Holm 1979; below alpha means told apart at that family-wise error.

    A NaN is no test: it stays NaN and isn't counted.
    """
    p = np.asarray(p, float)
    order = np.argsort(p)[: np.isfinite(p).sum()]  # NaN is sorted last
    corrected = np.full(len(p), np.nan)
    corrected[order] = np.minimum(1, np.maximum.accumulate(p[order] * np.arange(len(order), 0, -1)))
    return corrected


def ranking(losses: dict[str, dict[int, float]]) -> list[str]:
    """The schedules by mean loss; one with lost seeds comes after those with fewer, one not trained with all after the others, equal ones by name."""

    def key(name):
        loss = mean_loss(losses[name])
        return (
            diverged(losses[name]),
            -len(losses[name]),
            math.isnan(loss),
            0 if math.isnan(loss) else loss,
            name,
        )

    return sorted(losses, key=key)


def summary(losses: dict[str, dict[int, float]]) -> list[Standing]:
    """A line for each schedule, best first, against the best.

    `p_holm` is of the family of all pairs, since which one is best was found out from the same losses.

    Raises:
        ValueError: if there is no schedule.
    """
    pairs, prob = all_pairs(losses), prob_best(losses)
    best, *others = ranking(losses)
    against = {name: pairs[frozenset({best, name})] for name in others}
    leader = best_verdict(losses[best], against.values())
    return [standing(name, losses[name], against.get(name), prob[name], leader) for name in (best, *others)]


def standing(name: str, losses: dict[int, float], pair: Pair | None, prob: float, leader: str) -> Standing:
    """Of a schedule and its pair with the best; the best has none, and the verdict `leader`."""
    own = (name, len(losses), diverged(losses), mean_loss(losses))
    return (
        Standing(*own, pair.difference, pair.p_holm, prob, pair.verdict)
        if pair
        else Standing(*own, None, math.nan, prob, leader)
    )


def prob_best(losses: dict[str, dict[int, float]]) -> dict[str, float]:
    """How often each schedule has the lowest mean when the seeds are drawn again: a bootstrap paired by seed, ties split.

    What a sample's means differ by from the mean is widened as Student's t widens the normal, because a few seeds, drawn again,
    vary less than new ones: without it, of two equal schedules with three seeds one has 1.0 in a quarter of all comparisons.
    Only schedules with the most seeds that came through are in it, on the seeds they have in common; the others get 0. All get NaN
    where these are fewer than two. The sum is 1.
    """
    rows = {name: finite(row) for name, row in losses.items()}
    most = max(map(len, rows.values()), default=0)
    rows = {name: row for name, row in rows.items() if len(row) == most}
    seeds = sorted(set.intersection(*map(set, rows.values()))) if rows else []
    if len(seeds) < 2:
        return dict.fromkeys(losses, math.nan)
    table = np.array([[row[seed] for row in rows.values()] for seed in seeds])  # (seeds, schedules)
    means = table.mean(axis=0) + widening(len(seeds)) * (
        resamples(len(seeds)) / len(seeds) @ (table - table.mean(axis=0))
    )
    lowest = means - means.min(axis=1, keepdims=True) <= ROUNDING * np.abs(table).max()
    shares = (lowest / lowest.sum(axis=1, keepdims=True)).mean(axis=0)
    return dict.fromkeys(losses, 0.0) | dict(zip(rows, map(float, shares)))


def rank_correlation(a, b) -> float:
    """Spearman's, of two lists of numbers; ties have their mean rank."""
    from scipy.stats import spearmanr

    return float(spearmanr(a, b).statistic)


# -- power


def power(effect: float, n: int, alpha: float = ALPHA) -> float:
    """Probability that a paired t-test with n >= 2 seeds finds a true difference of `effect` standard deviations.

    By the noncentral t (Cohen 1988, chapter 2), without its other tail: that would be a verdict the wrong way round.
    """
    from scipy import stats

    with np.errstate(all="ignore"):  # scipy 1.11 divides by zero on the way to the right answer
        return float(
            stats.nct.sf(stats.t.isf(alpha / 2, n - 1), n - 1, min(abs(effect), MAX_EFFECT) * math.sqrt(n))
        )


def seeds_needed(mean: float, sd: float, alpha: float = ALPHA) -> int | None:
    """The fewest seeds, at least 2, that tell two schedules apart with power 0.8; None is more than MAX_SEEDS.

    Args:
        mean, sd: of the paired differences, as if the true ones. The answer is as rough as they are: five seeds of a pair that
            needs 18 say something between 10 and 31 half of the time.
        alpha: two-sided, of this one test.

    Raises:
        ValueError: if mean isn't finite or sd isn't above 0.
    """
    if not (math.isfinite(mean) and sd > 0):
        raise ValueError(
            f"mean={mean} and sd={sd} are not allowed: give a finite mean and a standard deviation above 0"
        )
    n = 2 + bisect_left(range(2, MAX_SEEDS + 1), POWER, key=lambda n: power(mean / sd, n, alpha))
    return n if n <= MAX_SEEDS else None


def minimum_detectable_difference(n: int, sd: float, alpha: float = ALPHA) -> float:
    """The smallest true difference, in the units of `sd`, that n >= 2 seeds find with power 0.8; the inverse of seeds_needed.

    Raises:
        ValueError: if n is below 2 or sd isn't above 0.
    """
    if n < 2 or not sd > 0:
        raise ValueError(
            f"n={n} and sd={sd} are not allowed: give two seeds or more and a standard deviation above 0"
        )
    return sd * smallest_effect(n, alpha)


@lru_cache(maxsize=64)
def smallest_effect(n: int, alpha: float) -> float:
    """The effect, in standard deviations, that n seeds find with power 0.8."""
    from scipy.optimize import brentq

    return brentq(lambda effect: power(effect, n, alpha) - POWER, 0, MAX_EFFECT)


# -- A/A


def noise_floor(first: dict[int, float], second: dict[int, float]) -> NoiseFloor:
    """One schedule against itself under other seeds: Welch's t-test (1947), not paired.

    With fewer than two finite losses on a side, or no variance on either, there is no interval and no p.

    Args:
        first, second: seed -> final validation loss.

    Raises:
        ValueError: if a seed is in both: the same run on both sides is no test.
    """
    if shared := sorted(set(first) & set(second)):
        raise ValueError(f"seeds {shared} are in both samples: give each its own")
    a, b = (np.array([*finite(losses).values()]) for losses in (first, second))
    n = len(a), len(b)
    difference = float(b.mean() - a.mean()) if min(n) else math.nan
    if min(n) < 2 or max(np.ptp(a), np.ptp(b)) <= ROUNDING * max(np.abs(a).max(), np.abs(b).max()):
        return NoiseFloor(n, difference)
    return NoiseFloor(n, difference, *welch(a, b))


def welch(a: np.ndarray, b: np.ndarray) -> tuple[float, float, float]:
    """95% confidence interval of mean(b) - mean(a) and two-sided p; (n,) and (m,), not both without variance."""
    from scipy import stats

    with warnings.catch_warnings():  # of one side without variance, which is fine
        warnings.simplefilter("ignore", RuntimeWarning)
        test = stats.ttest_ind(b, a, equal_var=False)
    return *map(float, test.confidence_interval(1 - ALPHA)), float(test.pvalue)


# -- words


def verdict(first: str, second: str, difference: PairedDifference, p_holm: float, needed: int | None) -> str:
    """What the seeds say about a pair, `difference` being second minus first."""
    n = difference.n
    if n == 0:
        return f"{first} and {second} have no seed in common: nothing is claimed"
    if n == 1:
        return ONE_SEED
    lower, higher = (first, second) if difference.mean > 0 else (second, first)
    if difference.sd == 0:
        same = f"{first} and {second} are the same in all {n} seeds"
        equal = f"{lower} is lower than {higher} by the same {abs(difference.mean):.2g} in all {n} seeds"
        return f"{equal}: without any noise nothing is claimed" if difference.mean else same
    if p_holm < ALPHA:
        return f"{lower} is lower than {higher} by {spell_interval(difference)}, {spell_p(p_holm)} after Holm"
    number = f"about {needed:,}" if needed else f"more than {MAX_SEEDS:,}"
    return f"{first} and {second} cannot be told apart with {n} seeds; {number} would be needed"


def best_verdict(losses: dict[int, float], pairs) -> str:
    """What the seeds say of the best; a pair without a seed in common, or with the same losses in all, tells nothing of it."""
    if len(finite(losses)) == 1:
        return ONE_SEED
    gone = [pair.second for pair in pairs if pair.difference.n == 0]
    same = [
        pair.second for pair in pairs if pair.difference.n and pair.difference.mean == pair.difference.sd == 0
    ]
    words = [
        f"ranks first, told apart from {sum(pair.told_apart for pair in pairs)} of {len(pairs) - len(gone) - len(same)} others"
    ]
    words += [f"the same as {', '.join(same)}"] * bool(same) + [
        f"{', '.join(gone)} came through with no seed of it"
    ] * bool(gone)
    return "; ".join(words + [lost_words("it", losses)] * bool(diverged(losses)))


def lost_words(name: str, losses: dict[int, float]) -> str:
    return f"{name} was lost (diverged or failed) with {diverged(losses)} of {len(losses)} seeds"


def spell_interval(difference: PairedDifference) -> str:
    """ "0.029 (0.021 to 0.037)", of a difference from 0 and without its sign, with two digits of the interval's width."""
    decimals = max(0, 1 - math.floor(math.log10(difference.high - difference.low)))
    low, high = sorted([abs(difference.low), abs(difference.high)])
    return f"{abs(difference.mean):.{decimals}f} ({low:.{decimals}f} to {high:.{decimals}f})"


def spell_p(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"


# -- one schedule


def finite(losses: dict[int, float]) -> dict[int, float]:
    """Those of the seeds that didn't diverge, by seed."""
    return {
        seed: float(losses[seed])
        for seed in sorted(losses)
        if losses[seed] is not None and math.isfinite(losses[seed])
    }


def diverged(losses: dict[int, float]) -> int:
    return len(losses) - len(finite(losses))


def mean_loss(losses: dict[int, float]) -> float:
    values = list(finite(losses).values())
    return float(np.mean(values)) if values else math.nan
