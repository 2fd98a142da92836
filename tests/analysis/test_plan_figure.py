"""The picture of a plan: its bars are the plan's numbers, and nothing in it lies on anything else."""

import functools
import subprocess
import sys
from dataclasses import replace

import matplotlib
import numpy as np
import pytest
from helpers import ROOT
from helpers_figures import LONG, apart, caption, texts, title
from matplotlib import style
from matplotlib.colors import to_hex
from PIL import Image

from analysis.figures import plan as plan_figure
from analysis.figures.colours import colour_of
from analysis.figures.page import STYLE
from analysis.figures.plan import branches_page, draw_plan
from analysis.figures.plan_tree import plan_title, walk
from nanosched.config import Config
from schedulers import split_specs
from schedulers.core.reactive import known_lrs
from sweep.plan import distinct, make_schedules, plan_branches, plan_runs

CONFIG = Config(device="cpu", dtype="float32", compile="false", steps=60, warmup_steps=6, eval_interval=10)
FAMILY = [
    f"wsd:cooldown={cooldown},shape={shape}"
    for shape in ("linear", "mirror_cosine")
    for cooldown in (0.1, 0.2)
]


def plan(specs, peak_lrs=(1e-3,), horizons=(60,), seeds=(0,)):
    return plan_branches(
        distinct(plan_runs(CONFIG, make_schedules(CONFIG, specs, peak_lrs, horizons), seeds, "data")), CONFIG
    )


CASES = {
    "one": dict(specs=["cosine"]),
    "nothing shared": dict(specs=["cosine"], peak_lrs=(1e-3, 2e-3)),
    "all": dict(specs=split_specs("all"), seeds=(0, 1, 2)),
    "family": dict(specs=FAMILY, horizons=(500, 1000, 2000)),
    "a horizon inside another": dict(specs=["constant", "wsd"], horizons=(60, 20, 7)),
    "long, lrs and horizons": dict(
        specs=["constant", LONG, "wsd:final_lr_ratio=0.1", "cyclic", "one_cycle"],
        peak_lrs=(3e-4, 1e-3),
        horizons=(1000, 2000),
    ),
    "too many": dict(specs=split_specs("all"), peak_lrs=(1e-4, 1e-3, 1e-2), seeds=(0, 1)),
}


def page(branches):
    with style.context(STYLE, after_reset=True):
        fig = branches_page(branches)
        fig.draw_without_rendering()
    return fig


@functools.cache
def drawn(case):
    """(the branches, those of seed 0 that are drawn, the figure)"""
    branches = plan(**CASES[case])
    return branches, walk([branch for branch in branches if branch.run.seed == 0])[:40], page(branches)


def bars(fig):
    """(start, end, y) of each, from top to bottom."""
    ax = fig.axes[0]
    return [
        (bar.get_x(), bar.get_x() + bar.get_width(), y)
        for bar, y in zip(ax.patches, ax.get_yticks(), strict=True)
    ]


def branch_points(fig):
    """(step, y of the run that others branch off from, lowest y of those)."""
    solid = [lines for lines in fig.axes[0].collections if lines.get_linestyle()[0][1] is None]
    return [(x, top, bottom) for lines in solid for ((x, top), (_, bottom)) in lines.get_segments()]


def dots(fig):
    return [(line.get_xdata()[0], line.get_ydata()[0]) for line in fig.axes[0].lines]


@pytest.mark.parametrize("case", CASES)
def test_no_text_is_cut_small_or_on_another(case):
    fig = drawn(case)[-1]
    boxes = [(text, text.get_window_extent()) for text in texts(fig)]
    filled = [bar.get_window_extent() for bar in fig.axes[0].patches]
    for i, (text, box) in enumerate(boxes):
        assert text.get_fontsize() >= 7
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= fig.bbox.x1 and box.y1 <= fig.bbox.y1, (
            f"{text.get_text()!r} is cut"
        )
        for other, its_box in boxes[i + 1 :]:
            assert apart(box, its_box), f"{text.get_text()!r} lies on {other.get_text()!r}"
        assert all(apart(box, bar) for bar in filled), f"{text.get_text()!r} lies on a bar"


