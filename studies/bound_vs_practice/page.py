"""README.md of results/bound_vs_practice: the numbers that its template needs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from studies.bound_vs_practice.errors import Contrast, FamilyError, contrasts, errors_of, family_errors
from studies.bound_vs_practice.measures import (
    Agreement,
    agreement,
    drawn,
    members,
    others_say,
    pairs_apart,
    within_schedules,
)
from studies.bound_vs_practice.peaks import PeakChange, Peaks, best_peaks, peak_change
from studies.bound_vs_practice.predictors import (
    BEST,
    FINAL_LR,
    LR_SUM,
    PREDICTORS,
    TRAINED,
    Scale,
    centred_slope,
    scales,
)
from studies.bound_vs_practice.regimes import LARGE, SMALL, Data, Regime
from studies.page import write_page
from studies.transfer.agreement import Number


@dataclass(frozen=True)
class Judged:
    """One regime with what each predictor says of it."""

    regime: Regime
    pairs: int
    all: dict[str, Agreement]  # by the predictor's name
    decaying: dict[str, Agreement]  # without the constant lr
    others: Agreement | None

    @property
    def lead(self) -> dict[str, Number]:
        """The bound's rank correlation less each rival's."""
        return {rival.name: self.bound.minus(self.all[rival.name]).rank for rival in (LR_SUM, FINAL_LR)}

    @property
    def bound_name(self) -> str:
        """Of the kind that is asked for: at best peaks where the runs are, else as trained."""
        return (BEST if self.regime.at_best_peaks else TRAINED).name

    @property
    def bound(self) -> Agreement:
        return self.all[self.bound_name]


@dataclass(frozen=True)
class Study:
    """All that the page and the figure say."""

    data: Data
    scales: dict[str, Scale]  # by model
    judged: list[Judged]
    peaks: list[Peaks]  # 0.1M, 124M at the longer horizon, at the shorter one

    def of(self, regime: Regime) -> Judged:
        return next(one for one in self.judged if one.regime is regime)

    @property
    def longer(self) -> int:
        return max(self.data.large_best)

    @property
    def shorter(self) -> int:
        return min(self.data.large_best)

    @property
    def tuned(self) -> list[Judged]:
        """Both models at best peaks."""
        return [self.of(self.data.small_best), self.of(self.data.large_best[self.longer])]

    @property
    def every(self) -> list[Judged]:
        """Both models at every peak."""
        return [self.of(self.data.small_every), self.of(self.data.large_every[self.longer])]

    @cached_property
    def wrong_peaks(self) -> list[Agreement]:
        """The slope within schedules, of both models."""
        return [within_schedules(one.regime, TRAINED, self.scales[one.regime.model]) for one in self.every]

    @cached_property
    def families(self) -> list[tuple[str, FamilyError]]:
        return [
            (one.regime.model, error)
            for one in self.tuned
            for error in family_errors(one.regime, self.scales[one.regime.model])
        ]

    @cached_property
    def contrasts(self) -> list[tuple[str, Contrast]]:
        return [
            (one.regime.model, contrast)
            for one in self.tuned
            for contrast in contrasts(one.regime, self.scales[one.regime.model])
        ]

    @property
    def peak_change(self) -> PeakChange:
        return peak_change(self.peaks[2], self.peaks[1])

    @cached_property
    def fading(self) -> tuple[float, Number]:
        """What differences between decaying schedules at the longer horizon are of those at the shorter one:
        by the bound, and measured."""
        scale = self.scales[LARGE]
        longer = self.data.large_best[self.longer].without_constant()
        values = {point.name: BEST.value(point, scale) for point in longer.points}
        points = self.data.large_best[self.shorter].without_constant().points
        before = np.array([BEST.value(point, scale) for point in points])
        by_bound = centred_slope(before, np.array([values[point.name] for point in points]))
        return by_bound, others_say(longer).slope

    def contrast(self, model: str, name: str, minus: str) -> Contrast:
        return next(c for m, c in self.contrasts if (m, c.name, c.minus) == (model, name, minus))

    def error_on_mean_lr(self, regime: Regime) -> Number:
        """Rank correlation, without the constant, of a schedule's error with its mean lr over the peak."""
        regime = regime.without_constant()
        means = np.array([point.lrs.mean() / point.lrs.max() for point in regime.points])
        return drawn(means, errors_of(regime, self.scales[regime.model]), members(regime)).rank

    def ahead(self, rival: str) -> int:
        """In how many regimes the bound's lead over a rival has an interval above zero."""
        return sum(one.lead[rival].low > 0 for one in self.judged)

    @property
    def finding(self) -> str:
        small, large = (one.bound.rank.value for one in self.tuned)
        times = sorted(1 / one.slope.value for one in self.wrong_peaks)
        return (
            f"At best peaks the convex bound orders schedules (rank correlation {small:.2f} at {SMALL}, "
            f"{large:.2f} at {LARGE}) and knows which wants a higher peak; it charges a wrong peak "
            f"{times[0]:.0f} to {times[-1]:.0f} times too much"
        )


def study_of(data: Data) -> Study:
    found = scales(data)
    judged = [judge(regime, found[regime.model]) for regime in data.regimes]
    longer, shorter = max(data.large_every), min(data.large_every)
    with_peaks = (data.small_every, data.large_every[longer], data.large_every[shorter])
    return Study(data, found, judged, [best_peaks(one, found[one.model]) for one in with_peaks])


def judge(regime: Regime, scale: Scale) -> Judged:
    def all_of(one: Regime) -> dict[str, Agreement]:
        return {predictor.name: agreement(one, predictor, scale) for predictor in PREDICTORS}

    decaying = all_of(regime.without_constant())
    return Judged(regime, pairs_apart(regime), all_of(regime), decaying, others_say(regime))


def write_readme(out: Path, study: Study) -> Path:
    return write_page(
        out,
        Path(__file__).with_name("page.md.j2"),
        study=study,
        predictors=PREDICTORS,
        best=BEST.name,
        trained=TRAINED.name,
        small=SMALL,
        large=LARGE,
    )
