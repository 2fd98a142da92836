"""The study of loss laws: its forms against the product's, its choices, and its page against the curves."""

from dataclasses import replace

import numpy as np
import pytest
from helpers import ROOT
from helpers_laws import POWER, curves_of, lrs_of

from studies.loss_laws import study
from studies.loss_laws.curves import (
    FAMILIES,
    PAPERS_TRIPLE,
    Curves,
    Trial,
    papers_lrs,
    read_curves,
    read_small,
)
from studies.loss_laws.errors import Errors, errors, errors_of, fitted
from studies.loss_laws.figure import draw_errors
from studies.loss_laws.form import Form
from studies.loss_laws.forms import CANDIDATES, NEW, PUBLISHED
from studies.loss_laws.left_out import left_out, priors
from studies.loss_laws.page import write_readme
from studies.loss_laws.study import study_of
from studies.loss_laws.triples import all_triples, compared, mean_errors
from studies.transfer.by_peak_runs import FILES
from theory import Curve, MultiPowerLaw, PublishedMultiPowerLaw
from theory.fit_problem import make_problem, model

KEPT, SHARED = ROOT / "results" / "loss_laws", ROOT.parent / "shared" / "data"
SHAPES = dict(C=8.0, beta=0.4, gamma=0.6, delta=0.85, p=0.8)
forms = pytest.mark.parametrize(
    "form", [one.law for one in CANDIDATES if isinstance(one.law, Form)], ids=lambda form: repr(form)[5:-1]
)


@pytest.fixture(scope="module")
def three():
    return curves_of(POWER)


def theta_of(law) -> np.ndarray:
    return np.log([2.5, 0.8, 0.4, 0.7, *(SHAPES[name] for name in law.SHAPES)])


@forms
def test_derivatives_of_a_form(form, three):
    problem, theta, h = make_problem(form, three), theta_of(form), 1e-5
    _, derivatives = model(problem, theta)
    differences = [
        (model(problem, theta + h * e)[0] - model(problem, theta - h * e)[0]) / (2 * h)
        for e in np.eye(len(theta))
    ]
    assert np.allclose(derivatives, np.transpose(differences), atol=1e-8)


@pytest.mark.parametrize(
    "form, law",
    [(Form(), PublishedMultiPowerLaw), (Form(True, "tau", (0.9, 2.0)), MultiPowerLaw)],
    ids=["published", "in tau"],
)
def test_a_form_of_the_products_parts_is_the_products_law(form, law, three):
    assert list(form.SHAPES) == list(law.SHAPES)
    assert form.SHAPES == law.SHAPES and form.TYPICAL == law.TYPICAL and form.LIMITS == law.LIMITS
    own, other = (model(make_problem(kind, three), theta_of(law)) for kind in (form, law))
    assert np.allclose(own[0], other[0]) and np.allclose(own[1], other[1])


def test_the_new_form_finds_curves_that_follow_it_as_the_product_does(three):
    trial = Trial("", "", three, curves_of(POWER, ["linear", "wsd:cooldown=0.6"]))
    fit = fitted(NEW.law, three)
    new, published = errors(fit, trial), errors_of(PUBLISHED.law, trial)
    assert new.mean < 2e-3 and published.mean > 5 * new.mean
    assert new.dropped.all() and new.signed == pytest.approx(new.at_end.mean())
    assert fit.problem.parameters(fit.theta) == MultiPowerLaw.fit(three).parameters


def test_kept_curves():
    small = read_small(KEPT / "curves.csv")
    sizes = {key: len(curves) for key, curves in small.items()}
    assert sizes == {("reference", 2008, 8e-3): 22} | {
        ("transfer", steps, peak): 10 for steps in (2008, 4115) for peak in (8e-3, 1.6e-2)
    }
    for (_, steps, peak), curves in small.items():
        for curve in curves.values():
            assert len(curve.lrs) == steps == curve.steps[-1] + 1
            assert curve.lrs.max() == pytest.approx(peak, rel=1e-2)  # some schedules fall while warming up
    assert (KEPT / "curves.csv").stat().st_size < 200_000


