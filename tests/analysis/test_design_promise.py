"""What predicted gains are worth: least squares by hand, and curves left out of fits."""

import math
from dataclasses import replace

import pytest
from helpers_laws import POWER, curves_of

from analysis.design_promise import (
    HeldOut,
    Trust,
    leave_each_out,
    not_fitted_on,
    predicted_gain,
    read_held_out,
    trust_of,
    write_held_out,
)
from analysis.predictions import ForecastRow
from theory import MultiPowerLaw


def points(*gains):
    return [HeldOut(str(i), *pair) for i, pair in enumerate(gains)]


def test_slope_and_residual_are_those_of_least_squares_through_zero():
    trust = trust_of(points((1, 1), (1, 0), (2, 1)))
    assert trust == Trust(slope=0.5, residual=0.5, n=3)  # 3 / 6, and the root of (1/4 + 1/4 + 0) / 2
    assert trust.promise(2.0) == 1.0
    assert math.isnan(trust.promise(1.0)) and math.isnan(trust.promise(-2.0))  # not above what is left


def test_a_gain_that_comes_true_by_half_is_promised_by_half():
    trust = trust_of(points((2, 1), (1, 0.5), (-3, -1.5)))
    assert trust == Trust(0.5, 0.0, 3) and trust.promise(0.04) == 0.02


def test_no_more_is_promised_than_predicted_and_nothing_where_signs_are_wrong():
    double, wrong = trust_of(points((1, 2), (2, 4), (3, 6))), trust_of(points((1, -1), (2, -2), (3, -3)))
    assert double == Trust(1.0, pytest.approx(7**0.5), 3)  # the root of (1 + 4 + 9) / 2
    assert wrong.slope == 0.0 and math.isnan(wrong.promise(100.0))


@pytest.mark.parametrize("gains", [[], [(1, 1), (2, 2)], [(0, 1), (0, 2), (0, 3)]])
def test_too_few_curves_promise_nothing(gains):
    trust = trust_of(points(*gains))
    assert math.isnan(trust.slope) and math.isnan(trust.promise(1.0)) and trust.n == len(gains)


def test_each_curve_is_predicted_by_a_law_that_has_not_seen_it():
    specs = ("constant", "cosine", "wsd", "linear")
    curves = {curve.name: curve for curve in named(specs)}
    changed = curves | {"linear": replace(curves["linear"], losses=curves["linear"].losses + 0.05)}
    found = {point.scheduler: point for point in leave_each_out(MultiPowerLaw, changed)}
    law = MultiPowerLaw.fit([curves[spec] for spec in ("constant", "cosine", "wsd")])
    best = min((curves[spec] for spec in ("constant", "cosine", "wsd")), key=lambda c: c.losses[-1])
    assert found["linear"].predicted_gain == predicted_gain(law, curves["linear"].lrs, best)
    gain = best.losses[-1] - curves["linear"].losses[-1] - 0.05
    assert found["linear"].gain == pytest.approx(gain, abs=1e-12)
    assert predicted_gain(law, best.lrs, best) == 0


def test_a_curve_without_which_no_law_can_be_fitted_is_left_out():
    curves = {curve.name: curve for curve in named(("constant", "wsd"))}
    assert [point.scheduler for point in leave_each_out(MultiPowerLaw, curves)] in ([], ["constant"])


def named(specs):
    return [replace(curve, name=spec) for spec, curve in zip(specs, curves_of(POWER, specs))]


def test_a_forecast_is_judged_by_what_it_was_not_fitted_on():
    rows = [row("a", True, 2.0, 2.1), row("b", False, 2.2, 2.0), row("c", False, 2.5, 2.5)]
    rows += [row("open", False, math.nan, 2.4), row("unmeasured", False, 2.3, math.nan)]
    assert not_fitted_on(rows) == [HeldOut("c", 2.2 - 2.5, -0.5)]  # against b, the lowest measured
    assert not_fitted_on(rows[3:]) == []


def row(name, fitted_on, predicted, measured):
    return ForecastRow(name, 100, 1e-3, fitted_on, predicted, predicted - 0.1, predicted + 0.1, measured)


def test_what_was_held_out_comes_back_from_its_file(tmp_path):
    held_out = points((0.1, 0.2), (-1 / 3, 1e-17))
    write_held_out(tmp_path / "held_out.csv", held_out)
    assert read_held_out(tmp_path / "held_out.csv") == held_out
