"""All that the page states, from the curves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.differences import rank_correlation
from studies.loss_laws.curves import MIDDLE, Curves, Trial
from studies.loss_laws.errors import Errors, errors_of
from studies.loss_laws.forms import CANDIDATES, NEW, ON_TRIPLES, PUBLISHED, Candidate
from studies.loss_laws.left_out import LeftOut, Ratios, left_out, priors, ratios
from studies.loss_laws.triples import Triples, all_triples, compared, mean_errors

EVERY = 6  # of the triples beyond the 100M model's


@dataclass(frozen=True)
class Study:
    """Errors are by candidate's name, in the order of `trials` or `horizons`."""

    trials: list[Trial]
    horizons: list[Trial]
    errors: dict[str, list[Errors]]
    at_horizons: dict[str, list[Errors]]
    ratios: Ratios  # of all candidates
    prior_ratios: Ratios
    triples: dict[str, Triples]  # of the 100M model, by candidate of ON_TRIPLES
    other_triples: dict[str, Triples]  # of the chosen form, by trial

    @property
    def forms_left_out(self) -> list[LeftOut]:
        return left_out(self.ratios)

    @property
    def priors_left_out(self) -> list[LeftOut]:
        return left_out(self.prior_ratios)

    @property
    def overall(self) -> dict[str, float]:
        """Of each candidate, the geometric mean of its ratios in the families."""
        return {name: float(np.exp(np.mean(np.log([*by.values()])))) for name, by in self.ratios.items()}

    @property
    def spreads(self) -> list[float]:
        """The standard deviation of the measured losses at the end of the unseen curves, by trial."""
        return [float(np.std(trial.ends, ddof=1)) for trial in self.trials]

    def ranks(self, name: str) -> list[float]:
        """Rank correlations of predicted and measured ends, by trial whose curves are of one length."""
        pairs = zip(self.trials, self.errors[name])
        return [rank(trial, found) for trial, found in pairs if trial.family != MIDDLE]

    def ranks_at_horizons(self, name: str) -> list[float]:
        return [rank(trial, found) for trial, found in zip(self.horizons, self.at_horizons[name])]

    @property
    def by_trial(self) -> list[float]:
        """The chosen form's error over the published one's."""
        pairs = zip(self.errors[NEW.name], self.errors[PUBLISHED.name])
        return [new.mean / published.mean for new, published in pairs]

    @property
    def finding(self) -> str:
        better = self.by_trial
        return (
            "On curves that it has not seen, a multi-power law in one intrinsic time is "
            f"{min(better):.1f} to {max(better):.1f} times as far off as the published one"
        )

    @property
    def constant_at_horizons(self) -> list[float]:
        """The chosen form's errors of the constant lr."""
        return [found.at("constant") for found in self.at_horizons[NEW.name]]

    def at_end(self, trial: str, *names: str) -> list[float]:
        """The chosen form's errors at the end of some curves of a trial."""
        found = self.errors[NEW.name][self.place(trial)]
        return [found.at(name) for name in names]

    def published_at_end(self, trial: str, name: str) -> float:
        return self.errors[PUBLISHED.name][self.place(trial)].at(name)

    def place(self, trial: str) -> int:
        return [one.name for one in self.trials].index(trial)


def rank(trial: Trial, found: Errors) -> float:
    return rank_correlation(trial.ends, trial.ends + found.at_end)


def study_of(curves: Curves) -> Study:
    trials, horizons = curves.trials(), curves.horizons()
    errors = errors_by_name(CANDIDATES, trials)
    published = errors[PUBLISHED.name]
    return Study(
        trials,
        horizons,
        errors,
        errors_by_name(CANDIDATES, horizons),
        {name: ratios(trials, found, published) for name, found in errors.items()},
        {name: ratios(trials, found, published) for name, found in errors_by_name(priors(), trials).items()},
        middle_triples(curves, trials),
        other_triples(curves, trials),
    )


def errors_by_name(candidates: list[Candidate], trials: list[Trial]) -> dict[str, list[Errors]]:
    return {one.name: [errors_of(one.law, trial) for trial in trials] for one in candidates}


def middle_triples(curves: Curves, trials: list[Trial]) -> dict[str, Triples]:
    """Some candidates on every three of the 100M model's curves."""
    like = next(trial for trial in trials if trial.family == MIDDLE)
    triples = all_triples(curves.middle, like)
    published = mean_errors(PUBLISHED.law, triples)
    return {one.name: compared(mean_errors(one.law, triples), published) for one in ON_TRIPLES}


def other_triples(curves: Curves, trials: list[Trial]) -> dict[str, Triples]:
    """The chosen form on every sixth triple of ten curves of the other models."""
    others = [trial for trial in trials if trial.family != MIDDLE]
    groups = [*curves.large.values(), *curves.small.values()]
    found = {}
    for like, group in zip(others, groups):
        if len(group) <= 10:
            triples = all_triples(group, like, EVERY)
            found[like.name] = compared(mean_errors(NEW.law, triples), mean_errors(PUBLISHED.law, triples))
    return found
