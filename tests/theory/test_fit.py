"""Fits of loss laws to curves whose law is known: what they find, how sure they are, and what they refuse."""

import re
from dataclasses import replace

import numpy as np
import pytest
from helpers_laws import ANNEALING, POWER, by_law, curves_of, lrs_of

from theory import Curve, MultiPowerLaw
from theory.fit_problem import make_problem, model
from theory.solve import curve_weights, solve, start_points


@by_law
def test_the_derivatives_of_a_fit(law):
    problem = make_problem(type(law), curves_of(law))
    theta = start_points(problem)[0]
    losses, derivatives = model(problem, theta)
    for i, step in enumerate(1e-6 * np.eye(len(theta))):
        slope = (model(problem, theta + step)[0] - model(problem, theta - step)[0]) / 2e-6
        assert slope == pytest.approx(derivatives[:, i], rel=1e-5, abs=1e-7)


@pytest.mark.parametrize(
    "run", [dict(), dict(steps=2000, peak_lr=3e-4, warmup_steps=200)], ids=["short and high", "long and low"]
)
@by_law
def test_a_known_law_is_found_again(law, run):
    fitted = type(law).fit(curves_of(law, **run))
    for spec in ("linear", "trapezoid", "step", "inverse_sqrt"):
        lrs = lrs_of(spec, **{**run, "steps": 2 * run.get("steps", 300)})  # a longer run
        last = [len(lrs) - 1]
        assert fitted.predict(lrs, last) == pytest.approx(law.predict(lrs, last), rel=1e-3)


@by_law
def test_units_make_no_difference(law):
    curves = curves_of(law, noise=1e-3)
    fitted = type(law).fit(curves)
    scaled = type(law).fit([Curve(1000 * c.lrs, c.steps, 3 * c.losses) for c in curves])
    lrs = lrs_of("linear")
    assert scaled.predict(1000 * lrs, [100, 299]) == pytest.approx(
        3 * fitted.predict(lrs, [100, 299]), rel=1e-6
    )


@by_law
def test_parameters_in_the_fits_units_are_those_of_the_law(law):
    problem = make_problem(type(law), curves_of(law))
    theta = start_points(problem)[0]
    plain = type(law)(**problem.parameters(theta))
    predicted = [plain.predict(curve.lrs, curve.steps) for curve in problem.curves]
    assert model(problem, theta)[0] == pytest.approx(np.concatenate(predicted), rel=1e-4)  # joined drops


@by_law
def test_a_curve_of_ten_times_the_points_counts_no_more(law):
    problem = make_problem(
        type(law), [Curve(c.lrs, c.steps[::n], c.losses[::n]) for c, n in dense_curves(law)]
    )
    few, many = map(np.sum, curve_weights(problem))
    assert len(problem.curves[1].steps) > 9 * len(problem.curves[0].steps)
    assert few == pytest.approx(many) and few + many == pytest.approx(len(problem.log_losses))


def dense_curves(law):
    """A loss at every step, and how many of them are one point."""
    for spec, every in (("constant", 10), ("cosine", 1)):
        lrs = lrs_of(spec)
        steps = np.arange(len(lrs))[1:]
        yield Curve(lrs, steps, law.predict(lrs, steps)), every


@by_law
def test_the_start_that_is_left_out_is_as_long_in_a_long_run(law):
    short, long = curves_of(law, ["wsd"])[0], curves_of(law, ["wsd"], steps=3000)[0]
    begins = [
        [int(curve.steps[0]) for curve in make_problem(type(law), curves).curves]
        for curves in ([short], [short, long])
    ]
    assert begins[0] == begins[1][:1] and begins[1][0] == begins[1][1]
    assert 30 < begins[0][0] <= 50  # a warmup of 30 steps has a lr sum of 15 at the peak


@pytest.mark.parametrize(
    "change, words", [(dict(gamma=1.0), "gamma is at the end"), (dict(L0=1e-4), "L0 is .* longer")]
)
def test_a_parameter_that_the_curves_leave_open_is_doubted(change, words):
    odd = replace(POWER, **change)
    (line,) = MultiPowerLaw.fit(curves_of(odd)).doubts
    assert re.search(words, line) and "\n" not in line
    assert not MultiPowerLaw.fit(curves_of(POWER)).doubts and not odd.doubts


