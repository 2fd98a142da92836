"""Schedules designed by a loss law: none of their peak is better, and an impossible law designs nothing."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from helpers_laws import POWER, by_law, lrs_of

from schedulers import get_schedule, split_specs
from theory import optimal_lrs


@by_law
def test_the_designed_schedule_beats_every_other_of_its_peak(law):
    lrs = get_schedule("forecast_optimal", 300, 8e-3, warmup_steps=30, law=law).lrs()
    assert (
        lrs[:30] == pytest.approx(lrs_of("constant")[:30])
        and lrs.max() <= 8e-3 * (1 + 1e-12)
        and lrs.min() >= 0
    )
    assert (np.diff(lrs[30:]) <= 1e-15).all()
    best = law.predict(lrs, [299])[0]
    others = {spec: law.predict(lrs_of(spec), [299])[0] for spec in split_specs("all") if spec != "plateau"}
    falling = {spec: loss for spec, loss in others.items() if (np.diff(lrs_of(spec)[30:]) <= 1e-15).all()}
    assert best < min(falling.values())


@by_law
@pytest.mark.parametrize("non_increasing", [True, False])
def test_a_design_ends_near_zero(law, non_increasing):
    """Below the line of wsd over the last fifth, also for a law that would rather end high."""
    late = replace(law, B=law.B / 20)  # progress is worth more than what the last drops bring
    for free in (90, 3, 1):
        lrs = optimal_lrs(late, 30 + free, 8e-3, lrs_of("constant")[:30], non_increasing)[30:]
        line = 8e-3 * np.minimum(1, np.arange(free, 0, -1) / max(0.2 * free, 1))
        assert (lrs <= line * (1 + 1e-12)).all() and (lrs > 0).all()
    assert optimal_lrs(late, 1030, 8e-3, lrs_of("constant")[:30])[-1] <= 8e-3 / 200 * (1 + 1e-12)


def test_a_gradient_that_grows_without_bound_at_zero_designs_something_finite():
    """Of what a law of eta^delta says of an lr near zero."""
    law = SimpleNamespace(L0=1.0)

    def final_loss_gradient(lrs):
        with np.errstate(divide="raise"):
            return 30 - lrs[:60].sum() + (lrs[60:] ** 0.5).sum(), np.append(
                -np.ones(60), 0.5 * lrs[60:] ** -0.5
            )

    law.final_loss_gradient = final_loss_gradient
    lrs = optimal_lrs(law, 100, 8e-3, np.full(10, 4e-3))
    assert lrs[10:55] == pytest.approx(np.full(45, 8e-3), rel=1e-3)
    assert lrs[70:] == pytest.approx(np.full(30, 8e-5) * np.minimum(1, np.arange(30, 0, -1) / 18), rel=0.5)


def test_a_law_that_promises_the_impossible_designs_nothing():
    with pytest.raises(
        ValueError, match="schedules don't differ so much; use it at the peak lr it was fitted at"
    ):
        optimal_lrs(POWER, 300, 0.8, lrs_of("constant")[:30])


def test_any_shape_is_no_worse_than_a_falling_one():
    warmup = lrs_of("constant")[:30]
    falling, free = (
        POWER.final_loss_gradient(optimal_lrs(POWER, 120, 8e-3, warmup, non_increasing=n))[0]
        for n in (True, False)
    )
    assert free <= falling + 1e-6


def test_a_design_without_a_law_is_refused(tmp_path):
    (tmp_path / "other.json").write_text('{"law": "Moore"}')
    for spec in (
        "forecast_optimal",
        "forecast_optimal:law=nowhere.json",
        f"forecast_optimal:law={tmp_path / 'other.json'}",
    ):
        with pytest.raises(ValueError, match="law") as error:
            get_schedule(spec, 50, 1e-3)
        assert "\n" not in str(error.value)
    assert "forecast_optimal" not in split_specs("all")


def test_a_long_run_may_end_below_the_floor_of_a_constant_lr():
    """L0 is what a constant lr ends at: drops go below it, all the more the longer the run."""
    for steps in (300, 30_000):
        lrs = optimal_lrs(POWER, steps, 8e-3, np.linspace(0, 8e-3, 30))
        assert POWER.final_loss_gradient(lrs)[0] <= POWER.final_loss_gradient(lrs_of("wsd", steps))[0]
    assert POWER.final_loss_gradient(lrs)[0] < POWER.L0
