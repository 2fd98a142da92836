"""The experiments with the convex bound: closed forms at a small size, and each script as a user runs it."""

import importlib
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from schedulers import get_schedule
from studies.convex_bound import (
    chart,
    convex_problem,
    cooldown_length,
    cosine_cycle,
    grad_norm_shape,
    horizon_transfer,
    horizons,
    lr_transfer,
    schedule_comparison,
)
from studies.convex_bound import (
    optimal_schedule as best_schedule,
)
from theory.convex_bound import bound, optimal_peak_lr, optimal_schedule

STEPS = 60
SCRIPTS = sorted(
    path.stem
    for path in Path(schedule_comparison.__file__).parent.glob("*.py")
    if path.stem not in ("__init__", "chart")
)


def best(spec, steps=STEPS):
    """(peak lr, bound, sum of the learning rates), at the best peak."""
    shape = get_schedule(spec, steps, 1.0).lrs()
    peak_lr, lowest = optimal_peak_lr(shape)
    return peak_lr, lowest, peak_lr / shape.max() * shape.sum()


# --- what is computed -----------------------------------------------------------------------------


def test_schedule_comparison():
    rows = schedule_comparison.compute(STEPS)
    assert [row["spec"] for row in rows][:2] == ["bound_optimal", "linear"] and rows[-1]["spec"] == "constant"
    m = schedule_comparison.MULTIPLES
    for row in rows:
        np.testing.assert_allclose(row["basin"], row["bound"] * (m + 1 / m) / 2, rtol=1e-12)
        assert row["curve"][-1] == pytest.approx(row["bound"], rel=1e-11) and len(row["curve"]) == STEPS
    assert rows[0]["bound"] == pytest.approx(bound(optimal_schedule(STEPS)), rel=1e-12)
    assert "Twice the best peak lr costs 25% with every schedule" in schedule_comparison.title(rows)


def test_cooldown_length():
    by_shape = cooldown_length.compute(STEPS)
    for peaks, bounds in by_shape.values():
        assert (peaks[0], bounds[0]) == pytest.approx(best("constant")[:2], rel=1e-12)
    peaks, bounds = by_shape["linear"]
    assert (peaks[-1], bounds[-1]) == pytest.approx(best("linear")[:2], rel=1e-12)
    # one or two small steps at the end are worse than none, and two fractions can round to the same steps
    longer = cooldown_length.FRACTIONS * STEPS >= 3
    assert (np.diff(bounds[longer]) <= 0).all() and (np.diff(peaks[longer]) >= 0).all()
    assert bounds[1] > bounds[0]
    assert "A linear cooldown over 100% of the steps has the lowest bound" in cooldown_length.title(by_shape)


def test_words_on_cooldowns():
    fractions = cooldown_length.FRACTIONS
    linear = 2 - fractions
    sqrt = linear - 0.1 * (fractions > 0) * (fractions <= 0.5)
    assert cooldown_length.title({"linear": (None, linear), "sqrt": (None, sqrt)}) == (
        "The longer the linear cooldown, the lower the bound; 20% of the steps give 20% of what 100% give; "
        "sqrt is below linear for cooldowns up to 50%"
    )
    assert "sqrt" not in cooldown_length.title({"linear": (None, linear), "sqrt": (None, linear)})


def test_cosine_cycle():
    by_final, cycles = cosine_cycle.compute(STEPS), cosine_cycle.CYCLES
    past_the_cycle = np.ceil(cycles * STEPS) < STEPS  # the last step
    assert (np.isinf(by_final[0.0][1]) == past_the_cycle).all()
    whole = cycles.tolist().index(1.0)
    for final, (peaks, bounds) in by_final.items():
        assert (peaks[whole], bounds[whole]) == pytest.approx(
            best(f"cosine:final_lr_ratio={final}")[:2], rel=1e-12
        )
        assert 0.9 < cycles[np.argmin(bounds)] < 1.4
        assert (np.diff(bounds[cycles >= 1.4]) > 0).all() and bounds[-1] < best("constant")[1]


