"""The figures, drawn from real descents: a small linear regression by gradient descent with each schedule."""

import math
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import matplotlib
import numpy as np
import pytest
from helpers import ROOT
from helpers_figures import LONG, STEPS, WARMUP, apart, build, caption, draw_figures, drawn, texts, title
from matplotlib.colors import to_hex
from PIL import Image

from analysis.comparison import Setting
from analysis.figures import draw as draw_module
from analysis.figures import page, panels
from analysis.figures import tuned_ranking as tuned_figure
from analysis.figures.colours import BUILT_IN, FAMILIES, OWN, colour_of, families_of
from analysis.figures.dots import BAR
from analysis.figures.draw import FIGURES
from analysis.figures.forecast import draw_forecast
from analysis.figures.page import fold
from analysis.figures.peak_lr import peak_lr_page
from analysis.figures.ranking import ranking_page
from analysis.figures.titles import amount, planned_words, seed_words, steps_words, time_title
from analysis.outliers import outlier_limit
from analysis.predictions import ForecastRow
from analysis.sentences import answer
from analysis.text import format_lr, shorten
from nanosched import run_files
from nanosched.config import Config
from schedulers import get_schedule, list_schedules, split_specs
from schedulers.core.registry import REGISTRY
from sweep.plan import Branch

NAMES = ["training_loss", "lr_schedules", "grad_norm", "wall_clock", "ranking"]
PANELS = NAMES[:3]


def names_with(*others, of=NAMES):
    """NAMES and these, in the order in which figures are drawn."""
    return [figure.name for figure in FIGURES if figure.name in {*of, *others}]


def names_for(rows):
    """Those of a comparison with these rows: two that completed have a difference."""
    return names_with("difference") if sum(bool(row.entry.completed) for row in rows) > 1 else NAMES


@pytest.fixture(scope="module")
def draw(tmp_path_factory):
    """draw(specs, ...) -> (the Figures by name, as they are saved; the rows of the ranking; the folder)."""
    known = {}

    def drawn(specs, **how):
        key = repr((specs, how, panels.MAX_PANELS))
        if key not in known:
            out = tmp_path_factory.mktemp("out")
            comparison = build(out, specs, **how)
            figs, paths = draw_all(comparison, out)
            assert paths == [out / "figures" / f"{name}.png" for name in names_for(comparison.rows)]
            known[key] = figs, comparison.rows, out
        return known[key]

    return drawn


def draw_all(comparison, out):
    """(the Figures by name, in the order they are saved; their paths)."""
    figs, save = {}, page.save
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "matplotlib.pyplot", None)  # it would look for a window system
        patch.setattr(page, "save", lambda fig, path: figs.update({path.stem: fig}) or save(fig, path))
        return figs, draw_figures(comparison, out)


def all_words(fig):
    return "\n".join(text.get_text() for text in texts(fig)).replace("\n", " ")


def heads(fig):
    return [ax.get_title(loc="left") for ax in fig.axes]


def own_colours(ax):
    """Of the lines that are neither black nor grey helpers: thin lines, crosses and mean bars are."""
    return {
        to_hex(line.get_color()).upper()
        for line in ax.lines
        if line.get_linewidth() > 0.75 and line.get_marker() not in ("x", "|")
    }


# -- layout


CASES = {
    "one": dict(specs=["cosine"]),
    "two": dict(specs=["cosine", "constant"], seeds=(0, 1)),
    "three peak lrs": dict(specs=["wsd", "cosine", "linear"], seeds=(0, 1, 2), peak_lrs=(0.02, 0.04, 0.08)),
    "all": dict(specs=split_specs("all"), seeds=(0, 1)),
    "25, diverged, failed and long": dict(
        specs=[
            *split_specs("all"),
            "schedule_free",
            LONG,
            "wsd:cooldown=0.4,shape=sqrt",
            "cosine:final_lr_ratio=0.5",
            ("linear:final_lr_ratio=0.01", 1e-5),
            "step:gamma=0.3",
        ],
        fail=("rex",),
        diverge=[("cosine:final_lr_ratio=0.5", 0)],
    ),
    "all diverged": dict(specs=[("cosine", 9.0), ("wsd", 9.0)], seeds=(0, 1)),
}