@by_law
def test_a_run_that_uses_up_its_evaluations_counts_where_nothing_is_left_to_find(law, monkeypatch):
    problem = make_problem(type(law), curves_of(law, noise=1e-3))
    found = solve(problem, start_points(problem)[0])
    monkeypatch.setattr("theory.solve.EVALUATIONS", 4)
    near, far = solve(problem, found.x), solve(problem, start_points(problem)[0] + 1)
    assert near.success and near.cost == pytest.approx(found.cost, rel=1e-3)
    assert not far.success


@by_law
def test_the_same_fit_twice(law):
    assert type(law).fit(curves_of(law, noise=1e-3)) == type(law).fit(curves_of(law, noise=1e-3))


@by_law
def test_intervals_hold_the_truth(law):
    lrs, inside = lrs_of("linear"), []
    for key in range(6):
        rng = np.random.Generator(np.random.Philox(100 + key))
        curves = [
            Curve(c.lrs, c.steps, c.losses * np.exp(2e-3 * rng.standard_normal(len(c.steps))))
            for c in curves_of(law)
        ]
        low, high = type(law).fit(curves).interval(lrs, [150, 299])
        truth = law.predict(lrs, [150, 299])
        assert (low < high).all() and (high - low < 0.15).all()
        inside += list((low <= truth) & (truth <= high))
    assert np.mean(inside) > 0.9


@by_law
def test_an_interval_is_wider_where_the_curves_say_less(law):
    fitted = type(law).fit(curves_of(law, noise=1e-3))
    width = {
        spec: np.diff(fitted.interval(lrs_of(spec), [299]), axis=0)[0, 0] for spec in ("cosine", "multistep")
    }
    # a cosine was fitted on, early and sudden drops were not
    assert width["multistep"] > 1.2 * width["cosine"]
    narrow, wide = (
        np.diff(fitted.interval(lrs_of("linear"), [299], level), axis=0)[0, 0] for level in (0.5, 0.99)
    )
    assert narrow < wide / 2


@pytest.mark.parametrize(
    "specs, words",
    [
        (["constant"], "no curve has an lr that drops"),
        (["constant", "constant"], "no curve has an lr that drops"),
    ],
)
@by_law
def test_what_the_curves_cannot_say_is_refused(law, specs, words):
    with pytest.raises(ValueError, match=words):
        type(law).fit(curves_of(law, specs, noise=1e-3))


@by_law
def test_one_cosine_alone_is_refused(law):
    noise = 2e-2 if law is ANNEALING else 1e-2  # a law of one shape parameter is known the sooner
    with pytest.raises(ValueError, match="uncertain by .* add a curve of another shape"):
        type(law).fit(curves_of(law, ["cosine"], noise=noise))


@by_law
def test_noise_that_drowns_the_drops_is_refused(law):
    with pytest.raises(ValueError, match="uncertain|describe"):
        type(law).fit(curves_of(law, ["cosine"], noise=0.05))


@by_law
def test_a_second_copy_of_a_curve_is_no_new_evidence(law):
    curves = curves_of(law, noise=1e-3)
    once, twice = type(law).fit(curves), type(law).fit(curves * 2)
    lrs = lrs_of("linear")
    assert twice == once and twice.interval(lrs, [299]) == once.interval(lrs, [299])


@by_law
def test_too_few_points_are_refused(law):
    few = [Curve(c.lrs, c.steps[-1:], c.losses[-1:]) for c in curves_of(law)]
    with pytest.raises(ValueError, match="points after their highest lr"):
        type(law).fit(few)


def test_curves_that_no_law_describes_are_refused():
    late = [Curve(c.lrs, c.steps, np.where(c.steps > 250, 0.8, 1) * c.losses) for c in curves_of(POWER)]
    with pytest.raises(ValueError, match="doesn't describe these curves"):
        MultiPowerLaw.fit(late)


def test_a_run_that_rises_for_long_is_fitted_too():
    """One that peaks at half of its lr sum has no point after twice that."""
    steps = np.arange(300)
    triangle = 8e-3 * np.minimum(steps + 1, 300 - steps) / 150
    (constant, *_) = curves_of(POWER, ("constant",))
    rising = Curve(triangle, steps[5::5], POWER.predict(triangle, steps[5::5]))
    problem = make_problem(MultiPowerLaw, [constant, rising])
    (_, counted) = problem.curves
    assert len(counted.steps) and (counted.steps >= 150).all()
