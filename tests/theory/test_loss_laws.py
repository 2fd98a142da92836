"""Loss laws: the formulas written a second time, their gradients, impossible curves, a law's file."""

import numpy as np
import pytest
from helpers_laws import ANNEALING, LAWS, POWER, by_law, lrs_of
from hypothesis import given, settings
from hypothesis import strategies as st

from schedulers import get_schedule
from theory import Curve, load_law
from theory.drops import blocks, lr_drops, lr_sum_since, power_sum


def multi_power(law, lrs, step):
    """The paper's formula, one sum in the other, with drops counted from the highest lr on."""
    peak, drop_sum = int(np.argmax(lrs)), 0.0
    for k in range(peak + 1, step + 1):
        ahead = sum(lrs[k : step + 1])
        inner = 1 + law.C * max(lrs[k], 1e-9 * max(lrs)) ** -law.gamma * ahead if ahead else 1.0
        drop_sum += (lrs[k - 1] - lrs[k]) * (1 - inner**-law.beta)
    return law.L0 + law.A * sum(lrs[: step + 1]) ** -law.alpha - law.B * drop_sum


def annealing(law, lrs, step):
    peak, momentum, area = int(np.argmax(lrs)), 0.0, 0.0
    for k in range(peak + 1, step + 1):
        momentum = (1 - 1 / law.tau) * momentum + lrs[k - 1] - lrs[k]
        area += momentum
    return law.L0 + law.A * sum(lrs[: step + 1]) ** -law.alpha - law.B * area


@pytest.mark.parametrize(
    "spec",
    [
        "constant",
        "cosine",
        "wsd",
        "linear",
        "step",
        "one_cycle",
        "cosine_restarts",
        "wsd:cooldown=0.5,shape=sqrt",
    ],
)
@by_law
def test_predictions_are_the_formula(law, spec):
    lrs, steps = lrs_of(spec, steps=60, warmup_steps=6), [0, 6, 7, 31, 59]
    plain = multi_power if law is POWER else annealing
    assert law.predict(lrs, steps) == pytest.approx(
        [plain(law, lrs.tolist(), step) for step in steps], rel=1e-12
    )


@by_law
def test_lrs_of_zero_at_the_end_and_the_start_are_no_nan(law):
    lrs = np.r_[0.0, np.full(20, 1e-3), np.zeros(10)]
    assert np.isinf(law.predict(lrs, [0])[0]) and np.isfinite(law.predict(lrs, np.arange(1, 31))).all()
    assert np.isfinite(law.final_loss_gradient(lrs)[1]).all()


@given(st.lists(st.floats(1e-4, 1e-2), min_size=3, max_size=12), st.sampled_from(LAWS))
@settings(max_examples=40)
def test_the_gradient_by_the_lrs_is_that_of_the_prediction(lrs, law):
    lrs = np.array([2e-2, *lrs])
    loss, gradient = law.final_loss_gradient(lrs)
    last = [len(lrs) - 1]
    assert loss == pytest.approx(law.predict(lrs, last)[0], rel=1e-12)
    for i, step in enumerate(1e-7 * np.eye(len(lrs))):
        slope = (law.predict(lrs + step, last)[0] - law.predict(lrs - step, last)[0]) / 2e-7
        assert slope == pytest.approx(gradient[i], rel=1e-4, abs=1e-4 * np.abs(gradient).max())


@pytest.mark.parametrize("spec", ["cosine", "linear", "cosine_restarts", "exponential"])
def test_drops_joined_in_blocks_change_a_loss_by_less_than_one_in_10_000(spec):
    lrs = lrs_of(spec, steps=20_000, warmup_steps=2000)
    steps = np.arange(2000, 20_000, 150)
    drops, lr_sums = lr_drops(lrs), lrs.cumsum()[steps]
    joined = blocks(drops, lrs, steps)
    assert len(joined.size) < len(drops.size) / 10
    exact, near = (
        power_sum(part.size, np.log(part.lr), lr_sum_since(lr_sums, part), 3.0, 0.4, 0.6)[0]
        for part in (drops, joined)
    )
    assert POWER.L0 - near * POWER.B == pytest.approx(POWER.L0 - exact * POWER.B, rel=1e-4)


@by_law
def test_a_second_peak_higher_by_rounding_is_not_the_top(law):
    lrs = lrs_of("cosine_restarts")
    higher = lrs.copy()
    second = 31 + int(lrs[31:].argmax())
    assert lrs[second] > 0.9 * lrs.max()
    lrs[second], higher[second] = lrs.max(), lrs.max() * (1 + 1e-15)
    assert law.predict(higher, [299]) == pytest.approx(law.predict(lrs, [299]), rel=1e-9)


@pytest.mark.parametrize(
    "change, words",
    [
        (dict(lrs=[[1.0]]), "shape"),
        (dict(lrs=[1.0, -1.0, 1.0]), "negative"),
        (dict(lrs=[0.0] * 3), "0 throughout"),
        (dict(steps=[0, 3]), "steps 0 to 2"),
        (dict(steps=[1, 0]), "ascending"),
        (dict(steps=[False, True]), "whole numbers"),
        (dict(steps=[0.5, 1]), "whole numbers"),
        (dict(losses=[1.0]), "one for each"),
        (dict(losses=[1.0, np.nan]), "not finite"),
    ],
)
def test_curves_that_cannot_be_right(change, words):
    with pytest.raises(ValueError, match=words) as error:
        Curve(**{**dict(lrs=[1.0, 1.0, 0.5], steps=[0, 2], losses=[3.0, 2.0]), **change})
    assert "\n" not in str(error.value)


def test_a_law_without_curves_has_no_interval():
    with pytest.raises(ValueError, match="get one from fit"):
        POWER.interval(lrs_of("linear"), [299])


def test_a_law_is_saved_and_read_back(tmp_path):
    for law in LAWS:
        law.save(tmp_path / "law.json")
        assert load_law(tmp_path / "law.json") == law
    spec = f"forecast_optimal:law={tmp_path / 'law.json'}"
    assert (
        get_schedule(spec, 50, 1e-3).lrs() == get_schedule("forecast_optimal", 50, 1e-3, law=ANNEALING).lrs()
    ).all()
