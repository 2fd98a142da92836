"""README.md of results/theory_vs_practice: the numbers that its template needs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from analysis.differences import PairedDifference, paired_difference
from analysis.predictions import FIT_ON
from analysis.verdicts import Verdict, pair_verdict
from studies.page import write_page
from studies.theory_vs_practice.data import DESIGNED, METHODS, PEAKS, Forecast, Outcome, Study

VERDICTS = {Verdict.BETTER: "is lower than", Verdict.WORSE: "is higher than"}


@dataclass(frozen=True)
class Contest:
    """The designed schedule against another one at the best of its peak lrs, paired by seed."""

    name: str
    peaks: list[float]  # that were tried, in ascending order
    best: float
    difference: PairedDifference  # the designed schedule's loss minus the other's

    @property
    def verdict(self) -> str:
        verdict = pair_verdict(self.difference, self.difference.p)
        return VERDICTS.get(verdict, "cannot be told apart from")


def write_readme(out: Path, study: Study) -> Path:
    return write_page(
        out,
        Path(__file__).with_name("page.md.j2"),
        study=study,
        methods=METHODS,
        best_method=max(METHODS, key=lambda method: method.correlation(study.new)),
        spread=np.std([outcome.mean for outcome in study.new], ddof=1),
        contests=[contest(study, name) for name in ("wsd", "cosine")],
        held=dict(
            multi_power=sum(holds(o.prediction.multi_power, o) for o in study.new),
            annealing=sum(holds(o.prediction.annealing, o) for o in study.new),
        ),
        fit_on=FIT_ON,
        designed_name=DESIGNED,
        peaks_folder=PEAKS,
        tried_peaks=sorted({peak for _, peak in study.losses}),
    )


def contest(study: Study, name: str) -> Contest:
    designed = study.designed.losses
    by_peak = {
        peak: losses
        for (scheduler, peak), losses in study.losses.items()
        if scheduler == name and losses.keys() == designed.keys()
    }
    best = min(by_peak, key=lambda peak: np.mean(list(by_peak[peak].values())))
    return Contest(name, sorted(by_peak), best, paired_difference(designed, by_peak[best]))


def holds(forecast: Forecast, outcome: Outcome) -> bool:
    return forecast.low <= outcome.mean <= forecast.high
