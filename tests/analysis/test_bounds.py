"""What a dry run says from theory."""

import re
from dataclasses import asdict

import pytest

from analysis.bounds import bound_rows
from schedulers import get_schedule
from theory import optimal_peak_lr


def labelled(specs, steps=(300,), peak_lr=1e-3):
    return [
        (spec, get_schedule(spec, steps=n, peak_lr=peak_lr, warmup_steps=30)) for n in steps for spec in specs
    ]


def test_rows_are_the_bounds_at_each_ones_best_peak():
    rows = bound_rows(labelled(["constant", "linear", "cosine"]))
    assert [row.scheduler for row in rows] == ["linear", "cosine", "constant"]
    linear, constant = (
        optimal_peak_lr(get_schedule(name, steps=300, peak_lr=1e-3, warmup_steps=30).lrs())
        for name in ("linear", "constant")
    )
    assert (rows[0].bound, rows[0].peak_ratio) == (1, 1)
    assert rows[2].bound == pytest.approx(constant[1] / linear[1])
    assert rows[2].peak_ratio == pytest.approx(constant[0] / linear[0])


def test_the_peak_that_is_asked_for_does_not_matter():
    low, high = (bound_rows(labelled(["wsd", "cosine"], peak_lr=peak_lr)) for peak_lr in (1e-3, 8e-3))
    for one, other in zip(low, high):
        assert asdict(one) == pytest.approx(asdict(other))
    both = labelled(["wsd", "cosine"]) + labelled(["wsd", "cosine"], peak_lr=8e-3)
    assert len(bound_rows(both)) == 2


def test_horizons_are_ranked_by_themselves():
    rows = bound_rows(labelled(["linear", "constant"], steps=(300, 600)))
    assert [(row.steps, row.scheduler) for row in rows] == [
        (300, "linear"),
        (300, "constant"),
        (600, "linear"),
        (600, "constant"),
    ]
    assert bound_rows([]) == []


def test_a_dry_run_prints_them(cli, toml):
    toml()
    done = cli("compare.py", "--config", "tiny.toml", "--schedulers", "constant,linear,cosine", "--dry-run")
    assert done.code == 0 and "convex bound" in done.out
    table = done.out[done.out.index("convex bound") :]
    assert re.findall(r"^ *\d+ +12 .* (\w+) *$", table, re.M) == [
        row.scheduler
        for row in bound_rows(
            [
                (n, get_schedule(n, steps=12, peak_lr=0.01, warmup_steps=2))
                for n in ("constant", "linear", "cosine")
            ]
        )
    ]
