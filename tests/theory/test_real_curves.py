"""Loss laws on published curves of a 100M and a 124M model, which the repository doesn't hold."""

import csv

import numpy as np
import pytest
from helpers import ROOT
from helpers_laws import by_law

from schedulers import get_schedule
from theory import AnnealingLaw, Curve, MultiPowerLaw

CURVES = ROOT.parent / "shared" / "data" / "loss_curves_100M"
TO_ZERO = ROOT.parent / "shared" / "data" / "loss_curves_124M"
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


def test_the_papers_curves_well_within_its_published_error():
    law = MultiPowerLaw.fit([real_curve(name) for name in ("cosine_24000", "constant_24000", "wsdcon_9")])
    names = "cosine_72000 constant_72000 wsd_20000_24000 wsdld_20000_24000 wsdcon_3 wsdcon_18".split()
    held_out = [real_curve(name) for name in names]
    some = [Curve(c.lrs, c.steps[::5], c.losses[::5]) for c in held_out]  # every fifth point, for the time
    assert np.mean([np.abs(law.predict(c.lrs, c.steps) - c.losses).mean() for c in some]) < 0.003


SPECS_TO_ZERO = {
    "constant": "constant",
    "cosine_to_10": "cosine:final_lr_ratio=0.1",
    "cosine_to_0": "cosine:final_lr_ratio=0",
    "wsd_0.2_sqrt": "wsd:cooldown=0.2,shape=sqrt",
    **{f"wsd_{x}": f"wsd:cooldown={x},shape=linear" for x in ("0.1", "0.2", "0.4", "0.6", "0.8", "0.9")},
}


def curve_to_zero(peak_lr, name):
    """Of a 124M model on SlimPajama, 25,000 steps, decayed to zero."""
    with open(TO_ZERO / peak_lr / f"{name}.csv") as file:
        rows = list(csv.DictReader(file))
    lrs = get_schedule(SPECS_TO_ZERO[name], 25_000, float(peak_lr), warmup_steps=300).lrs()
    steps = np.array([int(row["step"]) for row in rows]) - 1
    assert np.abs(lrs[steps] - [float(row["lr"]) for row in rows]).max() < 3e-3 * float(
        peak_lr
    )  # half a step
    return Curve(lrs, steps, [float(row["val_loss"]) for row in rows], name)


@pytest.mark.skipif(not TO_ZERO.exists(), reason="the curves are not beside the checkout")
@pytest.mark.parametrize("peak_lr, most", [("0.0005", 0.005), ("0.001", 0.007)])
def test_decays_to_zero_end_where_a_law_of_three_curves_says(peak_lr, most):
    fitted_on = ("constant", "cosine_to_10", "wsd_0.2")
    law = MultiPowerLaw.fit([curve_to_zero(peak_lr, name) for name in fitted_on])
    held_out = [curve_to_zero(peak_lr, name) for name in SPECS_TO_ZERO if name not in fitted_on]
    errors = [abs(law.predict(c.lrs, c.steps[-1:])[0] - c.losses[-1]) for c in held_out]
    assert len(errors) == 7 and np.mean(errors) < most


NAMES = (
    "cosine_24000 constant_24000 wsdcon_9 cosine_72000 constant_72000 wsd_20000_24000 wsdld_20000_24000 "
    "wsdcon_3 wsdcon_18"
).split()
TRIPLES = [
    ("cosine_24000", "constant_24000", "wsdcon_9"),
    ("wsdcon_3", "cosine_24000", "wsd_20000_24000"),
    ("constant_24000", "wsd_20000_24000", "wsdcon_18"),
]


@pytest.mark.parametrize("law", [MultiPowerLaw, AnnealingLaw])
def test_intervals_hold_real_curves_and_are_no_wider_than_they_must(law):
    curves = {name: real_curve(name) for name in NAMES}
    ends, last_halves, widths = zip(*(coverage(law, curves, triple) for triple in TRIPLES))
    assert 0.93 <= np.mean(ends) and 0.93 <= np.mean(last_halves)
    assert np.median(np.concatenate(widths)) < (0.025 if law is MultiPowerLaw else 0.045)


@pytest.mark.skipif(not TO_ZERO.exists(), reason="the curves are not beside the checkout")
@pytest.mark.parametrize("peak_lr", ["0.0005", "0.001"])
def test_intervals_hold_decays_to_zero(peak_lr):
    curves = {name: curve_to_zero(peak_lr, name) for name in SPECS_TO_ZERO}
    end, last_half, widths = coverage(MultiPowerLaw, curves, ("constant", "cosine_to_10", "wsd_0.2"))
    assert end >= 0.93 and last_half >= 0.93 and np.median(widths) < 0.025


def coverage(law, curves, fit_on):
    """Of the curves that the law was not fitted on: held at the end, along the last half, half-widths."""
    fitted, ends, last_halves, widths = law.fit([curves[name] for name in fit_on]), [], [], []
    for curve in (curves[name] for name in curves if name not in fit_on):
        steps, losses = (values[len(values) // 2 :] for values in (curve.steps, curve.losses))
        low, high = fitted.interval(curve.lrs, steps)
        held = (low < losses) & (losses < high)
        ends.append(held[-1])
        last_halves.append(held.mean())
        widths.append((high[-1] - low[-1]) / 2)
    return np.mean(ends), np.mean(last_halves), widths


@by_law
def test_one_cosine_alone_is_refused(law):
    with pytest.raises(ValueError, match="uncertain by .* add a curve of another shape"):
        type(law).fit([real_curve("cosine_24000")])
