"""The study of scaling: what its page and figure say is what was simulated."""

import pytest
from helpers import ROOT

from analysis.figures.page import draw_page
from nanosched.csv_files import read_csv
from studies.scaling.figure import scaling_page
from studies.scaling.measure import Measured
from studies.scaling.page import ratios, verdict, write_readme
from studies.scaling.simulate import Row, make_row
from studies.scaling.sweeps import COOLDOWNS, SCHEDULES, separate_plan, shared_plan
from studies.scaling.words import ends_scaling, finding, row_of
from sweep.makespan import choose_plan

RESULTS = ROOT / "results" / "scaling"


@pytest.fixture(scope="module")
def rows():
    """As committed."""
    texts = {"sweep", "plan"}
    return [
        Row(**{name: value if name in texts else int(value) for name, value in row.items() if name != "busy"})
        for row in read_csv(RESULTS / "scaling.csv")
    ]


@pytest.fixture(scope="module")
def measured():
    return [Measured.of(row) for row in read_csv(RESULTS / "measured.csv")]


def test_the_committed_rows_are_what_is_simulated_today(rows):
    shared = shared_plan(SCHEDULES)
    assert len(shared) == len(SCHEDULES) * 50 == 1000 and len(set(COOLDOWNS)) == 20
    plans = {"separate": separate_plan(shared), "fastest": choose_plan("fastest", shared, 256)}
    for name, branches in plans.items():
        row = row_of(rows, "20 schedules", name, 256)
        assert row == make_row("20 schedules", name, branches, 256, row.any_plan_bound)


def test_the_committed_rows_keep_the_bounds(rows):
    for row in rows:
        assert row.makespan >= max(row.area_bound, row.critical_path, row.any_plan_bound)
        assert row.makespan <= row_of(rows, row.sweep, row.plan, max(1, row.workers // 2)).makespan
        if row.plan == "fastest":
            assert row.makespan <= row_of(rows, row.sweep, "cheapest", row.workers).makespan
        if row.workers == 1:
            assert row.makespan == row.steps_trained and row.busy == 1
        if row.workers <= 32 and row.plan != "separate":
            assert row.busy > 0.98  # as the page says
        if row.workers == 1024:
            assert row.makespan == row.critical_path


def test_words():
    def row(plan, workers, steps_trained, makespan):
        return Row("one", plan, workers, steps_trained, makespan, 0, 0, 0)

    rows = [
        row("separate", 256, 25600, 100),
        row("cheapest", 256, 12800, 80),
        row("fastest", 256, 12800, 60),
        row("separate", 2, 25600, 12800),
        row("fastest", 2, 12800, 6500),
    ]
    assert "saves 50 to 50% of the steps, and of the time as much up to 2 workers" in finding(rows)
    assert "with 256 it is 40 to 40% by the fastest plan, 25 to 25% ahead" in finding(rows)
    assert ends_scaling(rows, "one", "fastest") == 2


def test_a_busy_machine_is_said_to_say_little():
    def measured(workers, makespan, wall_s, load):
        return Measured(workers, 0, 9, 100, makespan, wall_s, 9, load)

    assert ratios([measured(1, 100, 10, 1), measured(2, 60, 7, 2)]) == (0.6, 0.7)
    assert "nothing else" in verdict([measured(1, 100, 10, 1), measured(2, 60, 7, 2)])
    assert "load of 9" in verdict([measured(1, 100, 10, 9), measured(2, 60, 7, 12)])


def test_the_page_is_made_of_them(rows, measured, tmp_path):
    page = write_readme(tmp_path, rows, measured, step_s=0.03).read_text()
    assert page.startswith(f"# {finding(rows)}")
    at_256 = row_of(rows, "20 schedules", "fastest", 256)
    assert f"| 256 | 8,032 | 6,978 (85%) | {at_256.makespan:,} (92%) | 5,932 |" in page


def test_the_figure_draws_every_plan_in_its_colour(rows, tmp_path):
    seen = {}

    def page(rows):
        seen["fig"] = scaling_page(rows)
        return seen["fig"]

    assert draw_page(tmp_path / "scaling.png", page, rows).stat().st_size > 10_000
    above, below = seen["fig"].axes[:2]
    drawn = {line.get_color(): line.get_ydata().tolist() for line in above.lines[:3]}
    assert len(drawn) == 3
    assert drawn["#d55e00"] == [
        row.makespan for row in rows if (row.sweep, row.plan) == ("20 schedules", "fastest")
    ]
    assert {text.get_text() for text in below.texts} == {"separate", "cheapest", "fastest"}
