"""Curves that follow a known loss law, for every test of what is fitted on curves."""

import numpy as np
import pytest

from schedulers import get_schedule
from theory import AnnealingLaw, Curve, MultiPowerLaw, PublishedMultiPowerLaw

POWER = MultiPowerLaw(L0=2.5, A=1.85, alpha=0.45, B=12.3, C=8.0, beta=0.4, gamma=0.6, delta=0.85)
PUBLISHED = PublishedMultiPowerLaw(L0=2.5, A=0.5, alpha=0.45, B=20.0, C=8.0, beta=0.4, gamma=0.6)
ANNEALING = AnnealingLaw(L0=2.5, A=0.5, alpha=0.45, B=0.7, tau=25.0)
LAWS = [POWER, PUBLISHED, ANNEALING]
by_law = pytest.mark.parametrize("law", LAWS, ids=lambda law: type(law).__name__)


def lrs_of(spec, steps=300, peak_lr=8e-3, warmup_steps=30):
    return get_schedule(spec, steps, peak_lr, warmup_steps=warmup_steps).lrs()


def curves_of(law, specs=("constant", "cosine", "wsd"), noise=0.0, **run):
    rng, curves = np.random.Generator(np.random.Philox(5)), []
    for spec in specs:
        lrs = lrs_of(spec, **run)
        steps = np.arange(30, len(lrs), 5)
        losses = law.predict(lrs, steps) * np.exp(noise * rng.standard_normal(len(steps)))
        curves.append(Curve(lrs, steps, losses))
    return curves
