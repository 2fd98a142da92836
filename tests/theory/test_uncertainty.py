"""Intervals of fitted laws, where what they should be is known."""

from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest
from helpers_laws import POWER, by_law, curves_of, lrs_of

from theory import Curve, MultiPowerLaw
from theory.uncertainty import MIN_ERROR, law_error


@by_law
def test_the_error_of_a_law_is_the_mean_miss_and_falls_with_more_curves(law):
    missed = [np.full(20, 0.01), np.full(20, -0.03), np.full(40, 0.02)]
    rms = (0.0014 / 3) ** 0.5
    assert law_error(type(law), missed) == pytest.approx(law.UNSEEN * rms * 1.5**0.5)
    assert law_error(type(law), missed * 3) == pytest.approx(law.UNSEEN * rms * 1.125**0.5)
    assert law_error(type(law), missed[:1]) == pytest.approx(law.UNSEEN * 0.02)  # doubled
    assert law_error(type(law), [np.zeros(20)] * 3) == pytest.approx(law.UNSEEN * MIN_ERROR * 1.5**0.5)


@by_law
def test_an_interval_is_the_normal_quantile_of_one_error(law):
    fitted, lrs = type(law).fit(curves_of(law, noise=1e-3)), lrs_of("linear")
    predicted = fitted.predict(lrs, [150, 299])
    errors = []
    for level in (0.5, 0.95, 0.999):
        low, high = fitted.interval(lrs, [150, 299], level)
        assert (low + high) / 2 == pytest.approx(predicted, rel=1e-4)  # joined drops
        errors.append((high - low) / 2 / NormalDist().inv_cdf((1 + level) / 2))
    assert errors[0] == pytest.approx(errors[1]) and errors[1] == pytest.approx(errors[2])
    assert (errors[0] > fitted.fitted.error * predicted * 0.999).all()


@pytest.mark.parametrize(
    "change, noise", [(dict(gamma=1.0), 0.0), (dict(L0=1e-4), 1e-3)], ids=["gamma", "L0"]
)
def test_a_law_that_is_doubted_has_intervals_that_hold(change, noise):
    odd = replace(POWER, **change)
    fitted = MultiPowerLaw.fit(curves_of(odd, noise=noise))
    assert fitted.doubts
    for spec in ("linear", "multistep", "inverse_sqrt"):
        lrs = lrs_of(spec, steps=600)
        low, high = fitted.interval(lrs, [300, 599])
        assert np.isfinite(low).all() and np.isfinite(high).all()
        assert (low < odd.predict(lrs, [300, 599])).all() and (odd.predict(lrs, [300, 599]) < high).all()


@pytest.mark.filterwarnings("error")
@by_law
def test_no_interval_before_the_first_lr(law):
    fitted, lrs = type(law).fit(curves_of(law)), np.append([0.0, 0.0], lrs_of("linear"))
    low, high = fitted.interval(lrs, [0, 1, 301])
    assert np.isnan(low[:2]).all() and np.isnan(high[:2]).all() and low[2] < high[2]


@by_law
def test_an_interval_of_many_steps_is_that_of_each(law, monkeypatch):
    fitted, lrs = type(law).fit(curves_of(law)), lrs_of("linear")
    whole = fitted.interval(lrs, np.arange(100, 300))
    monkeypatch.setattr("theory.law.MAX_POINTS", 30)
    for end, in_parts in zip(whole, fitted.interval(lrs, np.arange(100, 300))):
        assert in_parts == pytest.approx(end, rel=1e-4)  # drops are joined between other steps


def test_a_loss_that_moves_more_than_noise_makes_the_interval_wider():
    curves = curves_of(POWER)
    off = [Curve(c.lrs, c.steps, c.losses * (1 + 0.004 * np.sin(c.steps / 20))) for c in curves]
    lrs = lrs_of("linear")
    exact, wavy = (
        np.diff(MultiPowerLaw.fit(few).interval(lrs, [299]), axis=0).item() for few in (curves, off)
    )
    assert wavy > 1.3 * exact