@pytest.mark.parametrize("case", CASES)
def test_no_text_is_cut_small_or_on_another(draw, case):
    for name, fig in draw(**CASES[case])[0].items():
        nothing_lies_on_another(name, fig)


def nothing_lies_on_another(name, fig):
    boxes = [(text, text.get_window_extent()) for text in texts(fig)]
    for i, (text, box) in enumerate(boxes):
        where = f"{name}: {text.get_text()!r}"
        assert text.get_fontsize() >= 7, where
        assert "$" not in text.get_text(), where
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= fig.bbox.x1 and box.y1 <= fig.bbox.y1, (
            f"{where} is cut"
        )
        for other, its_box in boxes[i + 1 :]:
            assert apart(box, its_box), f"{where} lies on {other.get_text()!r}"
        for ax in fig.axes:
            assert text in ax.texts or apart(box, ax.bbox), f"{where} lies on a panel"


@pytest.mark.parametrize("case", CASES)
def test_a_panel_or_row_for_each_of_the_summary_in_its_order(draw, case):
    figs, rows, _ = draw(**CASES[case])
    assert list(figs) == names_for(rows)
    labels = [row.entry.scheduler for row in rows]
    for name in PANELS:
        unfolded = [head.replace("\n", "") for head in heads(figs[name])]
        assert len(unfolded) == len(labels)
        assert all(head.startswith(label) or "…" in head for head, label in zip(unfolded, labels))
    for name in ("wall_clock", "ranking"):
        ticks = [label.get_text().replace("\n", "") for label in figs[name].axes[0].get_yticklabels()]
        assert len(ticks) == len(labels)
        assert all(tick.startswith(label) or "…" in tick for tick, label in zip(ticks, labels))


def test_height_grows_with_the_schedules(draw):
    few, many = draw(["cosine", "wsd"])[0], draw(**CASES["all"])[0]
    for name in names_with("difference"):
        assert 1 < few[name].get_figheight() < 5
        assert few[name].get_figheight() < many[name].get_figheight() < 12
        assert few[name].get_figwidth() == many[name].get_figwidth()


def test_several_peak_lrs_are_named(draw):
    figs, _, _ = draw(**CASES["three peak lrs"])
    assert {"wsd @ 2e-2", "wsd @ 8e-2"} <= {head.split("\n")[0] for head in heads(figs["training_loss"])}
    assert "@" not in all_words(draw(["cosine", "wsd"])[0]["ranking"])


def test_many_peak_lrs_leave_each_schedule_the_panel_of_its_lowest(draw, monkeypatch):
    monkeypatch.setattr(panels, "MAX_PANELS", 5)
    figs, rows, _ = draw(["wsd", "cosine"], peak_lrs=(0.01, 0.02, 0.04))
    lowest = {row.entry.scheduler: row.entry.setting for row in reversed(rows)}.values()
    assert {head.split("\n")[0] for head in heads(figs["training_loss"])} == {
        f"{setting.scheduler} @ {format_lr(setting.peak_lr)}" for setting in lowest
    }
    assert "ranking.png has them all" in caption(figs["training_loss"])
    assert len(figs["ranking"].axes[0].get_yticklabels()) == 6 and "has them all" not in caption(
        figs["ranking"]
    )


# -- what is shown


def test_the_end_of_training_fills_the_panel(draw):
    fig = draw(["cosine", "wsd", "constant"])[0]["training_loss"]
    low, high = fig.axes[0].get_ylim()
    shown = np.concatenate([line.get_ydata() for ax in fig.axes for line in ax.lines])
    assert low < shown.min() and high < shown.max()  # the first steps lie above
    assert all(low < line.get_ydata()[-1] < high for ax in fig.axes for line in ax.lines)
    assert f"mean of {STEPS // 20} steps" in caption(fig)


def test_panels_show_the_curves_numbers(draw):
    figs, rows, _ = draw(["cosine", "wsd"])
    for ax, row in zip(figs["lr_schedules"].axes, rows):
        schedule = get_schedule(row.entry.scheduler, STEPS, 0.05, warmup_steps=WARMUP)
        assert np.array_equal(ax.lines[-1].get_ydata(), schedule.lrs())
    for head, row in zip(heads(figs["training_loss"]), rows):
        assert head == f"{row.entry.scheduler}\n{row.entry.loss:.4f}"