@pytest.mark.parametrize("case", CASES)
def test_rows_are_the_plan_of_one_seed(case):
    branches, shown, fig = drawn(case)
    a_seed = len(branches) // len({branch.run.seed for branch in branches})
    assert len(shown) == min(a_seed, 40)
    assert [bar[:2] for bar in bars(fig)] == [(branch.start, branch.run.schedule.steps) for branch in shown]
    assert [bar.get_y() + bar.get_height() / 2 for bar in fig.axes[0].patches] == pytest.approx(
        fig.axes[0].get_yticks()
    )
    assert [to_hex(bar.get_facecolor()).upper() for bar in fig.axes[0].patches] == [
        colour_of(branch.run.label) for branch in shown
    ]
    assert [text.get_text() for text in fig.axes[0].texts] == [
        f"{branch.steps:,} of {branch.run.schedule.steps:,}" for branch in shown
    ]
    assert (f"{a_seed - 40} more runs of each seed" in caption(fig)) == (a_seed > 40)
    assert fig.axes[0].get_xlim() == (0, max(branch.run.schedule.steps for branch in shown))
    assert all(tick == int(tick) for tick in fig.axes[0].get_xticks())


@pytest.mark.parametrize("case", CASES)
def test_lines_hang_from_the_branch_point_and_cross_no_bar(case):
    _, rows, fig = drawn(case)
    ys = {branch.run.id: y for branch, (_, _, y) in zip(rows, bars(fig))}
    wanted = {(branch.start, ys[branch.parent.id], ys[branch.run.id]) for branch in rows if branch.parent}
    assert (
        {(x, top) for x, top, _ in wanted} == {(x, top) for x, top, _ in branch_points(fig)} == set(dots(fig))
    )
    assert len(dots(fig)) == len(set(dots(fig)))
    for x, top, bottom in branch_points(fig):
        assert bottom == max(y for start, parent, y in wanted if (start, parent) == (x, top))
        assert all(start >= x for start, _, y in bars(fig) if top < y < bottom)


def test_the_last_branch_point_comes_first_and_equals_in_the_plans_order():
    branches = plan(
        ["constant", "cosine", "wsd", "inverse_sqrt", "inverse_sqrt_cooldown", "linear", "cyclic"]
    )
    assert [branch.run.label for branch in walk(branches)] == [
        "constant",
        "wsd",
        "cosine",
        "inverse_sqrt",
        "inverse_sqrt_cooldown",
        "linear",
        "cyclic",
    ]


def orders(names):
    """Every one of them asked for first."""
    return [names[i:] + names[:i] for i in range(len(names))]


@pytest.mark.parametrize(
    "specs",
    orders(["bound_optimal", "constant", "tanh", "wsd", "cosine", "inverse_sqrt_cooldown", "plateau"]),
)
def test_constant_is_the_trunk_whichever_was_asked_for_first(specs):
    branches = plan(specs, horizons=(60,), seeds=(0, 1))
    tree = walk([branch for branch in branches if branch.run.seed == 0])
    assert tree[0].run.label == "constant" and tree[0].start == 0
    assert 2 * sum(branch.steps for branch in tree) == sum(branch.steps for branch in branches)
    by_id = {branch.run.id: branch for branch in tree}
    for branch in tree[1:]:  # what it shares is the same, and is in the other's own bar
        parent = by_id[branch.parent.id]
        lrs = [known_lrs(run.schedule, CONFIG)[: branch.start] for run in (branch.run, parent.run)]
        assert np.array_equal(*lrs) and parent.start < branch.start
    moved = {branch.run.id: branch.start for branch in branches if branch.run.seed == 0} != {
        branch.run.id: branch.start for branch in tree
    }
    assert ("drawn as its own, whichever run trains them" in caption(page(branches))) == moved


