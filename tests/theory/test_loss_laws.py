"""Loss laws: the formulas written a second time, their gradients, impossible curves, a law's file."""

import numpy as np
import pytest
from helpers_laws import ANNEALING, LAWS, POWER, PUBLISHED, by_law, lrs_of
from hypothesis import given, settings
from hypothesis import strategies as st

from schedulers import get_schedule
from theory import Curve, MultiPowerLaw, PublishedMultiPowerLaw, load_law
from theory.segments import exact_segments, joined_segments


def multi_power(law, lrs, step):
    """The law's formula, one sum in the other, with drops counted from the highest lr on."""
    eta = [max(lr, 1e-9 * max(lrs)) for lr in lrs]
    peak, drop_sum = int(np.argmax(lrs)), 0.0
    for k in range(peak + 1, step + 1):
        since = sum(lr ** (1 - law.gamma) for lr in eta[k : step + 1])
        size = eta[k - 1] ** law.delta - eta[k] ** law.delta
        drop_sum += size * (1 - (1 + law.C * since) ** -law.beta)
    time = sum(lr ** (1 - law.gamma) for lr in eta[: step + 1])
    return law.L0 + law.A * time**-law.alpha - law.B * drop_sum


def published(law, lrs, step):
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
    plain = {POWER: multi_power, PUBLISHED: published, ANNEALING: annealing}[law]
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
    lrs = np.array([1e-2, 2e-2, *lrs])  # drops are counted from the second on, and may be rises
    loss, gradient = law.final_loss_gradient(lrs)
    last = [len(lrs) - 1]
    assert loss == pytest.approx(law.predict(lrs, last)[0], rel=1e-12)
    for i, step in enumerate(1e-7 * np.eye(len(lrs))):
        slope = (law.predict(lrs + step, last)[0] - law.predict(lrs - step, last)[0]) / 2e-7
        assert slope == pytest.approx(gradient[i], rel=1e-4, abs=1e-4 * np.abs(gradient).max())


@given(st.integers(1, 60), st.integers(1, 60), st.floats(0.0, 1.0), st.floats(0.1, 0.9))
@settings(max_examples=30)
def test_a_single_drop_brings_what_the_published_law_says(before, after, gamma, ratio):
    shared = dict(L0=2.0, alpha=0.5, B=3.0, C=8.0, beta=0.4, gamma=gamma)
    ours = MultiPowerLaw(A=0.0, delta=1.0, **shared)
    lrs = 8e-3 * np.r_[np.ones(before), np.full(after, ratio)]
    steps = np.arange(len(lrs))
    assert ours.predict(lrs, steps) == pytest.approx(
        PublishedMultiPowerLaw(A=0.0, **shared).predict(lrs, steps), rel=1e-12
    )


@pytest.mark.parametrize("spec", ["cosine", "step", "one_cycle", "wsd:cooldown=0.5,shape=sqrt"])
def test_in_the_time_of_the_lr_sum_the_law_is_the_published_one(spec):
    shared = dict(L0=2.5, A=0.5, alpha=0.45, B=20.0, C=8.0, beta=0.4, gamma=0.0)
    lrs, steps = lrs_of(spec), np.arange(5, 300, 7)
    ours = MultiPowerLaw(delta=1.0, **shared).predict(lrs, steps)
    assert ours == pytest.approx(PublishedMultiPowerLaw(**shared).predict(lrs, steps), rel=1e-7)


def test_with_gamma_1_time_is_the_steps():
    law = MultiPowerLaw(L0=2.5, A=3.0, alpha=0.5, B=0.0, C=8.0, beta=0.4, gamma=1.0, delta=1.0)
    assert law.predict(lrs_of("cosine")[1:], [0, 99]) == pytest.approx([5.5, 2.8])


@pytest.mark.parametrize("spec", ["cosine", "linear", "cosine_restarts", "exponential", "step", "one_cycle"])
@pytest.mark.parametrize("law", [POWER, PUBLISHED], ids=lambda law: type(law).__name__)
def test_drops_joined_in_segments_change_a_loss_by_less_than_one_in_10_000(law, spec, monkeypatch):
    lrs = lrs_of(spec, steps=20_000, warmup_steps=2000)
    steps = np.arange(2000, 20_000, 150)
    exact, joined = exact_segments(lrs, steps), joined_segments(lrs, steps)
    assert len(joined.drops) < len(exact.drops) / 10 or len(joined.drops) == len(exact.drops) < 20
    losses = law.predict(lrs, steps)
    monkeypatch.setattr(f"{type(law).__module__}.exact_segments", joined_segments)
    assert law.predict(lrs, steps) == pytest.approx(losses, rel=1e-4)


@by_law
def test_a_long_run_is_predicted_in_parts(law, monkeypatch):
    lrs, steps = lrs_of("cosine"), np.arange(50, 300)
    whole = law.predict(lrs, steps)
    monkeypatch.setattr("theory.relaxation.MAX_CELLS", 1000)
    assert law.predict(lrs, steps) == pytest.approx(whole, rel=1e-14)


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
    ANNEALING.save(tmp_path / "law.json")
    spec = f"forecast_optimal:law={tmp_path / 'law.json'}"
    assert (
        get_schedule(spec, 50, 1e-3).lrs() == get_schedule("forecast_optimal", 50, 1e-3, law=ANNEALING).lrs()
    ).all()


def test_a_file_from_before_the_law_had_a_delta_is_the_published_one(tmp_path):
    PUBLISHED.save(tmp_path / "law.json")
    text = (tmp_path / "law.json").read_text().replace("PublishedMultiPowerLaw", "MultiPowerLaw")
    (tmp_path / "law.json").write_text(text)
    assert load_law(tmp_path / "law.json") == PUBLISHED