@pytest.mark.parametrize(
    "name, steps, end",
    [
        ("constant_24000", 24_000, 3e-4),
        ("cosine_72000", 72_000, 3e-5),
        ("wsd_20000_24000", 24_000, 3e-5),
        ("wsdld_20000_24000", 24_000, 3e-5),
        ("wsdcon_9", 16_000, 9e-5),
    ],
)
def test_lrs_that_a_name_says(name, steps, end):
    lrs = papers_lrs(name)
    assert len(lrs) == steps and lrs[0] == 0
    assert lrs.max() == lrs[2159] == 3e-4 and lrs[-1] == pytest.approx(end, rel=3e-3)


def test_two_families_choose_and_the_third_judges():
    a, b, c = FAMILIES
    found = {"x": {a: 0.5, b: 0.5, c: 2.0}, "y": {a: 0.9, b: 0.9, c: 0.4}, "z": {a: 1.0, b: 1.0, c: 0.3}}
    rows = {row.family: row for row in left_out(found)}
    assert (rows[c].chosen, rows[c].ratio) == ("x", 2.0)
    assert (rows[c].lowest, rows[c].lowest_ratio) == ("z", 0.3)
    assert (rows[a].chosen, rows[a].ratio) == ("z", 1.0)
    assert len({one.law for one in priors()}) == len({one.name for one in priors()}) == 18


def test_triples_are_compared_where_both_fits_accept():
    own, published = np.array([1.0, 2.0, np.nan, 4.0]), np.array([2.0, 1.0, 1.0, np.nan])
    found = compared(own, published)
    assert (found.triples, found.refused, found.common, found.better) == (4, 1, 2, 0.5)
    assert found.median == found.published_median == 1.5


def test_every_three_of_some_curves_and_refusals(three):
    curves = dict(zip("abcd", [*three, *curves_of(POWER, ["linear"])]))
    triples = all_triples(curves, Trial("", "", [], [], last=5))
    assert len(triples) == 4 and all(len(t.unseen) == 1 and t.last == 5 for t in triples)
    flat = replace(triples[0], fitted=three[:1])  # no drop
    found = mean_errors(MultiPowerLaw, [flat, triples[0]])
    assert np.isnan(found[0]) and found[1] < 5e-3


@pytest.fixture
def no_fits(monkeypatch):
    """Errors of 0.01 for the published form and of half as much for all others; none is fitted."""

    def made_up(law, trial):
        error = 0.01 if law is PUBLISHED.law else -0.005
        n = len(trial.unseen)
        names, dropped = [curve.name for curve in trial.unseen], np.arange(n) < n - 1
        return Errors(names, np.full(n, abs(error)), np.full(n, error), dropped, np.full(n, abs(error)))

    monkeypatch.setattr(study, "errors_of", made_up)
    monkeypatch.setattr(study, "mean_errors", lambda law, trials: np.linspace(0.01, 0.02, len(trials)))


def test_the_page_and_its_figure(no_fits, tmp_path):
    lrs = lrs_of("cosine")
    curve = Curve(lrs, np.arange(30, 300, 30), np.linspace(3, 2, 9))
    middle = {name: replace(curve, name=name) for name in (*PAPERS_TRIPLE, "wsd_20000_24000", "wsdcon_3")}
    large = {
        setting.name: replace(curve, name=setting.name, losses=curve.losses + 0.01 * i)
        for i, setting in enumerate(FILES)
    }
    found = study_of(Curves(middle, {5e-4: large, 1e-3: large}, read_small(KEPT / "curves.csv")))
    page = write_readme(tmp_path, found).read_text()
    assert "0.5 to 0.5 times as far off" in found.finding and found.finding in page
    assert "nan" not in page and "{" not in page.replace("_{k-1}", "")
    assert page.count(f"| {CANDIDATES.index(NEW) + 1} | {NEW.name} |") == 6 and "| 0.50 |" in page
    assert draw_errors(tmp_path, found).stat().st_size > 10_000


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the curves of the 100M and 124M models")
def test_the_committed_page_states_what_the_curves_say():
    trials = read_curves(SHARED, KEPT / "curves.csv").trials()
    table = (KEPT / "README.md").read_text().split("## Mean errors")[1].split("**Signed")[0]
    for candidate in (PUBLISHED, NEW):
        row = next(line for line in table.splitlines() if f"| {candidate.name} |" in line)
        cells = [float(cell.strip(" *")) for cell in row.split("|")[3:-2]]
        assert cells == pytest.approx([errors_of(candidate.law, trial).mean for trial in trials], abs=2e-4)
