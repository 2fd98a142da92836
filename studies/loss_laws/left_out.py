"""A choice between forms made on two families of curves and judged on the third."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from studies.loss_laws.curves import FAMILIES, Trial
from studies.loss_laws.errors import Errors
from studies.loss_laws.form import Form
from studies.loss_laws.forms import Candidate

FIXED, FREE, OURS = "fixed at 1", "free", "0.9, strength 2"
VALUES, STRENGTHS = (0.7, 0.8, 0.9, 1.0), (1.0, 2.0, 4.0, 16.0)
Ratios = dict[str, dict[str, float]]  # candidate -> family -> its errors over those of the published form


@dataclass(frozen=True)
class LeftOut:
    """What the other two families choose, and what is lowest in this one, with their ratios here."""

    family: str
    chosen: str
    ratio: float
    lowest: str
    lowest_ratio: float


def priors() -> list[Candidate]:
    """The form in tau with delta drawn to several values, more or less strongly; fixed at 1; and free."""
    drawn = [(value, strength) for value in VALUES for strength in STRENGTHS]
    return [
        Candidate(FIXED, "", Form(True, "tau")),
        Candidate(FREE, "", Form(True, "tau", (1.0, 0.0))),
        *(Candidate(f"{value:g}, strength {s:g}", "", Form(True, "tau", (value, s))) for value, s in drawn),
    ]


def ratios(trials: list[Trial], errors: list[Errors], published: list[Errors]) -> dict[str, float]:
    """By family, the geometric mean over its trials of the mean errors over those of the published form."""
    logs = np.log([own.mean / other.mean for own, other in zip(errors, published)])
    by_family = {family: [log for t, log in zip(trials, logs) if t.family == family] for family in FAMILIES}
    return {family: float(np.exp(np.mean(values))) for family, values in by_family.items()}


def left_out(found: Ratios) -> list[LeftOut]:
    rows = []
    for family in FAMILIES:
        others = [name for name in FAMILIES if name != family]
        chosen = min(found, key=lambda name: np.prod([found[name][other] for other in others]))
        lowest = min(found, key=lambda name: found[name][family])
        rows.append(LeftOut(family, chosen, found[chosen][family], lowest, found[lowest][family]))
    return rows