def test_clipping_threshold_is_drawn_where_it_is_in_range(draw):
    def dashed(fig):
        return [
            line.get_ydata()[0]
            for ax in fig.axes
            for line in ax.lines
            if line.get_linestyle() == "--" and len(line.get_xdata()) == 2
        ]

    assert dashed(draw(["cosine", "wsd"])[0]["grad_norm"]) == []
    assert dashed(draw(["cosine", "wsd"], grad_clip=2.0)[0]["grad_norm"]) == [2.0, 2.0]
    without = draw(["cosine", "wsd"], grad_clip=0.0)[0]["grad_norm"]
    assert "clip" not in all_words(without).replace("before clipping", "")


def test_a_rise_of_its_own_leaves_the_warmup_out_of_the_gradient_norms_too(draw):
    figs, rows, _ = draw(["cyclic", "cosine"])
    (result,) = next(row.entry.completed for row in rows if row.entry.scheduler == "cyclic")
    settled = result.curve.grad_norm[WARMUP:].mean()
    assert abs(settled - result.curve.grad_norm.mean()) > 0.1
    assert result.metrics.grad_norm_mean == settled
    assert f"{settled:.2f} (cyclic)" in title(figs["grad_norm"])
    assert f"cyclic\nmean {settled:.2f}, " in "\n".join(heads(figs["grad_norm"]))


def test_gradient_norms_over_many_decades_get_a_log_axis(draw):
    assert draw(["cosine", "wsd"])[0]["grad_norm"].axes[0].get_yscale() == "linear"
    assert draw(**CASES["all diverged"])[0]["grad_norm"].axes[0].get_yscale() == "log"


def test_diverged_and_failed_are_marked_everywhere_and_come_last(draw):
    figs, _, _ = draw(
        ["cosine", "wsd", "linear", "rex"], fail=["rex"], diverge=[("wsd", 0), ("wsd", 1)], seeds=(0, 1)
    )
    for name in PANELS:
        axes = {head.split("\n")[0]: ax for head, ax in zip(heads(figs[name]), figs[name].axes)}
        assert set(list(axes)[:2]) == {"cosine", "linear"}
        assert [
            sum(line.get_marker() == "x" for line in axes[label].lines) for label in ("wsd", "cosine", "rex")
        ] == [2, 0, 0]
        assert "× diverged at step" in axes["wsd"].get_title(loc="left")
        assert axes["rex"].get_title(loc="left").endswith("× failed")
        assert "a seed that diverged" in caption(figs[name])
    assert "× diverged at step" in all_words(figs["ranking"]) and "× failed" in all_words(figs["ranking"])


def test_a_seed_that_diverged_is_told_beside_those_that_did_not(draw):
    figs, rows, _ = draw(["cosine", "wsd", "linear"], diverge=[("wsd", 1)], seeds=(0, 1, 2))
    assert rows[-1].entry.scheduler == "wsd"
    words = f"{rows[-1].entry.loss:.4f}, 1 of 3 diverged"
    assert heads(figs["training_loss"])[-1] == f"wsd\n{words}"
    assert words in [text.get_text() for text in figs["ranking"].axes[0].texts]
    assert "wsd diverged or failed with 1 of 3 seeds" in title(figs["ranking"])


def test_far_losses_are_numbers_at_the_edge(draw):
    figs, rows, _ = draw(["cosine", "wsd", "linear", ("constant", 1e-6)])
    far, ax = rows[-1].entry.loss, figs["ranking"].axes[0]
    assert far > ax.get_xlim()[1] > rows[2].entry.loss
    assert [line.get_xdata()[0] for line in ax.lines if line.get_marker() == ">"] == [ax.get_xlim()[1]]
    assert f"{far:.3f}" in [text.get_text() for text in ax.texts]


def test_outlier_limit_keeps_two_losses_together():
    assert outlier_limit(np.array([2.3, 3.9])) > 3.9
    assert 2.35 < outlier_limit(np.array([2.3, 2.3001, 2.35])) < 5
    assert 2.4 < outlier_limit(np.array([2.3, 2.32, 2.35, 2.4, 7.0])) < 7


