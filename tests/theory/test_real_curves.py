"""Loss laws on the published curves of a 100M model (Luo et al. 2025), which the repository doesn't hold."""

import csv

import numpy as np
import pytest
from helpers import ROOT
from helpers_laws import by_law

from theory import AnnealingLaw, Curve, MultiPowerLaw

CURVES = ROOT.parent / "shared" / "data" / "loss_curves_100M"
pytestmark = [
    pytest.mark.shared_data,
    pytest.mark.skipif(not CURVES.exists(), reason="the published curves are not beside the checkout"),
]


def real_curve(name):
    """One of them, with its lrs as the paper gives them, without points past the end of the run."""
    with open(CURVES / f"{name}.csv") as file:
        steps, lrs, losses = np.array(
            [[float(value) for value in row.values()] for row in csv.DictReader(file)]
        ).T
    total, peak = (16_000 if "wsdcon" in name else int(name.split("_")[-1])), 3e-4
    whole = np.interp(np.arange(total), steps, lrs)
    t = np.arange(total)
    if "cosine" in name:
        whole = 3e-5 + (peak - 3e-5) * (1 + np.cos(np.pi * (t - 2160) / (total - 2160))) / 2
    elif "wsdcon" in name:
        whole = np.where(t < 8000, peak, float(name.split("_")[1]) * 1e-5)
    elif "wsdld" in name:
        whole = peak - (peak - 3e-5) * np.clip((t - 20_000) / 4000, 0, 1)
    elif "wsd" in name:
        whole = peak * 0.1 ** np.clip((t - 20_000) / 4000, 0, 1)
    whole[:2160] = np.linspace(0, peak, 2160)
    keep = steps < total
    assert np.abs(whole[steps[keep].astype(int)] - lrs[keep]).max() < 1e-9
    return Curve(whole, steps[keep].astype(int), losses[keep])


def test_the_papers_curves_within_its_published_error():
    law = MultiPowerLaw.fit([real_curve(name) for name in ("cosine_24000", "constant_24000", "wsdcon_9")])
    names = "cosine_72000 constant_72000 wsd_20000_24000 wsdld_20000_24000 wsdcon_3 wsdcon_18".split()
    held_out = [real_curve(name) for name in names]
    some = [Curve(c.lrs, c.steps[::5], c.losses[::5]) for c in held_out]  # every fifth point, for the time
    assert np.mean([np.abs(law.predict(c.lrs, c.steps) - c.losses).mean() for c in some]) < 0.00435


@pytest.mark.parametrize(
    "fit_on",
    [("cosine_24000", "constant_24000", "wsdcon_9"), ("wsdcon_3", "cosine_24000", "wsd_20000_24000")],
)
@pytest.mark.parametrize("law", [MultiPowerLaw, AnnealingLaw])
def test_intervals_hold_the_final_losses_of_real_curves(law, fit_on):
    fitted = law.fit([real_curve(name) for name in fit_on])
    names = {"cosine_72000", "constant_72000", "constant_24000", "wsdcon_18", "wsdld_20000_24000"}
    for name in names - set(fit_on):
        curve = real_curve(name)
        low, high = fitted.interval(curve.lrs, curve.steps[-1:], draws=20)
        assert low < curve.losses[-3:].mean() < high and high - low < 0.25


@by_law
def test_one_cosine_alone_is_refused(law):
    with pytest.raises(ValueError, match="uncertain by .* add a curve of another shape"):
        type(law).fit([real_curve("cosine_24000")])