def test_horizons():
    assert horizons.exponent([1, 2, 4], [3.0, 3 * 2**-0.5, 1.5]) == pytest.approx(-0.5)
    rows = horizons.compute(20)
    for spec, row in rows.items():
        for factor, lowest, curve in zip(horizons.FACTORS, row["bounds"], row["curves"]):
            _, _, total = best(spec, 20 * factor)
            # D^2/(2S) is half of the bound at the best peak
            assert total * lowest == pytest.approx(1, rel=1e-12)
            assert curve[-1] == pytest.approx(lowest, rel=1e-10)
        assert row["peak_exponent"] + row["bound_exponent"] == pytest.approx(-1, abs=0.02)
    exponents = {spec.split(":")[0]: row["peak_exponent"] for spec, row in rows.items()}
    assert exponents["cosine"] == pytest.approx(-0.5, abs=0.03)
    assert exponents["wsd"] == pytest.approx(-0.5, abs=0.03)
    assert exponents["constant"] < -0.55


def test_grad_norm_shape():
    by_alpha = grad_norm_shape.compute(STEPS)
    for row in by_alpha.values():
        assert min(row["bounds"].values()) >= 1 - 1e-12 and row["cooldown"].min() >= 1 - 1e-12
        assert row["cooldown"][0] == pytest.approx(row["bounds"]["constant"])
        assert row["cooldown"][-1] == pytest.approx(row["bounds"]["linear"])
    assert by_alpha[0.0]["bounds"]["bound_optimal"] == pytest.approx(1, abs=1e-12)
    best_cooldowns, peaks = (
        [pick(by_alpha[alpha]) for alpha in grad_norm_shape.ALPHAS]
        for pick in (grad_norm_shape.best_cooldown, lambda row: np.argmax(row["lrs"]))
    )
    assert (np.diff(best_cooldowns) <= 0).all() and best_cooldowns[0] > best_cooldowns[-1]
    assert (np.diff(peaks) > 0).all()


def test_horizon_transfer():
    rows = horizon_transfer.compute(STEPS)
    peak_lr = best("wsd")[0]
    assert rows[0]["bounds"]["same"] == pytest.approx(rows[0]["anew"], rel=1e-12)
    for row in rows:
        horizon = round(row["factor"] * STEPS)
        for way, lrs in row["lrs"].items():
            assert len(lrs) == horizon and lrs[: row["kept"]] == pytest.approx(peak_lr)
            assert row["bounds"][way] == pytest.approx(bound(lrs), rel=1e-12)
        assert row["bounds"]["longer cooldown"] <= row["bounds"]["same"]
        assert row["bounds"]["lower lr"] <= row["bounds"]["same"]
        assert row["anew"] <= row["bounds"]["same"] * (1 + 1e-12)
        assert 0 < row["lower"] <= 1 and 0.2 <= row["cooldown"] <= max(0.2, 1 - row["kept"] / horizon)
    assert horizon_transfer.beside(1.02, 1) == "2.0% above"
    assert horizon_transfer.beside(0.9, 1) == "10.0% below"
    assert horizon_transfer.beside(1, 1) == "level with"


def test_best_of_one_variable():
    x, lrs = horizon_transfer.best(lambda x: np.array([1.0, x]), 0.01, 3.0)
    lowest = min(bound([1.0, other]) for other in np.linspace(0.01, 3, 1000))
    assert lrs[1] == x and bound(lrs) <= lowest * (1 + 1e-5)


def test_optimal_schedule():
    np.testing.assert_allclose(best_schedule.minimised(6), optimal_schedule(6), rtol=1e-4)
    designs = best_schedule.compute(STEPS)
    bounds = [value for _, value in designs.values()]
    assert bounds == sorted(bounds) and list(designs)[0] == "bound_optimal"
    for lrs, value in designs.values():
        assert bound(lrs) == pytest.approx(value, rel=1e-12)
        assert lrs.sum() * value == pytest.approx(1, rel=1e-12)