def test_ranking_has_a_dot_a_seed_and_a_line_at_the_lowest_mean(draw):
    figs, rows, _ = draw(["cosine", "wsd", "constant"], seeds=(0, 1, 2))
    ax = figs["ranking"].axes[0]
    dots = [line for line in ax.lines if line.get_marker() == "o"]
    assert [len(line.get_xdata()) for line in dots] == [3, 3, 3]
    means = [line.get_xdata()[0] for line in ax.lines if line.get_marker() == "|"]
    assert np.allclose(means, [row.entry.loss for row in rows])
    assert ax.lines[0].get_xdata()[0] == rows[0].entry.loss


# -- tuned


LOST = ("linear", 0.08, 1)  # schedule, peak lr and seed of a run that failed


@pytest.fixture(scope="module")
def tuned(tmp_path_factory):
    """(the comparison; its Figures by name): one seed of linear fails at the highest peak lr."""
    out = tmp_path_factory.mktemp("tuned")
    how = dict(seeds=(0, 1), peak_lr=0.04, peak_lrs=(0.02, 0.04, 0.08))
    comparison = replace(build(out, ["wsd", "cosine", "linear"], **how), tuned=True)
    runs = {(r.setting.scheduler, r.setting.peak_lr, r.seed): r for r in comparison.results}
    runs[LOST] = replace(runs[LOST], run=None)
    branches = tuple(map(Branch, comparison.requested))
    comparison = replace(comparison, results=tuple(runs.values()), branches=branches)
    figs, paths = draw_all(comparison, out)
    names = names_with("difference", "plan", "peak_lr", "tuned_ranking")
    assert [path.stem for path in paths] == names == list(figs)
    return comparison, figs


def test_tuned_figures_have_the_losses_of_every_peak_lr(tuned):
    comparison, figs = tuned
    axes = {head.split("\n")[0]: ax for head, ax in zip(heads(figs["peak_lr"]), figs["peak_lr"].axes)}
    assert list(axes) == [row.entry.scheduler for row in comparison.judged[STEPS].rows]
    for entry in comparison.tuned_entries.values():
        lines = axes[entry.scheduler].lines
        mean = {peak: e.loss for peak, e in entry.by_peak.items() if not e.failed}
        assert (list(lines[0].get_xdata()), list(lines[0].get_ydata())) == (list(mean), list(mean.values()))
        (ring,) = [line for line in lines if line.get_markersize() == 8]
        assert (ring.get_xdata()[0], ring.get_ydata()[0]) == (entry.best.setting.peak_lr, entry.chosen.loss)
        crosses = [line.get_xdata()[0] for line in lines if line.get_marker() == "x"]
        assert crosses == [0.08] * (entry.scheduler == "linear")
    assert "diverged or failed" in caption(figs["peak_lr"])


def test_tuned_ranking_has_the_best_and_the_common_peak_lr(tuned):
    comparison, figs = tuned
    ax = figs["tuned_ranking"].axes[0]
    entries = [comparison.tuned_entries[row.entry.setting] for row in comparison.judged[STEPS].rows]
    filled = [line.get_xdata()[0] for line in ax.lines if line.get_markersize() == 5.5]
    hollow = [line.get_xdata()[0] for line in ax.lines if line.get_markerfacecolor() == "white"]
    assert filled == [entry.best.loss for entry in entries]
    assert hollow == pytest.approx([entry.common.entry.loss for entry in entries])  # the same seeds judge
    assert [text.get_text() for text in ax.texts] == [
        f"{entry.best.loss:.4f} at {format_lr(entry.best.setting.peak_lr, 1)}; #{entry.common_rank} in common"
        for entry in entries
    ]
    assert f"{entries[0].scheduler} is lowest at its own best peak lr" in title(figs["tuned_ranking"])


def interval_bars(fig):
    """(low, high) of each."""
    lines = [line for line in fig.axes[0].lines if line.get_linewidth() == BAR]
    return [tuple(line.get_xdata()) for line in lines if np.isfinite(line.get_xdata()).all()]


def test_tuned_ranking_has_the_intervals_of_the_table(tuned):
    comparison, figs = tuned
    rows = comparison.judged[STEPS].rows
    known = [row for row in rows[1:] if math.isfinite(row.interval[0])]
    assert known
    bars = interval_bars(figs["tuned_ranking"])
    for row, (low, high) in zip(known, bars, strict=True):  # of the difference, from the best's loss on
        best = rows[0].entry.loss
        assert (low, high) == pytest.approx((best + row.interval[0], best + row.interval[1]))
        assert low < row.entry.loss < high
    ax = figs["tuned_ranking"].axes[0]
    assert rows[0].entry.loss in [line.get_xdata()[0] for line in ax.lines if len(set(line.get_xdata())) == 1]
    assert "95% simultaneous intervals of the differences to the best" in caption(figs["tuned_ranking"])


