"""How much the difference of two methods varies from seed to seed: each pair's own variance is moderated by
what all pairs say.

Three seeds give a pair's variance two degrees of freedom. Twenty methods with three seeds each are blocks
whose residuals have forty, if all vary alike. How alike they are is estimated from the variances themselves
(empirical Bayes), so methods that share most of a run, and vary together, pull the others as little as they
should. A method that varies far more than the others says nothing of them, and keeps its own variance: else
one run that nearly diverged would widen all intervals.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from analysis.differences import ROUNDING, finite

POOLED_FROM = 4  # methods; the variances of fewer pairs don't say how alike they are
CALM_SEEDS = 3  # at least, that are left without one that went up
LOUD = 0.01  # how often one of methods that all vary alike is taken for loud, at most

Losses = dict[int, float]  # seed -> loss


@dataclass(frozen=True)
class PairNoise:
    """The difference of two methods over the seeds that both completed, and how sure it is."""

    n: int  # seeds in common
    mean: float  # first minus second; NaN without a seed
    sd: float  # of one seed's difference, its own; NaN with fewer than two
    variance: float  # of one seed's difference, moderated; NaN where nothing says it
    df: float  # degrees of freedom of `variance`
    calm: PairNoise | None = None  # without a seed in which one of the two alone went far up: bounds that end

    @property
    def identical(self) -> bool:
        """The same loss in every seed, of two or more."""
        return self.n >= 2 and self.sd == 0 and self.mean == 0

    @property
    def tested(self) -> bool:
        return self.variance > 0 and not self.identical

    @property
    def error(self) -> float:
        """Standard error of the mean."""
        return math.sqrt(self.variance / self.n)

    def __neg__(self) -> PairNoise:
        calm = None if self.calm is None else -self.calm
        return PairNoise(self.n, 0.0 - self.mean, self.sd, self.variance, self.df, calm)


def pair_noise(losses: dict[str, Losses]) -> dict[tuple[str, str], PairNoise]:
    """Every ordered pair of methods.

    Args:
        losses: method -> seed -> loss; None, NaN and inf are runs that did not complete.

    Returns:
        (first, second) -> the difference first minus second.

    References:
        Smyth 2004, Linear models and empirical Bayes methods, section 6 (moderated variances); Satterthwaite
        1946 (degrees of freedom of a sum of variances); Srivastava 2005 (an unbiased trace of a squared
        covariance); Phipson, Lee, Majewski, Alexander and Smyth 2016, Robust hyperparameter estimation
        protects against hypervariable genes (why what varies far more is kept out of the prior; there single
        genes, here all pairs of a method).
    """
    rows = {name: finite(row) for name, row in losses.items()}
    own = own_noises(rows)
    loud = loud_methods(rows, own)
    pool = pooled(*without(loud, rows, own))
    calm = {name: row for name in loud if (row := calm_row(name, rows, own))}
    pairs = {}
    for pair, noise in own.items():
        found = moderate(noise, *pool) if loud.isdisjoint(pair) else alone(noise, *pool)
        if len(calm.keys() & set(pair)) == 1:
            without_seed = own_noise(*(calm.get(name, rows[name]) for name in pair))
            still_loud = not (loud - calm.keys()).isdisjoint(pair)
            found = replace(found, calm=(alone if still_loud else moderate)(without_seed, *pool))
        pairs[pair], pairs[pair[::-1]] = found, -found
    return pairs


def prior_df_of(losses: dict[str, Losses]) -> float:
    """Degrees of freedom that all pairs of methods that aren't loud together add to each pair's own: 0 where
    nothing is pooled, inf where the pairs vary alike.
    """
    rows = {name: finite(row) for name, row in losses.items()}
    own = own_noises(rows)
    return pooled(*without(loud_methods(rows, own), rows, own))[0]


def own_noises(rows: dict[str, Losses]) -> dict[tuple[str, str], PairNoise]:
    return {pair: own_noise(rows[pair[0]], rows[pair[1]]) for pair in combinations(rows, 2)}


def pooled(rows: dict[str, Losses], own: dict[tuple[str, str], PairNoise]) -> tuple[float, float, float]:
    """Degrees of freedom of the prior variance, that variance, and the most that a pooled one can have."""
    noisy = [noise for noise in own.values() if noise.sd > 0]
    if len(rows) < POOLED_FROM or len(noisy) < POOLED_FROM:
        return 0.0, 0.0, math.inf
    most_df, directions = pooled_df(rows)
    return *prior([n.sd**2 for n in noisy], [n.n - 1 for n in noisy], directions), most_df


def loud_methods(rows: dict[str, Losses], own: dict[tuple[str, str], PairNoise]) -> frozenset[str]:
    """Those that vary more than the quieter half of the methods by more than chance allows.

    How much a method varies is the median variance of its pairs, which a few loud ones among the others don't
    move. If all vary alike, its ratio to that of another has at most the tail of an F distribution; the
    quieter half says in how many directions the methods vary.
    """
    noisy = noisy_pairs(own)
    variances = {name: typical_variance(pairs) for name, pairs in noisy.items()}
    order = sorted(variances, key=variances.get)
    half = max(POOLED_FROM, (len(order) + 1) // 2)
    if len(order) <= half:
        return frozenset()
    quiet, loudest = order[:half], variances[order[half - 1]]
    df = pooled_df({name: rows[name] for name in quiet})[0]
    return frozenset(
        name
        for name in order[half:]
        if variances[name] > loudest * largest_ratio(noisy[name], df, len(order))
    )


def noisy_pairs(own: dict[tuple[str, str], PairNoise]) -> dict[str, list[PairNoise]]:
    """Of each method that has any."""
    found = {}
    for pair, noise in own.items():
        for name in pair if noise.sd > 0 else ():
            found.setdefault(name, []).append(noise)
    return found


def typical_variance(pairs: list[PairNoise]) -> float:
    """The median; 0 of none."""
    return float(np.median([noise.variance for noise in pairs])) if pairs else 0.0


def largest_ratio(pairs: list[PairNoise], df: float, methods: int) -> float:
    """That chance allows one method's variance, of so many, to another with `df` degrees of freedom."""
    from scipy import special

    own_df = np.median([noise.n - 1 for noise in pairs])
    return float(special.fdtri(own_df, df, 1 - LOUD / methods))