def test_descent_on_a_line():
    """f(x) = |x - 1| from 0 with steps of 0.3 and 0.5."""
    values, norms = convex_problem.descend(
        np.array([[1.0]]), np.array([1.0]), np.array([[0.3] * 5, [0.5] * 5])
    )
    np.testing.assert_allclose(values, [[1, 0.7, 0.4, 0.1, 0.2], [1, 0.5, 0, 0, 0]], atol=1e-15)
    np.testing.assert_array_equal(norms, [[1] * 5, [1, 1, 0, 0, 0]])


def test_convex_problem():
    a, b = convex_problem.problem(3, 20)
    solution = np.linalg.lstsq(a, b, rcond=None)[0]
    # min f = 0, at distance 1 of 0
    assert np.linalg.norm(solution) == pytest.approx(1) and a @ solution == pytest.approx(b)
    rows = convex_problem.compute(STEPS)
    assert len(rows) >= 20 and "plateau" not in rows
    assert all((row["measured"] <= row["bound"]).all() for row in rows.values())
    measured, lowest = convex_problem.ends(rows)
    assert (np.diff(lowest) >= 0).all() and measured[-1] > 1.5 * measured[0]
    assert f"holds at all of {len(rows) * len(convex_problem.SEEDS) * STEPS:,} steps" in convex_problem.title(
        rows
    )
    rows["linear"]["measured"] = 2 * rows["linear"]["bound"]
    assert f"fails at {len(convex_problem.SEEDS) * STEPS:,} of" in convex_problem.title(rows)


def test_lr_transfer():
    runs = lr_transfer.compute(20)
    base = runs["cosine", 1]
    assert base["predicted"] == base["tuned"] and base["cost"] == pytest.approx(1)
    for (spec, factor), row in runs.items():
        assert row["theory"] == best(spec, 20 * factor)[0]
        assert row["predicted"] / base["predicted"] == pytest.approx(row["theory"] / base["theory"])
        assert row["tuned"] == row["peaks"][row["ends"].argmin()]
        assert min(row["cost"], row["cost_as_is"]) >= 1 - 1e-12
        assert [lr_transfer.end_at(row, peak_lr) for peak_lr in row["peaks"]] == pytest.approx(row["ends"])


# --- what is drawn --------------------------------------------------------------------------------


@pytest.mark.parametrize("places", ([0.5], [0.5, 0.5, 0.5], [0.0, 0.0, 0.9, 1.0, 1.0], [0.1, 0.4, 0.8]))
def test_labels_do_not_touch(places):
    spread = chart.spread(np.array(places), 0.1)
    assert (np.diff(spread) >= 0.1 - 1e-12).all() and spread.min() >= 0 and spread.max() <= 1
    if min(np.diff(places), default=1) >= 0.1:
        assert spread == pytest.approx(places)


@pytest.mark.parametrize("name", SCRIPTS)
def test_script(name, tmp_path, monkeypatch, capsys):
    image = pytest.importorskip("PIL.Image")
    monkeypatch.setattr(sys, "argv", [name, "--steps", "20", "--out", str(tmp_path / "new")])
    importlib.import_module(f"studies.convex_bound.{name}").main()
    *table, title, path = capsys.readouterr().out.strip().splitlines()
    assert path == str(tmp_path / "new" / f"{name}.png") and len(table) > 3
    assert re.search(r"\d", title)
    with image.open(path) as figure:
        assert figure.format == "PNG" and figure.width == 1140


def test_too_few_steps_are_refused(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["horizons", "--steps", "3"])
    with pytest.raises(SystemExit):
        horizons.main()
    assert "steps=3 is not allowed: give a whole number of at least 20" in capsys.readouterr().err