def test_tuned_figures_of_one_seed_claim_no_ranking_and_have_no_intervals(tmp_path):
    comparison = replace(build(tmp_path, ["wsd", "cosine"], peak_lrs=(0.02, 0.04, 0.08)), tuned=True)
    fig = drawn(tuned_figure.tuned_ranking_page, comparison)
    assert title(fig).startswith("One seed, so no ranking is claimed: ")
    assert not interval_bars(fig) and "interval" not in caption(fig)
    assert title(drawn(peak_lr_page, comparison)).startswith("One seed")


def test_wide_intervals_leave_the_losses_their_room(tuned):
    comparison, figs = tuned
    low, high = figs["tuned_ranking"].axes[0].get_xlim()
    losses = [row.entry.loss for row in comparison.judged[STEPS].rows]
    losses += [tuned.common.entry.loss for tuned in comparison.tuned_entries.values()]
    assert low < min(losses) and max(losses) < high
    assert high - low < 2 * (max(losses) - min(losses))


def test_ticks_of_the_peak_lr_are_where_their_labels_say_and_apart(tmp_path):
    how = dict(peak_lrs=(0.02, 0.0283, 0.04, 0.0566, 0.08))  # as --refine leaves them
    comparison = replace(build(tmp_path, split_specs("all")[:17], **how), tuned=True)
    fig = drawn(peak_lr_page, comparison)
    labels = {tick.get_loc(): tick.label1.get_text() for tick in fig.axes[0].xaxis.get_major_ticks()}
    assert 1 < len(labels) <= 4
    assert all(float(label) == pytest.approx(peak, rel=0.05) for peak, label in labels.items())
    nothing_lies_on_another("peak_lr", fig)


@pytest.mark.parametrize("name", ["peak_lr", "tuned_ranking"])
def test_no_text_of_tuned_figures_lies_on_another(tuned, name):
    nothing_lies_on_another(name, tuned[1][name])


# -- forecast


@pytest.mark.parametrize("left_open", [False, True])
def test_forecast_has_a_diamond_a_bar_and_a_ring_for_each_schedule(tmp_path, monkeypatch, left_open):
    labels, losses = [LONG, "wsd", "rex", "cosine", "my"], [2.2, 2.1, 2.3, 2.4, math.nan]
    predictions = [math.nan] * 5 if left_open else [2.1, 2.11, 2.12, 2.13, 2.14]
    rows = [
        ForecastRow(label, 300, 1e-3, label == "wsd", predicted, predicted - 0.1, predicted + 0.1, loss)
        for label, predicted, loss in zip(labels, predictions, losses)
    ]
    figs, save = {}, page.save
    monkeypatch.setattr(page, "save", lambda fig, path: figs.update({path.stem: fig}) or save(fig, path))
    measured = SimpleNamespace(what="validation loss", seeds=3, peak_lr=1e-3)
    assert draw_forecast(tmp_path, rows, measured) == tmp_path / "figures" / "forecast.png"
    (fig,) = figs.values()
    lines, cells = fig.axes[0].lines, [text.get_text() for text in fig.axes[0].texts]
    diamonds = [line.get_xdata()[0] for line in lines if line.get_marker() == "D"]
    assert diamonds == pytest.approx(predictions, nan_ok=True)
    assert [line.get_xdata()[0] for line in lines if line.get_marker() == "o"] == losses[:4]
    assert cells[2] == ("left open" if left_open else "2.1200") + ", measured 2.3000"
    assert cells[4] == ("left open" if left_open else "2.1400")
    assert ("Left open" in caption(fig)) == left_open
    assert ("leave these schedules open" if left_open else "+1.00, mean error 0.183") in title(fig)
    assert "nats per token" in all_words(fig)
    nothing_lies_on_another("forecast", fig)


# -- words