def calm_row(name: str, rows: dict[str, Losses], own: dict[tuple[str, str], PairNoise]) -> Losses | None:
    """A loud method's losses without its highest one, if that alone made it loud.

    A run that nearly diverged raises the mean and, without bound, the variance; the runs that didn't still
    say that the method is no better than they are. None unless the variance falls by more than chance allows
    when the seed goes, and leaves at least three.
    """
    row = rows[name]
    others = {seed: [r[seed] for other, r in rows.items() if other != name and seed in r] for seed in row}
    heights = {seed: row[seed] - np.median(others[seed]) for seed in row if others[seed]}
    rest = {seed: loss for seed, loss in row.items() if seed != max(heights, key=heights.get)}
    if len(rest) < CALM_SEEDS:
        return None
    all_seeds = [noise for pair, noise in own.items() if name in pair and noise.sd > 0]
    calm = [own_noise(rest, r) for other, r in rows.items() if other != name]
    limit = largest_ratio(all_seeds, len(rest) - 1.0, len(rows))
    return rest if 0 < typical_variance(calm) * limit < typical_variance(all_seeds) else None


def without(names: frozenset[str], rows, own):
    """Methods and pairs without these."""
    return (
        {name: row for name, row in rows.items() if name not in names},
        {pair: noise for pair, noise in own.items() if names.isdisjoint(pair)},
    )


def own_noise(a: Losses, b: Losses) -> PairNoise:
    """Of one pair alone."""
    seeds = [seed for seed in a if seed in b]
    differences = np.array([a[seed] - b[seed] for seed in seeds])
    n = len(seeds)
    if n < 2:
        return PairNoise(n, float(differences.mean()) if n else math.nan, math.nan, math.nan, 0.0)
    rounding = ROUNDING * max(abs(row[seed]) for row in (a, b) for seed in seeds)
    if np.abs(differences).max() <= rounding:
        return PairNoise(n, 0.0, 0.0, 0.0, n - 1.0)
    sd = 0.0 if np.ptp(differences) <= rounding else float(differences.std(ddof=1))
    return PairNoise(n, float(differences.mean()), sd, sd**2, n - 1.0)


