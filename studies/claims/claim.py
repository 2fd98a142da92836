"""What a claim is: what was published, and the one number that decides whether it holds here."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

INF = math.inf
BELOW_ZERO, ABOVE_ZERO = (-INF, 0.0), (0.0, INF)
MARGIN = 0.005  # nats per token: what is closer is a tie
PEAKS = (4e-3, 8e-3, 1.6e-2, 3.2e-2)


class Verdict(Enum):
    HOLDS = "holds here"
    FAILS = "does not hold here"
    UNTOLD = "cannot be told"


@dataclass(frozen=True)
class Regime:
    """A model and a horizon; all on tiny Shakespeare in characters, 1,024 tokens per step."""

    parameters: str
    width: int
    tokens_per_parameter: float
    steps: int
    warmup_steps: int

    @property
    def name(self) -> str:
        return f"{self.parameters} parameters, {self.tokens_per_parameter:g} tokens per parameter"


BASE = Regime("0.1M", 64, 20, 2008, 200)
LONGER = Regime("0.1M", 64, 41, 4115, 200)
FEWEST, FEW = Regime("0.1M", 64, 0.3, 30, 3), Regime("0.1M", 64, 2, 201, 20)
HORIZONS = tuple(
    Regime("0.05M", 44, tokens, steps, 97) for tokens, steps in ((8, 387), (12.3, 595), (20, 968), (41, 1984))
)


@dataclass(frozen=True)
class Cell:
    """One configuration; its runs differ by seed alone."""

    regime: Regime
    schedule: str
    peak_lr: float
    average: str = ""  # of the weights; none: as they are after the last step


@dataclass(frozen=True)
class Choice:
    """A schedule at its best peak lr (and average): for each seed the one that the other seeds prefer.

    Of several schedules the best is chosen too, in the regime `chosen_in` if there is one; the peak lr is
    always chosen in the regime that judges.
    """

    schedules: tuple[str, ...]
    regime: Regime = BASE
    peaks: tuple[float, ...] = PEAKS
    averages: tuple[str, ...] = ("",)
    chosen_in: Regime | None = None
    label: str = ""

    @property
    def name(self) -> str:
        return self.label or " or ".join(self.schedules)

    @property
    def regimes(self) -> tuple[Regime, ...]:
        return (self.regime,) + ((self.chosen_in,) if self.chosen_in else ())

    def cells(self, regime: Regime | None = None, schedules: tuple[str, ...] = ()) -> list[Cell]:
        return [
            Cell(regime or self.regime, schedule, peak, average)
            for schedule in schedules or self.schedules
            for peak in self.peaks
            for average in self.averages
        ]


# -- what decides


@dataclass(frozen=True)
class Contrast:
    """A sum of losses with weights, paired by seed; in nats per token."""

    terms: tuple[tuple[float, Choice], ...]
    unit: str = "nats per token"
    same_runs: bool = (
        False  # seen twice, so they vary less than two runs: the noise of other pairs is no guide
    )

    @property
    def choices(self) -> tuple[Choice, ...]:
        return tuple(choice for _, choice in self.terms)


@dataclass(frozen=True)
class Share:
    """How much of the way from `start` to `end` the loss of `reached` has come: 0 none, 1 all of it."""

    start: Choice
    reached: Choice
    end: Choice
    unit: str = "share"

    @property
    def choices(self) -> tuple[Choice, ...]:
        return self.start, self.reached, self.end


@dataclass(frozen=True)
class PeakSlope:
    """The slope of log2 of the best peak lr on x, the same for all groups, each with a level of its own."""

    points: tuple[tuple[Choice, float, str], ...]  # choice, x, group
    unit: str = "octaves of the peak lr per octave"

    @property
    def choices(self) -> tuple[Choice, ...]:
        return tuple(choice for choice, _, _ in self.points)


@dataclass(frozen=True)
class Ranks:
    """Spearman's correlation of the losses at best peaks with those at another horizon, or with the convex
    bound where `others` is empty."""

    choices_: tuple[Choice, ...]
    others: tuple[Choice, ...] = ()
    unit: str = "rank correlation"

    @property
    def choices(self) -> tuple[Choice, ...]:
        return self.choices_ + self.others


Statistic = Contrast | Share | PeakSlope | Ranks


@dataclass(frozen=True)
class Question:
    """A number, where it must lie for the claim to hold, and what was published of it."""

    text: str  # what the number is
    statistic: Statistic
    holds: tuple[float, float]  # open interval
    fails: tuple[float, float] | None = None  # all outside of `holds`, if none is given
    published: float | None = None  # in the statistic's unit, where it has the same meaning

    def verdict(self, low: float, high: float) -> Verdict:
        """Read off an interval."""
        if self.holds[0] < low and high < self.holds[1]:
            return Verdict.HOLDS
        outside = high <= self.holds[0] or low >= self.holds[1]
        within = self.fails is not None and self.fails[0] < low and high < self.fails[1]
        return Verdict.FAILS if outside or within else Verdict.UNTOLD


@dataclass(frozen=True)
class Claim:
    number: str
    text: str
    shown_at: str
    numbers: str  # as published
    source: str  # a link
    primary: Question  # decides
    beside: tuple[Question, ...] = ()  # shown, not tested
    contested_by: str = ""
    prediction: str = ""  # of what happens here, made before the runs


def tuned(schedule: str, regime: Regime = BASE, **options) -> Choice:
    return Choice((schedule,), regime, **options)


def difference(first: Choice, second: Choice) -> Contrast:
    """first minus second: below zero, the first is better."""
    return Contrast(((1.0, first), (-1.0, second)))


def slope(choices: list[Choice], xs: list[float], unit: str) -> Contrast:
    """Of the losses on x, by least squares."""
    mean = sum(xs) / len(xs)
    scale = sum((x - mean) ** 2 for x in xs)
    return Contrast(tuple(((x - mean) / scale, choice) for choice, x in zip(choices, xs)), unit)


def peak_ratio(first: Choice, second: Choice) -> PeakSlope:
    """log2 of the first's best peak lr over the second's."""
    return PeakSlope(((first, 1.0, ""), (second, 0.0, "")), "octaves of the peak lr")