def test_one_seed_claims_no_ranking(draw):
    figs, rows, _ = draw(["cosine", "wsd", "constant"])
    assert "no ranking is claimed" in caption(figs["ranking"])
    for name in ("training_loss", "difference", "ranking"):
        assert title(figs[name]).startswith("One seed, so no ranking is claimed: "), name
    ends = [f"{row.entry.loss:.4f} ({row.entry.scheduler})" for row in (rows[0], rows[-1])]
    assert title(figs["ranking"]).endswith(f"validation losses end between {ends[0]} and {ends[1]}")
    for fig in figs.values():
        assert not {"best", "better", "wins", "beats"} & set(all_words(fig).split())
        assert not {"lowest", "first"} & set(title(fig).replace(",", "").split())


def test_several_seeds_give_the_answer_of_the_sentences(tmp_path):
    comparison = build(tmp_path, ["cosine", "wsd", "constant"], seeds=(0, 1, 2))
    fig = drawn(ranking_page, comparison)
    assert title(fig) == answer(comparison.rankings[STEPS].verdicts)
    assert "no ranking" not in caption(fig) and "95% simultaneous intervals" in caption(fig)


@pytest.mark.parametrize("baseline", [None, "cosine @ 5e-2"])
def test_the_ranking_decides_as_the_verdicts_do(tmp_path, baseline):
    """A bar leaves out the vertical line if and only if the difference is significant."""
    comparison = build(tmp_path, ["cosine", "wsd", "linear", ("constant", 1e-5)], seeds=range(5))
    comparison = replace(comparison, baseline=baseline)
    ranking = comparison.rankings[STEPS]
    fig = drawn(ranking_page, comparison)
    others = [row for row in ranking.rows if row is not ranking.reference]
    assert ranking.reference.standing.name == (baseline or ranking.best.standing.name)
    line = ranking.reference.entry.loss
    upright = [set(found.get_xdata()) for found in fig.axes[0].lines if len(set(found.get_ydata())) > 1]
    assert upright == [{line}]
    for row, (low, high) in zip(others, interval_bars(fig), strict=True):
        assert (low > line or high < line) == row.standing.significant
    assert {row.standing.significant for row in others} == {True, False}


def test_equal_schedules_share_the_title(draw):
    fig = draw(["cosine:final_lr_ratio=0.1", "cosine"], seeds=(0, 1))[0]["ranking"]
    assert title(fig) == "cosine and cosine:final_lr_ratio=0.1 are identical in every seed"


def test_wall_clock_title_says_whether_ranges_overlap():
    assert "machine noise" in time_title({"a": (1, 2, 3), "b": (2.5, 2.6, 4)})
    words = time_title({"a": (1, 2, 3), "b": (3.5, 3.6, 4)})
    assert "ranges of a and b don't overlap" in words and "noise" not in words and "80% apart" in words
    assert "2.0 to 3.6 ms per step" in words


def test_labels_fold_at_commas_and_keep_their_ends():
    assert fold("wsd:cooldown=0.4,shape=sqrt", 40) == "wsd:cooldown=0.4,shape=sqrt"
    assert fold("wsd:cooldown=0.4,shape=sqrt", 18) == "wsd:cooldown=0.4,\nshape=sqrt"
    assert all(len(line) <= 20 for line in fold(LONG, 20).split("\n"))
    assert shorten(LONG, 20) == LONG[:9] + "…" + LONG[-9:]
    assert [format_lr(lr) for lr in (6e-4, 0.00012, 1e-3, 0.05, 0.0)] == [
        "6e-4",
        "1.2e-4",
        "1e-3",
        "5e-2",
        "0",
    ]


# -- colours


def test_a_schedule_has_one_colour_in_all_figures_and_comparisons(draw):
    for figs, rows, _ in (draw(**CASES["two"]), draw(**CASES["all"])):
        labels = [row.entry.scheduler for row in rows]
        for name in PANELS:
            assert [own_colours(ax) for ax in figs[name].axes] == [{colour_of(label)} for label in labels]
        for name in ("wall_clock", "ranking"):
            dots = [
                to_hex(line.get_color()).upper()
                for line in figs[name].axes[0].lines
                if line.get_marker() == "o"
            ]
            assert dots == [colour_of(label) for label in labels]


def test_every_built_in_has_its_familys_colour_and_users_a_steady_one():
    own = {name for name in list_schedules() if REGISTRY[name].__module__.startswith("schedulers.")}
    assert own == set(BUILT_IN)
    assert (
        colour_of("wsd:cooldown=0.4,shape=sqrt") == colour_of("warmup_stable_decay") == colour_of("trapezoid")
    )
    assert colour_of("mine:sharpness=2") == colour_of("mine") == "#999933"  # for ever
    assert colour_of("mine") not in BUILT_IN.values()


