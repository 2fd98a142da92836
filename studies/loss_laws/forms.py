"""The forms that are compared, simplest changes to the published one first."""

from __future__ import annotations

from dataclasses import dataclass

from studies.loss_laws.form import Form
from theory import AnnealingLaw, MultiPowerLaw, PublishedMultiPowerLaw


@dataclass(frozen=True)
class Candidate:
    name: str
    formula: str  # of the loss, up to L0
    law: type | Form

    @property
    def parameters(self) -> int:
        """That are fitted; L0, A, alpha and B are in all."""
        return 4 + len(self.law.SHAPES)


DROPS, IN_TAU = "B Σ Δη G(C η_k^-γ (S - S_{k-1}))", "B Σ Δη G(C (τ - τ_{k-1}))"
NOISE = IN_TAU.replace("Δη", "Δη^δ")
PUBLISHED = Candidate("published", f"A S^-α - {DROPS}", PublishedMultiPowerLaw)
CREDIT = Candidate("early drops credited more", "each drop of 1 times (S_{k-1} / S)^-0.1", Form(kappa=-0.1))
IN_ONE_TIME = Candidate("both in τ", f"A τ^-α - {IN_TAU}", Form(True, "tau"))
NEW = Candidate("both in τ, δ near 0.9", f"A τ^-α - {NOISE}", MultiPowerLaw)
FREE = Candidate("both in τ, δ free", NEW.formula, Form(True, "tau", (1.0, 0.0)))
EXPONENTIAL = Candidate(
    "the same, exponential", f"{NEW.formula} with G(x) = 1 - exp(-x)", Form(True, "tau", (0.9, 2.0), True)
)
ANNEALING = Candidate("annealing law", "A S^-α - B Σ Δη (exponential in the steps since)", AnnealingLaw)
CANDIDATES = [
    PUBLISHED,
    CREDIT,
    Candidate("noise η^δ", f"A S^-α - {DROPS.replace('Δη', 'Δη^δ')}", Form(delta=(0.9, 2.0))),
    Candidate("drops in τ", f"A S^-α - {IN_TAU}", Form(True)),
    Candidate("drops in τ, η^δ", f"A S^-α - {NOISE}", Form(True, delta=(0.9, 2.0))),
    Candidate("progress in τ", f"A τ^-α - {DROPS}", Form(progress="tau")),
    Candidate("drops in τ, progress by p", f"A (Σ η^p)^-α - {IN_TAU}", Form(True, "power")),
    IN_ONE_TIME,
    FREE,
    NEW,
    EXPONENTIAL,
    ANNEALING,
]
ON_TRIPLES = [NEW, ANNEALING]  # for the time