def moderate(noise: PairNoise, prior_df: float, prior_variance: float, most_df: float) -> PairNoise:
    """A pair's variance as the mean of its own and the prior one, weighted by their degrees of freedom.

    The two uncertainties, how alike the pairs are and how much they vary together, add up.
    """
    if not noise.sd >= 0 or noise.identical or not prior_df:
        return noise
    own_df = noise.n - 1.0
    if math.isinf(prior_df):
        variance, df = prior_variance, most_df
    else:
        variance = (prior_df * prior_variance + own_df * noise.sd**2) / (prior_df + own_df)
        df = 1 / (1 / (prior_df + own_df) + 1 / most_df)
    return PairNoise(noise.n, noise.mean, noise.sd, variance, max(own_df, df))


def alone(noise: PairNoise, prior_df: float, prior_variance: float, most_df: float) -> PairNoise:
    """Of a pair that varies more than the others: no further degrees of freedom, and no smaller variance."""
    found = moderate(noise, prior_df, prior_variance, most_df)
    return replace(found, variance=max(noise.variance, found.variance), df=noise.df)


def prior(variances: list[float], dfs: list[int], directions: float = math.inf) -> tuple[float, float]:
    """Degrees of freedom and variance of the distribution that the true variances come from.

    What the estimates have in common doesn't spread them: two of them correlate as the square of what the
    differences do, and the mean of that over all pairs of pairs, each with itself too, is 1 / directions.

    Args:
        variances: above 0, at least two.
        dfs: of each.
        directions: in which the methods vary, see `dimensions`.

    Returns:
        (df, variance): an infinite df where they differ by no more than chance; their mean is the variance
        then.

    References:
        Smyth 2004, section 6.2.
    """
    from scipy import special

    variances, dfs = np.array(variances), np.array(dfs, float)
    logs = np.log(variances) - special.digamma(dfs / 2) + np.log(dfs / 2)
    n = len(variances)
    apart = min(1.0, n / (n - 1) * (1 - 1 / directions))
    spread = logs.var(ddof=1) - apart * special.polygamma(1, dfs / 2).mean()
    if spread <= 0:
        return math.inf, float((variances * dfs).sum() / dfs.sum())
    half = inverse_trigamma(spread)
    return 2 * half, float(np.exp(logs.mean() + special.digamma(half)) / half)


def inverse_trigamma(y: float) -> float:
    """x > 0 with trigamma(x) = y, for y > 0."""
    from scipy import optimize, special

    log_x = optimize.brentq(lambda log_x: special.polygamma(1, math.exp(log_x)) - y, -20, 40)
    return math.exp(log_x)


def pooled_df(rows: dict[str, Losses]) -> tuple[float, float]:
    """Degrees of freedom of a variance pooled over all methods, and the directions in which they vary.

    Seeds less one, times as many dimensions as the methods vary in: one less than the methods if they vary
    independently, fewer if they vary together. Of the methods with at least so many seeds, the number that
    gives most counts.
    """
    best = 1.0, 1.0
    for least in {len(row) for row in rows.values()}:
        block = [row for row in rows.values() if len(row) >= least]
        seeds = sorted(set.intersection(*(set(row) for row in block)))
        if len(seeds) >= 2 and len(block) >= POOLED_FROM:
            directions = dimensions(np.array([[row[seed] for row in block] for seed in seeds]))
            best = max(best, ((len(seeds) - 1) * directions, directions))
    return best


def dimensions(table: np.ndarray) -> float:
    """In how many independent directions the methods vary, from 1 to one less than there are.

    Args:
        table: (seeds, methods).
    """
    df, most = len(table) - 1, table.shape[1] - 1
    residuals = table - table.mean(0) - table.mean(1, keepdims=True) + table.mean()
    gram = residuals @ residuals.T / df  # has the traces of the covariance, and is small
    trace, trace_of_square = np.trace(gram), (gram**2).sum()
    if df == 1:
        return 1.0
    unbiased = df**2 / ((df - 1) * (df + 2)) * (trace_of_square - trace**2 / df)
    if not trace > 0:
        return 1.0
    return float(most if unbiased <= trace**2 / most else max(1.0, trace**2 / unbiased))
