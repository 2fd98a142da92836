"""Loss laws: the formulas written a second time, fits of curves whose law is known and of real ones, refusals, and the command."""

import csv
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.forecast import AnnealingLaw, Curve, MultiPowerLaw, load_law, main
from analysis.measured import read_csv
from analysis.report.theory import forecast_cells, predictions
from analysis.tables import write_csv
from schedulers import get_schedule, split_specs
from theory.design import optimal_lrs
from theory.fit import make_problem, model, starts
from theory.loss_laws import blocks, falls, left, power_sum

SHARED = Path(__file__).parents[3] / "shared" / "data" / "loss_curves_100M"
POWER = MultiPowerLaw(L0=2.5, A=0.5, alpha=0.45, B=20.0, C=8.0, beta=0.4, gamma=0.6)
ANNEALING = AnnealingLaw(L0=2.5, A=0.5, alpha=0.45, B=0.7, tau=25.0)
LAWS = [POWER, ANNEALING]
by_law = pytest.mark.parametrize("law", LAWS, ids=lambda law: type(law).__name__)


def lrs_of(spec, steps=300, peak_lr=8e-3, warmup_steps=30):
    return get_schedule(spec, steps, peak_lr, warmup_steps=warmup_steps).lrs()


def curves_of(law, specs=("constant", "cosine", "wsd"), noise=0.0, **run):
    rng, curves = np.random.Generator(np.random.Philox(5)), []
    for spec in specs:
        lrs = lrs_of(spec, **run)
        steps = np.arange(30, len(lrs), 5)
        curves.append(
            Curve(lrs, steps, law.predict(lrs, steps) * np.exp(noise * rng.standard_normal(len(steps))))
        )
    return curves


# --- the formulas


def multi_power(law, lrs, step):
    """The paper's formula, one sum in the other, with falls counted from the highest lr on."""
    top, drop = int(np.argmax(lrs)), 0.0
    for k in range(top + 1, step + 1):
        ahead = sum(lrs[k : step + 1])
        inner = 1 + law.C * max(lrs[k], 1e-9 * max(lrs)) ** -law.gamma * ahead if ahead else 1.0
        drop += (lrs[k - 1] - lrs[k]) * (1 - inner**-law.beta)
    return law.L0 + law.A * sum(lrs[: step + 1]) ** -law.alpha - law.B * drop


def annealing(law, lrs, step):
    top, momentum, area = int(np.argmax(lrs)), 0.0, 0.0
    for k in range(top + 1, step + 1):
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