def test_each_peak_lr_has_its_trunk_in_the_place_of_the_first_asked_for():
    branches = plan(["cyclic", "cosine", "wsd", "constant"], peak_lrs=(1e-3, 2e-3))
    tree = [(branch.run.label, branch.run.schedule.peak_lr) for branch in walk(branches)]
    peaks = [[(label, peak) for label in ("constant", "wsd", "cosine")] for peak in (1e-3, 2e-3)]
    assert tree == [("cyclic", 1e-3), *peaks[0], ("cyclic", 2e-3), *peaks[1]]


def test_the_title_has_the_plans_numbers():
    # constant trains all of it, cosine what follows the warmup and the peak, wsd its cooldown
    assert (
        title(page(plan(["constant", "cosine", "wsd"])))
        == "3 runs at the cost of 2.1 separate runs: 124 of 180 steps to train"
    )
    assert (
        title(page(plan(["constant", "cosine", "wsd"], seeds=(0, 1))))
        == "6 runs at the cost of 4.1 separate runs: 248 of 360 steps to train"
    )
    assert title(page(plan(**CASES["one"]))) == "Nothing is shared: all 60 steps of 1 run are trained"
    assert (
        title(page(plan(**CASES["nothing shared"])))
        == "Nothing is shared: all 120 steps of 2 runs are trained"
    )
    resumed = [replace(branch, start=50) for branch in plan(["cosine"])]
    assert plan_title(resumed) == "1 run at the cost of 0.2 separate runs: 10 of 60 steps to train"


def test_the_caption_says_what_there_is_to_see():
    one, two = (caption(page(plan(["constant", "cosine"], seeds=seeds))) for seeds in ((0,), (0, 1)))
    assert "Dotted" in one and "branch point" in one and "seed" not in one and "each of 2 seeds alike" in two
    assert "reacts" not in one and "reacts" in caption(page(plan(["constant", "plateau"])))
    assert "reacts" not in caption(page(plan(["plateau"])))  # it is trained whatever it does
    assert "Dotted" not in caption(page(plan(["cosine"])))


def test_peak_lr_and_steps_are_named_where_they_differ():
    def labels(**how):
        return [
            label.get_text() for label in page(plan(["constant", "wsd"], **how)).axes[0].get_yticklabels()
        ]

    assert labels() == ["constant", "wsd"]
    assert labels(peak_lrs=(6e-4, 1e-3))[::2] == ["constant @ 6e-4", "constant @ 1e-3"]
    assert labels(horizons=(500, 1000))[:2] == ["constant, 500 steps", "constant, 1,000 steps"]
    long = page(plan([LONG], horizons=(500, 1000))).axes[0].get_yticklabels()
    assert [label.get_text().split("\n")[-1] for label in long] == ["500 steps", "1,000 steps"]


def test_rows_left_out_are_counted(monkeypatch):
    monkeypatch.setattr(plan_figure, "MAX_ROWS", 2)
    fig = page(plan(["constant", "cosine", "wsd"]))
    assert len(bars(fig)) == 2 and "Left out: 1 more run. " in caption(fig)
    assert "3 runs at the cost of 2.1 separate runs" in title(fig)


def test_the_file_is_a_small_png_whatever_the_users_settings(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)  # it would look for a window system
    branches = plan(["constant", "cosine", "wsd"])
    path = draw_plan(branches, tmp_path)
    assert path == tmp_path / "figures" / "plan.png" and [file.name for file in path.parent.iterdir()] == [
        "plan.png"
    ]
    with Image.open(path) as image:
        assert image.format == "PNG" and image.width == 1140
        found = {
            "#{:02X}{:02X}{:02X}".format(*colour)
            for _, colour in image.convert("RGB").getcolors(maxcolors=2**20)
        }
    assert {colour_of(branch.run.label) for branch in branches} <= found
    before = path.read_bytes()
    with matplotlib.rc_context({"font.size": 30, "axes.grid": True, "lines.linewidth": 9}):
        assert draw_plan(branches, tmp_path).read_bytes() == before


def test_nothing_slow_is_imported_with_the_module():
    slow = {"matplotlib", "torch", "train", "sweep.execute"}
    code = f"import sys, analysis.figures.plan; assert not {slow} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=60)