def legend(fig):
    """family -> the colours of its dots, from left to right and from top to bottom."""
    dots = sorted(fig.artists, key=lambda dot: (-dot.get_ydata()[0], dot.get_xdata()[0]))
    words = [text for text in fig.texts if text.get_text() in (*FAMILIES, OWN)]
    found = {text.get_text(): [] for text in words}
    for dot in dots:
        x, y = dot.get_xdata()[0], dot.get_ydata()[0]
        after = [text for text in words if text.get_position()[1] == y and text.get_position()[0] > x]
        name = min(after, key=lambda text: text.get_position()[0]).get_text()
        found[name].append(to_hex(dot.get_color()).upper())
    return found


def test_a_legend_names_the_families_that_there_are_the_same_in_all_figures(draw):
    figs, _, _ = draw(**CASES["25, diverged, failed and long"])
    for name in NAMES:
        assert legend(figs[name]) == {family: [colour] for family, (colour, _) in FAMILIES.items()}, name
    for name, fig in draw(["cosine", "wsd", "cosine_restarts"])[0].items():
        families = ["stable, cooldown"] if name == "difference" else ["cosine", "stable, cooldown"]
        families += ["cosine"] * (name == "difference")  # cosine_restarts
        assert legend(fig) == {family: [FAMILIES[family][0]] for family in families}, name
    for fig in draw(["cosine", "cosine:final_lr_ratio=0.5"])[0].values():
        assert legend(fig) == {}  # one family needs none


def test_schedules_of_the_users_own_have_their_colours_in_the_legend():
    labels = ["mine", "wsd:cooldown=0.4", "mine:sharpness=2", "other"]
    assert families_of(labels) == {
        "stable, cooldown": [colour_of("wsd")],
        OWN: [colour_of("mine"), colour_of("other")],
    }
    rows = page.legend_rows([*BUILT_IN, *(f"mine{i}" for i in range(40))])
    assert len(rows) == 2 and rows[1][0][2] == rows[0][0][2]  # a row that is full goes on in the next
    ends = [x + len(colours) * page.DOT + page.width_of(family) for row in rows for family, colours, x in row]
    assert max(ends) < page.WIDTH


@pytest.mark.parametrize("text", ["bound_optimal", "60 of 60", "iiii", "WWWW @ 2e-3", "two\nlines of it"])
def test_the_width_of_a_text_is_what_it_is_drawn_with(text):
    def page_with():
        fig, _, _ = page.new_page(1, "title", "caption")
        fig.text(0.1, 0.5, text, size=page.TEXT)
        return fig

    box = drawn(page_with).texts[-1].get_window_extent()
    assert page.width_of(text) == pytest.approx(box.width / page.DPI, abs=0.04)


# -- the regime


@pytest.mark.parametrize("case", ["one", "three peak lrs", "all diverged"])
def test_every_caption_has_the_regime(draw, case):
    figs, rows, _ = draw(**CASES[case])
    setting, seeds = rows[0].entry.setting, len(rows[0].entry.results)
    seed = "seed 0" if seeds == 1 else f"seeds {', '.join(map(str, range(seeds)))}"
    several = "peak lrs 2e-2 to 8e-2"
    peak = several if case == "three peak lrs" else f"peak lr {format_lr(setting.peak_lr)}"
    place = "how near its optimum is not known"
    if case == "three peak lrs":
        best = rows[0].entry.setting.peak_lr
        edge = {0.02: ", the lowest tried", 0.08: ", the highest tried"}.get(best, "")
        place = f"the lowest loss at {format_lr(best)}{edge}"
    # the comparison's 768 tokens per step over 8 parameters
    tokens = "60 steps of 768 tokens (5,760 tokens per parameter)"
    regime = f"regression, 8 parameters, {tokens}, {peak} ({place}), {seed}."
    for name, fig in figs.items():
        assert caption(fig).endswith(regime), name