@by_law
def test_the_derivatives_of_a_fit(law):
    problem = make_problem(type(law), curves_of(law))
    theta = starts(problem)[0]
    losses, derivatives = model(problem, theta)
    for i, step in enumerate(1e-6 * np.eye(len(theta))):
        slope = (model(problem, theta + step)[0] - model(problem, theta - step)[0]) / 2e-6
        assert slope == pytest.approx(derivatives[:, i], rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("spec", ["cosine", "linear", "cosine_restarts", "exponential"])
def test_falls_put_together_in_blocks_change_a_loss_by_less_than_one_in_10_000(spec):
    lrs = lrs_of(spec, steps=20_000, warmup_steps=2000)
    steps = np.arange(2000, 20_000, 150)
    plain, total = falls(lrs), lrs.cumsum()[steps]
    together = blocks(*plain, lrs, steps)
    assert len(together[0]) < len(plain[0]) / 10
    exact, near = (
        power_sum(size, np.log(eta), left(total, before), 3.0, 0.4, 0.6)[0]
        for size, eta, before in (plain, together)
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


# --- fits


@pytest.mark.parametrize(
    "run", [dict(), dict(steps=2000, peak_lr=3e-4, warmup_steps=200)], ids=["short and high", "long and low"]
)
@by_law
def test_a_known_law_is_found_again(law, run):
    found = type(law).fit(curves_of(law, **run))
    for spec in ("linear", "trapezoid", "step", "inverse_sqrt"):
        lrs = lrs_of(spec, **{**run, "steps": 2 * run.get("steps", 300)})  # a longer run
        assert found.predict(lrs, [len(lrs) - 1]) == pytest.approx(law.predict(lrs, [len(lrs) - 1]), rel=1e-3)


@by_law
def test_units_make_no_difference(law):
    curves = curves_of(law, noise=1e-3)
    found = type(law).fit(curves)
    scaled = type(law).fit([Curve(1000 * c.lrs, c.steps, c.losses) for c in curves])
    lrs = lrs_of("linear")
    assert scaled.predict(1000 * lrs, [100, 299]) == pytest.approx(found.predict(lrs, [100, 299]), rel=1e-6)


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
        low, high = type(law).fit(curves).interval(lrs, [150, 299], draws=30)
        truth = law.predict(lrs, [150, 299])
        assert (low < high).all() and (high - low < 0.15).all()
        inside += list((low <= truth) & (truth <= high))
    assert np.mean(inside) > 0.9


@by_law
def test_an_interval_is_wider_where_the_curves_say_less(law):
    found = type(law).fit(curves_of(law, noise=1e-3))
    width = {
        spec: np.diff(found.interval(lrs_of(spec), [299], draws=20), axis=0)[0, 0]
        for spec in ("cosine", "multistep")
    }
    assert (
        width["multistep"] > 1.2 * width["cosine"]
    )  # the one was fitted on, early and sudden falls were not
    narrow, wide = (
        np.diff(found.interval(lrs_of("linear"), [299], level, draws=20), axis=0)[0, 0]
        for level in (0.5, 0.99)
    )
    assert narrow < wide / 2


@pytest.mark.parametrize(
    "specs, words",
    [
        (["constant"], "no curve has a lr that falls"),
        (["constant", "constant"], "no curve has a lr that falls"),
    ],
)
@by_law
def test_what_the_curves_cannot_say_is_refused(law, specs, words):
    with pytest.raises(ValueError, match=words):
        type(law).fit(curves_of(law, specs, noise=1e-3))


@pytest.mark.skipif(not SHARED.exists(), reason="the real curves are not here")
@by_law
def test_one_cosine_alone_is_refused(law):
    with pytest.raises(ValueError, match="uncertain by .* add a curve of another shape"):
        type(law).fit([real_curve("cosine_24000")])


@by_law
def test_noise_that_drowns_the_falls_is_refused(law):
    with pytest.raises(ValueError, match="uncertain|describe"):
        type(law).fit(curves_of(law, ["cosine"], noise=0.05))


@by_law
def test_a_second_copy_of_a_curve_is_no_new_evidence(law):
    curves = curves_of(law, noise=1e-3)
    once, twice = type(law).fit(curves), type(law).fit(curves * 2)
    lrs = lrs_of("linear")
    assert twice == once and twice.interval(lrs, [299], draws=10) == once.interval(lrs, [299], draws=10)


@by_law
def test_too_few_points_are_refused(law):
    few = [Curve(c.lrs, c.steps[-1:], c.losses[-1:]) for c in curves_of(law)]
    with pytest.raises(ValueError, match="points after their highest lr"):
        type(law).fit(few)


def test_curves_that_no_law_describes_are_refused():
    late = [Curve(c.lrs, c.steps, np.where(c.steps > 250, 0.8, 1) * c.losses) for c in curves_of(POWER)]
    with pytest.raises(ValueError, match="doesn't describe these curves"):
        MultiPowerLaw.fit(late)


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


# --- real curves


def real_curve(name):
    """One of the 100M model's, with its lrs as its paper gives them, without points past the end of the run."""
    with open(SHARED / f"{name}.csv") as file:
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


@pytest.mark.skipif(not SHARED.exists(), reason="the real curves are not here")
def test_the_papers_curves_within_its_published_error():
    law = MultiPowerLaw.fit([real_curve(name) for name in ("cosine_24000", "constant_24000", "wsdcon_9")])
    tests = [
        real_curve(name)
        for name in (
            "cosine_72000",
            "constant_72000",
            "wsd_20000_24000",
            "wsdld_20000_24000",
            "wsdcon_3",
            "wsdcon_18",
        )
    ]
    some = [Curve(c.lrs, c.steps[::5], c.losses[::5]) for c in tests]  # every fifth point, for the time
    assert np.mean([np.abs(law.predict(c.lrs, c.steps) - c.losses).mean() for c in some]) < 0.00435


@pytest.mark.skipif(not SHARED.exists(), reason="the real curves are not here")
@pytest.mark.parametrize(
    "fit_on",
    [("cosine_24000", "constant_24000", "wsdcon_9"), ("wsdcon_3", "cosine_24000", "wsd_20000_24000")],
)
@pytest.mark.parametrize("law", [MultiPowerLaw, AnnealingLaw])
def test_intervals_hold_the_final_losses_of_real_curves(law, fit_on):
    found = law.fit([real_curve(name) for name in fit_on])
    for name in {"cosine_72000", "constant_72000", "constant_24000", "wsdcon_18", "wsdld_20000_24000"} - set(
        fit_on
    ):
        curve = real_curve(name)
        low, high = found.interval(curve.lrs, curve.steps[-1:], draws=20)
        assert low < curve.losses[-3:].mean() < high and high - low < 0.25


# --- schedules designed by a law


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


def test_a_law_is_saved_and_read_back(tmp_path):
    for law in LAWS:
        law.save(tmp_path / "law.json")
        assert load_law(tmp_path / "law.json") == law
    spec = f"forecast_optimal:law={tmp_path / 'law.json'}"
    assert (
        get_schedule(spec, 50, 1e-3).lrs() == get_schedule("forecast_optimal", 50, 1e-3, law=ANNEALING).lrs()
    ).all()


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


# --- the command


@pytest.fixture
def comparison(tmp_path):
    """The files of a comparison whose losses follow a law, with two seeds, as compare.py writes them."""
    steps, rows, points = 200, [], []
    for spec in ("constant", "cosine", "wsd", "linear", "plateau"):
        lrs = lrs_of("constant" if spec == "plateau" else spec, steps=steps)
        losses = POWER.predict(lrs, np.arange(steps))
        for seed in (0, 1):
            rows.append(
                dict(
                    run_id=f"{spec}{seed}",
                    scheduler=spec,
                    seed=seed,
                    peak_lr=8e-3,
                    steps=steps,
                    status="complete",
                )
            )
            points += [
                dict(
                    run_id=f"{spec}{seed}",
                    step=t,
                    loss=losses[t],
                    lr=lrs[t],
                    val_loss=losses[t] + (seed - 0.5) / 100 if t % 8 == 7 else "",
                )
                for t in range(steps)
            ]
    for name, table in (("runs", rows), ("curves", points)):
        write_csv(tmp_path / f"{name}.csv", list(table[0]), table)
    (tmp_path / "manifest.json").write_text(json.dumps(dict(config=dict(peak_lr=8e-3, warmup_steps=30))))
    return tmp_path


def call(monkeypatch, capsys, *args):
    monkeypatch.setattr(sys, "argv", ["forecast", *map(str, args)])
    main()
    return capsys.readouterr().out


def test_the_command_predicts_what_it_has_not_seen(comparison, monkeypatch, capsys):
    said = call(monkeypatch, capsys, comparison, "--fit-on", "constant,cosine,wsd")
    assert "validation loss after 200 steps" in said and "law.json" in said
    with open(comparison / "forecast.csv", newline="") as file:
        rows = {row["scheduler"]: row for row in csv.DictReader(file)}
    assert {name for name, row in rows.items() if row["fitted_on"] == "True"} == {"constant", "cosine", "wsd"}
    assert float(rows["linear"]["predicted"]) == pytest.approx(float(rows["linear"]["measured"]), abs=2e-3)
    assert (comparison / "figures" / "forecast.png").stat().st_size > 10_000
    said = call(
        monkeypatch,
        capsys,
        comparison,
        "--schedulers",
        "rex,forecast_optimal:law=" + str(comparison / "law.json"),
        "--steps",
        "400",
    )
    assert "after 400 steps" in said and "rex" in said


def test_a_schedule_that_the_curves_leave_open_gets_no_number(comparison, monkeypatch, capsys):
    rng = np.random.Generator(np.random.Philox(7))
    # noise in which the falls of three curves are nearly lost
    rewritten(
        comparison / "curves.csv",
        lambda point: (
            point
            | dict(
                val_loss=point["val_loss"]
                and float(point["val_loss"]) * np.exp(0.005 * rng.standard_normal())
            )
        ),
    )
    said = call(
        monkeypatch,
        capsys,
        comparison,
        "--fit-on",
        "constant,cosine,wsd",
        "--schedulers",
        "cosine_restarts:period=6,linear",
    )
    with open(comparison / "forecast.csv", newline="") as file:
        linear, restarts = csv.DictReader(file)
    assert linear["scheduler"] == "linear" and float(linear["low"]) < float(linear["predicted"]) < float(
        linear["high"]
    )
    assert restarts["predicted"] == restarts["low"] == restarts["high"] == "" and "left open" in said


def test_the_reports_section_says_what_the_command_does(comparison, monkeypatch, capsys):
    call(monkeypatch, capsys, comparison, "--fit-on", "constant,cosine,wsd")
    with open(comparison / "forecast.csv", newline="") as file:
        rows = {row["scheduler"]: row for row in csv.DictReader(file)}
    predicted, words = predictions(
        SimpleNamespace(out=comparison), dict.fromkeys(("constant", "cosine", "wsd", "linear"))
    )
    assert (
        "of 1 other at a peak lr of 0.008" in words
        and "1 of them within" in words
        and "left open" not in words
    )
    lowest = min(row["predicted"] for row in predicted.values())
    for name, row in predicted.items():
        value, between = forecast_cells(row, lowest)
        assert float(value.strip(" *")) == pytest.approx(float(rows[name]["predicted"]), abs=6e-5) and (
            value[-1] == "*"
        ) == (row["predicted"] == lowest)
        assert between == f"{float(rows[name]['low']):.4f} to {float(rows[name]['high']):.4f}"


@pytest.mark.parametrize(
    "flags, words",
    [
        (["--fit-on", "constant"], "no curve has a lr that falls"),
        (["--fit-on", "rex"], "'rex' has no complete runs"),
        (["--schedulers", "nope"], "unknown schedule"),
        (["--peak-lr", "1"], "give one of 0.008"),
        (["--schedulers", "plateau:factor=0.5"], "reacts to the loss"),
    ],
)
def test_what_cannot_be_predicted_is_one_line(comparison, monkeypatch, capsys, flags, words):
    with pytest.raises(SystemExit) as error:
        call(monkeypatch, capsys, comparison, *flags)
    assert (
        words in str(error.value) and str(error.value).startswith("error: ") and "\n" not in str(error.value)
    )


def test_runs_that_were_carried_over_are_refused(comparison, monkeypatch, capsys):
    manifest = json.loads((comparison / "manifest.json").read_text())
    (comparison / "manifest.json").write_text(json.dumps(manifest | dict(protocol="carry-over")))
    with pytest.raises(SystemExit, match="error: .* carried over .* fresh weights"):
        call(monkeypatch, capsys, comparison)


def rewritten(path, change):
    """The CSV with every row changed, or left out where that gives None."""
    rows = [new for row in read_csv(path) if (new := change(row))]
    write_csv(path, list(rows[0]), rows)


def test_a_schedule_that_nobody_loaded_is_known_by_its_curve(comparison, monkeypatch, capsys):
    rewritten(
        comparison / "runs.csv",
        lambda row: row | dict(scheduler="mine" if row["scheduler"] == "linear" else row["scheduler"]),
    )
    assert "mine" in call(monkeypatch, capsys, comparison)
    with pytest.raises(SystemExit, match="error: unknown schedule 'mine'"):
        call(monkeypatch, capsys, comparison, "--steps", "400")


def test_seeds_with_other_learning_rates_are_no_curve(comparison, monkeypatch, capsys):
    def reacted(row):
        return (
            row | dict(lr=float(row["lr"]) / 2)
            if row["run_id"] == "plateau1" and int(row["step"]) > 100
            else row
        )

    rewritten(comparison / "curves.csv", reacted)
    assert "plateau" not in call(monkeypatch, capsys, comparison)


def test_other_horizons_leave_out_what_reacts_to_the_loss(comparison, monkeypatch, capsys):
    said = call(monkeypatch, capsys, comparison, "--steps", "400")
    assert "linear" in said and "plateau" not in said
    with pytest.raises(SystemExit, match="plateau reacts to the loss"):
        call(monkeypatch, capsys, comparison, "--steps", "400", "--schedulers", "plateau")


def test_a_law_that_is_there_is_kept(comparison, monkeypatch, capsys):
    call(monkeypatch, capsys, comparison, "--fit-on", "constant,cosine,wsd")
    before = (comparison / "law.json").read_bytes()
    said = call(
        monkeypatch, capsys, comparison, "--law", "annealing", "--save-law", str(comparison / "other.json")
    )
    assert "other.json" in said and load_law(comparison / "other.json") != load_law(comparison / "law.json")
    assert (
        "was kept" in call(monkeypatch, capsys, comparison)
        and (comparison / "law.json").read_bytes() == before
    )


def test_several_peak_lrs_without_the_usual_one(comparison, monkeypatch, capsys):
    manifest = json.loads((comparison / "manifest.json").read_text())
    manifest["config"]["peak_lr"] = 1e-3  # which nothing was trained at
    (comparison / "manifest.json").write_text(json.dumps(manifest))
    assert "at a peak lr of 0.008" in call(monkeypatch, capsys, comparison)


def test_files_that_do_not_belong_together_are_one_line(comparison, monkeypatch, capsys):
    rewritten(comparison / "curves.csv", lambda row: None if row["run_id"] == "wsd1" else row)
    with pytest.raises(SystemExit, match="error: .* don't belong together"):
        call(monkeypatch, capsys, comparison)


def test_a_folder_without_a_comparison_is_one_line(tmp_path, monkeypatch, capsys):
    with pytest.raises(SystemExit, match="error: .* has no manifest.json"):
        call(monkeypatch, capsys, tmp_path)
