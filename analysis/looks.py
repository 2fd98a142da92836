"""Looks at a comparison that gets seeds until it is decided: how strict each look is, so that all of them
together are wrong no more often than one would be.

The allowed error is spent as the seeds come in (alpha spending, Lan and DeMets 1983), by Pocock's kind of
function, which leaves early looks a good share: most of what can be saved is saved there. A method that is
decided keeps its verdict and gets no more seeds; the levels are those of all methods at the start, so that
leaving some out costs nothing of the guarantee.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np

from analysis.differences import ALPHA
from analysis.simultaneous import exceedance
from nanosched.errors import not_allowed

LOOKS = (3, 5, 8, 12, 20)  # seeds
LARGE_DF = 1e8  # a t statistic with so many degrees of freedom is normal
NODES = 32  # of a sum's quadrature
PATH_NODES, LAST_NODES = (20, 8, 5, 4), 3  # of a path's, by direction: levels to 3 digits
NEGLIGIBLE = 1e-8  # a path's weight, beside the largest


def looks_up_to(max_seeds: int) -> tuple[int, ...]:
    """The looks of a comparison with at most `max_seeds` seeds, itself the last; at least 2."""
    if max_seeds < 2:
        raise not_allowed("max_seeds", max_seeds, "one seed shows no noise: give at least 2, for example 20")
    return (*(look for look in LOOKS if look < max_seeds), max_seeds)


def nominal_levels(looks: Sequence[int], methods: int, alpha: float = ALPHA) -> list[float]:
    """The family-wise level to make the intervals of each look at.

    Args:
        looks: seeds at each, from 2 on, ascending; at the last one the comparison ends, decided or not.
        methods: of the whole comparison, with the one that the others are compared with; at least 2.
        alpha: family-wise error of all looks together.

    Returns:
        a level for each look. Without the caution for few seeds, that the largest of the methods' statistics
        crosses the critical value of its look, at any look, has probability alpha if all methods are equal. A
        single look is no series, and has all of alpha.

    References:
        Lan and DeMets 1983, Discrete sequential boundaries for clinical trials (the spending function of
        Pocock's type); Jennison and Turnbull 2000, Group Sequential Methods, chapters 7 and 19.
    """
    looks = tuple(looks)
    if not looks or looks[0] < 2 or any(later <= look for look, later in zip(looks, looks[1:])):
        raise not_allowed(
            "looks", looks, "give numbers of seeds from 2 on in ascending order, for example 3,5,8"
        )
    if methods < 2:
        raise not_allowed("methods", methods, "a comparison needs at least 2")
    return list(levels(looks, methods - 1, alpha))


def spent(share: float, alpha: float) -> float:
    """How much of alpha may be spent when this share of all seeds is there; Pocock's type."""
    return alpha * math.log1p((math.e - 1) * share)


def caution(seeds: int) -> float:
    """What a level is multiplied by, since few seeds know little of how far a t statistic's tails reach.

    Found by simulation, see studies/decisions: where real methods vary unequally, three seeds cross a level
    of 1% about twice as often as that.
    """
    return (1 - 1 / seeds) ** 2


@lru_cache(maxsize=64)
def levels(looks: tuple[int, ...], m: int, alpha: float) -> tuple[float, ...]:
    """Of m comparisons with one method.

    Along a path of that method the others are independent, so all stay within their bounds with the m-th
    power of the probability that one does; both the path and the one are integrated by quadrature.
    """
    from scipy import optimize

    paths, weights = paths_of(looks) if m > 1 else (np.zeros((1, len(looks))), np.ones(1))
    walk, found, before = Walk(np.zeros(1), np.ones((len(paths), 1))), [], 0
    for look, path in zip(looks, paths.T):
        step = Step(path, (look - before) * (1.0 if m > 1 else 2.0))
        to_spend, sd = spent(look / looks[-1], alpha), math.sqrt(2 * look)

        def excess(c, walk=walk, step=step, to_spend=to_spend, sd=sd):
            return 1 - weights @ walk.within(c * sd, step) ** m - to_spend

        c = optimize.brentq(excess, 0.01, 20, xtol=1e-9)
        found.append(exceedance(c, m, LARGE_DF) * (caution(look) if len(looks) > 1 else 1.0))
        walk, before = walk.go_on(c * sd, step), look
    return tuple(found)


def paths_of(looks: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """What the common method's losses add up to from look to look, in standard deviations of one seed.

    Returns:
        (paths, looks) and the weight of each path. Nodes lie along the principal directions of the path, most
        along the one that varies most; a path and its mirror image are the same to a two-sided test.
    """
    variances, directions = np.linalg.eigh(np.minimum.outer(looks, looks).astype(float))
    counts = (*PATH_NODES, *[LAST_NODES] * len(looks))[: len(looks)]
    rules = [np.polynomial.hermite_e.hermegauss(count) for count in counts]
    nodes = np.array(list(product(*(nodes for nodes, _ in rules))))
    weights = np.array([math.prod(row) for row in product(*(weights for _, weights in rules))])
    kept = (nodes[:, 0] > 0) & (weights > NEGLIGIBLE * weights.max())
    sums = nodes[kept] @ (directions * np.sqrt(variances))[:, ::-1].T
    return np.diff(sums, axis=1, prepend=0), weights[kept] / weights[kept].sum()


@dataclass(frozen=True)
class Step:
    """What the seeds between two looks add to the sum of one comparison's differences."""

    common: np.ndarray  # of the method that all are compared with: (paths,)
    variance: float  # of what varies beside it


@dataclass(frozen=True)
class Walk:
    """The sum of one comparison's differences at a look, where it stayed within all bounds so far."""

    nodes: np.ndarray  # of the sum: (nodes,)
    mass: np.ndarray  # its density, times the weights of the quadrature: (paths, nodes)

    def within(self, bound: float, step: Step) -> np.ndarray:
        """Probability that the sum is within `bound` after the step too: (paths,)."""
        from scipy import special

        centre, sd = self.nodes - step.common[:, None], math.sqrt(step.variance)
        reached = special.ndtr((bound - centre) / sd) - special.ndtr((-bound - centre) / sd)
        return (self.mass * reached).sum(1)

    def go_on(self, bound: float, step: Step) -> Walk:
        """After the step, within its bound."""
        nodes, weights = np.polynomial.legendre.leggauss(NODES)
        centre, scale = self.nodes - step.common[:, None], 1 / math.sqrt(2 * math.pi * step.variance)
        density = [np.exp((node - centre) ** 2 / (-2 * step.variance)) for node in nodes * bound]
        mass = np.stack([(self.mass * row).sum(1) for row in density], axis=1)
        return Walk(nodes * bound, mass * weights * bound * scale)
