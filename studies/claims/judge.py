"""Verdicts on all claims that have their runs."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from analysis.differences import ALPHA, holm, holm_levels
from analysis.power import seeds_needed
from studies.claims.claim import (
    Choice,
    Claim,
    Contrast,
    PeakSlope,
    Question,
    Ranks,
    Share,
    Statistic,
    Verdict,
)
from studies.claims.contrasts import estimate_contrast, estimate_share
from studies.claims.estimate import Estimate
from studies.claims.orders import estimate_ranks, estimate_slope
from studies.claims.peaks import at_the_end, missing
from studies.claims.runs import Runs

ESTIMATORS = {
    Contrast: estimate_contrast,
    Share: estimate_share,
    PeakSlope: estimate_slope,
    Ranks: estimate_ranks,
}


@dataclass(frozen=True)
class Answer:
    question: Question
    estimate: Estimate
    alpha: float  # of the interval
    p_holm: float = math.nan  # of a primary number

    @property
    def interval(self) -> tuple[float, float]:
        return self.estimate.interval(self.alpha)

    @property
    def verdict(self) -> Verdict:
        return self.question.verdict(*self.interval)

    @property
    def seeds_needed(self) -> int | None:
        """About, for a verdict, if what was seen is true; None for more than a thousand."""
        to_decide = [
            abs(self.estimate.value - bound) for bound in self.question.holds if math.isfinite(bound)
        ]
        sd = self.estimate.error * math.sqrt(self.estimate.n)
        return seeds_needed(min(to_decide), sd, self.alpha) if sd else None

    @property
    def size(self) -> str:
        """How the published size compares; nothing where none is comparable."""
        published, (low, high) = self.question.published, self.interval
        if published is None:
            return ""
        if low <= published <= high:
            return "the published size lies within our interval"
        if published * self.estimate.value < 0:
            return "the published size has the other sign"
        smaller = abs(self.estimate.value) < abs(published)
        return f"ours is {'smaller' if smaller else 'larger'} than the published size"


@dataclass(frozen=True)
class Judged:
    claim: Claim
    primary: Answer
    beside: tuple[Answer, ...]
    ends: tuple[Choice, ...]  # of the primary number: whose best peak is an end of the grid


@dataclass(frozen=True)
class Study:
    judged: list[Judged]
    left_out: dict[str, str]  # claim, or what stands beside one -> why, in words


def judge(runs: Runs, claims: list[Claim]) -> Study:
    """Holm's correction is over the claims that have their runs."""
    left_out, primary, beside = {}, {}, {}
    for claim in claims:
        estimate = attempt(runs, claim.primary.statistic, f"Claim {claim.number}", left_out)
        if estimate is None:
            continue
        primary[claim.number] = estimate
        tried = {
            question: attempt(
                runs, question.statistic, f"Beside claim {claim.number}, {question.text}", left_out
            )
            for question in claim.beside
        }
        beside[claim.number] = tuple(Answer(q, found, ALPHA) for q, found in tried.items() if found)
    judged_claims = [claim for claim in claims if claim.number in primary]
    p = np.array([primary[claim.number].p(claim.primary) for claim in judged_claims])
    rows = zip(judged_claims, holm_levels(p), holm(p))
    return Study(
        [
            Judged(
                claim,
                Answer(claim.primary, primary[claim.number], float(alpha), float(p_holm)),
                beside[claim.number],
                tuple(c for c in dict.fromkeys(claim.primary.statistic.choices) if at_the_end(runs, c)),
            )
            for claim, alpha, p_holm in rows
        ],
        left_out,
    )


def attempt(runs: Runs, statistic: Statistic, name: str, left_out: dict[str, str]) -> Estimate | None:
    """The estimate; or None, and why is noted."""
    if lacking := missing(runs, statistic.choices):
        more = f", and so on for {len(lacking) - 1} more" if len(lacking) > 1 else ""
        left_out[name] = f"{lacking[0]}{more}; it takes two or more"
        return None
    try:
        return ESTIMATORS[type(statistic)](runs, statistic)
    except ValueError as error:
        left_out[name] = str(error)
        return None