def test_the_regime_of_tuned_figures_and_the_plan(tuned):
    comparison, figs = tuned
    for name in ("plan", "peak_lr", "tuned_ranking"):
        said = caption(figs[name])
        assert "peak lrs 2e-2 to 8e-2 (the lowest loss at " in said, name
        assert said.endswith(f"), {seed_words(comparison.seeds)}, which chose the peak lrs too."), name


def test_numbers_of_the_regime_in_words():
    assert [amount(number) for number in (0.0321, 1.54, 20, 1500)] == ["0.032", "1.5", "20", "1,500"]
    assert [seed_words(seeds) for seeds in ([3], [0, 1, 2], [0, 1, 3, 4], [2, 3, 4, 5])] == [
        "seed 3",
        "seeds 0, 1, 2",
        "seeds 0, 1, 3, 4",
        "seeds 2 to 5",
    ]
    settings = [Setting("wsd", peak, steps) for peak in (1e-3, 2e-3) for steps in (1, 1000)]
    compared = SimpleNamespace(settings=settings, config=Config())
    words = "1 and 1,000 steps of 768 tokens (0.5 and 500 tokens per parameter)"
    assert steps_words(compared, 2 * 768) == words
    assert planned_words(settings) == "1 and 1,000 steps, peak lrs 1e-3 and 2e-3."
    assert planned_words(settings[:1]) == "1 step, peak lr 1e-3."


# -- files


@pytest.mark.parametrize("case", CASES)
def test_files_are_small_pngs_with_every_schedules_very_colour(draw, case):
    _, rows, out = draw(**CASES[case])
    assert sorted(os.listdir(out / "figures")) == sorted(
        f"{name}.png" for name in names_for(rows)
    )  # nothing temporary is left
    for name in NAMES:
        path = out / "figures" / f"{name}.png"
        assert path.stat().st_size < 600_000
        with Image.open(path) as image:
            assert image.format == "PNG" and image.width == 1140
            found = [
                "#{:02X}{:02X}{:02X}".format(*colour)
                for _, colour in sorted(image.convert("RGB").getcolors(maxcolors=2**20), reverse=True)
            ]
        assert found[0] == "#FFFFFF"
        assert {colour_of(row.entry.scheduler) for row in rows if row.entry.completed} <= set(found)


def test_the_users_matplotlib_settings_change_nothing_and_are_kept(tmp_path):
    comparison = build(tmp_path, ["cosine"])
    before = [path.read_bytes() for path in draw_figures(comparison, tmp_path)]
    with matplotlib.rc_context({"font.size": 30, "axes.grid": True, "lines.linewidth": 9}):
        after = [path.read_bytes() for path in draw_figures(comparison, tmp_path)]
        assert matplotlib.rcParams["font.size"] == 30
    assert after == before


def test_nothing_to_draw_where_every_run_failed(tmp_path):
    assert draw_figures(build(tmp_path, ["cosine"], fail=("cosine",)), tmp_path) == []
    assert not (tmp_path / "figures").exists()


def test_files_have_the_names_that_the_list_gives_them_whatever_draws_them(tmp_path, monkeypatch):
    comparison = build(tmp_path, ["cosine"])
    wrapped = tuple(
        replace(figure, name=f"my_{figure.name}", page=lambda c, page=figure.page: page(c))
        for figure in FIGURES
    )
    monkeypatch.setattr(draw_module, "FIGURES", wrapped)
    paths = draw_figures(comparison, tmp_path)
    assert paths == [tmp_path / "figures" / f"my_{name}.png" for name in NAMES]
    assert all(path.stat().st_size > 1000 for path in paths)


def test_drawing_reads_no_file_and_each_curve_is_parsed_once(tmp_path, monkeypatch):
    comparison = build(tmp_path / "store", ["cosine", "wsd"], seeds=(0, 1), peak_lrs=(0.02, 0.05))
    shutil.rmtree(tmp_path / "store")
    parsed, parse = [], run_files.parse_curve
    monkeypatch.setattr(run_files, "parse_curve", lambda text: parsed.append(text) or parse(text))
    tuned = replace(comparison, tuned=True)
    assert len(draw_figures(tuned, tmp_path)) == 8
    assert sorted(parsed) == sorted(result.run.curve_csv for result in comparison.results)


def test_matplotlib_is_not_imported_with_the_module():
    """It is slow to import, and --help has to be quick."""
    code = (
        "import sys, analysis.figures.draw, analysis.figures.forecast; assert 'matplotlib' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=60)
