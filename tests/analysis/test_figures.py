"""The figures, drawn from real descents: a small linear regression by gradient descent with every real schedule."""

import itertools
import os
import subprocess
import sys
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_hex
from PIL import Image

from analysis.figures import draw as figures
from analysis.figures.colours import BUILT_IN, colour_of
from analysis.figures.dots import fence
from analysis.figures.page import fold, shorten, spell_lr
from analysis.tables import run_rows, write_tables
from nanosched.history import History
from nanosched.run_files import write_run
from schedulers import get_schedule, list_schedules, split_specs
from schedulers.core.registry import REGISTRY
from sweep.plan import Run

ROOT = Path(__file__).parents[2]
NAMES = ["training_loss", "lr_schedules", "grad_norm", "wall_clock", "ranking"]
PANELS = NAMES[:3]
STEPS, WARMUP = 60, 6
CONFIG = dict(grad_clip=1000.0, warmup_steps=WARMUP, dtype="float32")
LONG = (
    "wsd:cooldown=0.4000000000000001,shape=sqrt,final_lr_ratio=0.0100000000001,warmup_start=0.00000000000001"
)


def descend(lrs, seed):
    """(history, validation loss) of a noisy linear regression; it overflows where the lr is too high."""
    rng = np.random.default_rng(seed)
    target, w, history = rng.normal(size=8), np.zeros(8), History()
    for lr in lrs:
        x = rng.normal(size=(16, 8))
        error = x @ (w - target) + rng.normal(size=16)
        gradient = 2 * x.T @ error / 16
        history.loss.append(np.mean(error**2))
        history.lr.append(float(lr))
        history.grad_norm.append(np.linalg.norm(gradient))
        history.step_s.append(1e-3 * rng.uniform(1, 2))
        if not np.isfinite(np.float32(history.loss[-1])):
            return history, None
        w = w - lr * gradient
    x = np.random.default_rng(99).normal(size=(256, 8))
    return history, float(np.mean((x @ (w - target)) ** 2) + 1)


def build(out, specs, seeds=(0,), peak_lr=0.05, peak_lrs=(), fail=(), diverge=()):
    """A store with a run of each; returns (rows, summary), as compare.py makes them.

    Args:
        specs: schedules as text, or (text, its peak lr).
        fail: schedules whose runs raised.
        diverge: (schedule, seed) of runs that get a hundred times the lr.
    """
    runs, errors = [], {}
    for seed, lr, spec in itertools.product(seeds, peak_lrs or [peak_lr], specs):
        label, lr = spec if isinstance(spec, tuple) else (spec, lr)
        schedule = get_schedule(label, steps=STEPS, peak_lr=lr, warmup_steps=WARMUP)
        runs.append(run := Run(label, schedule, seed, f"{len(runs):016x}"))
        if label in fail:
            errors[run.id] = "RuntimeError: out of memory"
        else:
            keep_run(out / "runs" / run.id, schedule.lrs() * (100 if (label, seed) in diverge else 1), seed)
    rows = run_rows(out, runs, errors)
    return rows, write_tables(out, rows)


def keep_run(folder, lrs, seed):
    with np.errstate(over="ignore"):
        history, loss = descend(lrs, seed)
        curve = history.to_csv()
    facts = dict(
        status="diverged" if loss is None else "complete",
        steps=STEPS,
        tokens=16 * len(history.loss),
        final_val_loss=loss,
        parameters=8,
        flops_per_token=48,
        peak_flops=1e9,
        device="a CPU",
        dataset="regression",
        data_fingerprint="0",
        torch_version="-",
        code_version="-",
        config=CONFIG,
        trained_from=0,
        run_id=folder.name,
        steps_taken=len(history.loss),
    )
    write_run(folder, facts, curve)


@pytest.fixture(scope="module")
def draw(tmp_path_factory):
    """draw(specs, ...) -> (the Figures by name, in the order they are saved; the summary; the folder)."""
    known, save = {}, figures.save

    def drawn(specs, **how):
        key = repr((specs, how, CONFIG, figures.MOST_PANELS))
        if key not in known:
            out, figs = tmp_path_factory.mktemp("out"), {}
            rows, summary = build(out, specs, **how)
            with pytest.MonkeyPatch.context() as patch:
                patch.setitem(sys.modules, "matplotlib.pyplot", None)  # it would look for a window system
                patch.setattr(
                    figures, "save", lambda fig, path: figs.update({path.stem: fig}) or save(fig, path)
                )
                assert figures.draw_figures(out, rows, summary) == [
                    out / "figures" / f"{name}.png" for name in NAMES
                ]
            known[key] = figs, summary, out
        return known[key]

    return drawn


def texts(fig):
    """Every text that is seen."""
    found = list(fig.texts)
    for ax in fig.axes:
        found += [ax._left_title, ax.xaxis.label, ax.yaxis.label, *ax.texts]
        for axis, (low, high) in ((ax.xaxis, ax.get_xlim()), (ax.yaxis, sorted(ax.get_ylim()))):
            found += [
                tick.label1
                for tick in axis.get_major_ticks()
                if low <= tick.get_loc() <= high and tick.label1.get_visible()
            ]
    return [text for text in found if text.get_text().strip()]


def all_words(fig):
    return "\n".join(text.get_text() for text in texts(fig)).replace("\n", " ")


def title(fig):
    return fig.texts[0].get_text().replace("\n", " ")


def caption(fig):
    return fig.texts[1].get_text().replace("\n", " ")


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


def apart(a, b):
    return a.x1 <= b.x0 or b.x1 <= a.x0 or a.y1 <= b.y0 + 1 or b.y1 <= a.y0 + 1


@pytest.mark.parametrize("case", CASES)
def test_no_text_is_cut_small_or_on_another(draw, case):
    for name, fig in draw(**CASES[case])[0].items():
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
    figs, summary, _ = draw(**CASES[case])
    assert list(figs) == NAMES
    labels = [line["scheduler"] for line in summary]
    for name in PANELS:
        unfolded = [head.replace("\n", "") for head in heads(figs[name])]
        assert len(unfolded) == len(labels)
        assert all(head.startswith(label) or "…" in head for head, label in zip(unfolded, labels))
    for name in ("wall_clock", "ranking"):
        rows = [label.get_text().replace("\n", "") for label in figs[name].axes[0].get_yticklabels()]
        assert len(rows) == len(labels)
        assert all(row.startswith(label) or "…" in row for row, label in zip(rows, labels))


def test_height_grows_with_the_schedules(draw):
    few, many = draw(["cosine", "wsd"])[0], draw(**CASES["all"])[0]
    for name in NAMES:
        assert 1 < few[name].get_figheight() < 5
        assert few[name].get_figheight() < many[name].get_figheight() < 12
        assert few[name].get_figwidth() == many[name].get_figwidth()


def test_several_peak_lrs_are_named(draw):
    figs, _, _ = draw(**CASES["three peak lrs"])
    assert {"wsd @ 2e-2", "wsd @ 8e-2"} <= {head.split("\n")[0] for head in heads(figs["training_loss"])}
    assert "@" not in all_words(draw(["cosine", "wsd"])[0]["ranking"])


def test_many_peak_lrs_leave_each_schedule_the_panel_of_its_lowest(draw, monkeypatch):
    monkeypatch.setattr(figures, "MOST_PANELS", 5)
    figs, summary, _ = draw(["wsd", "cosine"], peak_lrs=(0.01, 0.02, 0.04))
    lowest = list({line["scheduler"]: line for line in reversed(summary)}.values())
    assert {head.split("\n")[0] for head in heads(figs["training_loss"])} == {
        f"{line['scheduler']} @ {spell_lr(line['peak_lr'])}" for line in lowest
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
    figs, summary, _ = draw(["cosine", "wsd"])
    for ax, line in zip(figs["lr_schedules"].axes, summary):
        schedule = get_schedule(line["scheduler"], STEPS, 0.05, warmup_steps=WARMUP)
        assert np.array_equal(ax.lines[-1].get_ydata(), schedule.lrs())
    for head, line in zip(heads(figs["training_loss"]), summary):
        assert head == f"{line['scheduler']}\n{line['final_val_loss']:.4f}"


def test_clipping_threshold_is_drawn_where_it_is_in_range(draw, monkeypatch):
    def dashed(fig):
        return [
            line.get_ydata()[0]
            for ax in fig.axes
            for line in ax.lines
            if line.get_linestyle() == "--" and len(line.get_xdata()) == 2
        ]

    assert dashed(draw(["cosine", "wsd"])[0]["grad_norm"]) == []
    monkeypatch.setitem(CONFIG, "grad_clip", 2.0)
    assert dashed(draw(["cosine", "wsd"])[0]["grad_norm"]) == [2.0, 2.0]
    monkeypatch.setitem(CONFIG, "grad_clip", 0.0)
    assert "clip" not in all_words(draw(["cosine", "wsd"])[0]["grad_norm"]).replace("before clipping", "")


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
    figs, summary, _ = draw(["cosine", "wsd", "linear"], diverge=[("wsd", 1)], seeds=(0, 1, 2))
    assert summary[-1]["scheduler"] == "wsd"
    words = f"{summary[-1]['final_val_loss']:.4f}, 1 of 3 diverged"
    assert heads(figs["training_loss"])[-1] == f"wsd\n{words}"
    assert words in [text.get_text() for text in figs["ranking"].axes[0].texts]
    assert "of those that lost no seed" in title(figs["ranking"])


def test_far_losses_are_numbers_at_the_edge(draw):
    figs, summary, _ = draw(["cosine", "wsd", "linear", ("constant", 1e-6)])
    far, ax = summary[-1]["final_val_loss"], figs["ranking"].axes[0]
    assert far > ax.get_xlim()[1] > summary[2]["final_val_loss"]
    assert [line.get_xdata()[0] for line in ax.lines if line.get_marker() == ">"] == [ax.get_xlim()[1]]
    assert f"{far:.3f}" in [text.get_text() for text in ax.texts]


def test_fence_keeps_two_losses_together():
    assert fence(np.array([2.3, 3.9])) > 3.9
    assert 2.35 < fence(np.array([2.3, 2.3001, 2.35])) < 5
    assert 2.4 < fence(np.array([2.3, 2.32, 2.35, 2.4, 7.0])) < 7


def test_ranking_has_a_dot_a_seed_and_a_line_at_the_lowest_mean(draw):
    figs, summary, _ = draw(["cosine", "wsd", "constant"], seeds=(0, 1, 2))
    ax = figs["ranking"].axes[0]
    dots = [line for line in ax.lines if line.get_marker() == "o"]
    assert [len(line.get_xdata()) for line in dots] == [3, 3, 3]
    means = [line.get_xdata()[0] for line in ax.lines if line.get_marker() == "|"]
    assert np.allclose(means, [line["final_val_loss"] for line in summary])
    assert ax.lines[0].get_xdata()[0] == summary[0]["final_val_loss"]


# -- words


def test_one_seed_claims_no_ranking(draw):
    figs, summary, _ = draw(["cosine", "wsd", "constant"])
    assert "no ranking is claimed" in caption(figs["ranking"])
    assert title(figs["ranking"]).startswith(f"{summary[0]['scheduler']} ends at the lowest")
    for fig in figs.values():
        assert not {"best", "better", "wins", "beats"} & set(all_words(fig).split())


def test_several_seeds_say_in_how_many_the_lowest_is_lower(tmp_path, draw):
    fig = draw(["cosine", "wsd", "constant"], seeds=(0, 1, 2))[0]["ranking"]
    rows, summary = build(tmp_path, ["cosine", "wsd", "constant"], seeds=(0, 1, 2))
    first, second = summary[0]["scheduler"], summary[1]["scheduler"]
    losses = {(row["scheduler"], row["seed"]): row["final_val_loss"] for row in rows}
    below = sum(losses[first, seed] < losses[second, seed] for seed in (0, 1, 2))
    assert title(fig).startswith(
        f"{first} has the lowest mean validation loss, {summary[0]['final_val_loss']:.4f}"
    )
    assert title(fig).endswith(f"below {second}, the next, in {below} of 3 seeds")
    assert "no ranking" not in caption(fig)


def test_equal_schedules_share_the_title(draw):
    fig = draw(["cosine:final_lr_ratio=0.1", "cosine"], seeds=(0, 1))[0]["ranking"]
    assert title(fig).startswith("cosine and cosine:final_lr_ratio=0.1 end at the lowest")


def test_wall_clock_title_says_whether_ranges_overlap():
    from analysis.figures.dots import time_title

    assert "machine noise" in time_title({"a": (1, 2, 3), "b": (2.5, 2.6, 4)})
    apart = time_title({"a": (1, 2, 3), "b": (3.5, 3.6, 4)})
    assert "ranges of a and b don't overlap" in apart and "noise" not in apart and "80% apart" in apart


def test_labels_fold_at_commas_and_keep_their_ends():
    assert fold("wsd:cooldown=0.4,shape=sqrt", 40) == "wsd:cooldown=0.4,shape=sqrt"
    assert fold("wsd:cooldown=0.4,shape=sqrt", 18) == "wsd:cooldown=0.4,\nshape=sqrt"
    assert all(len(line) <= 20 for line in fold(LONG, 20).split("\n"))
    assert shorten(LONG, 20) == LONG[:9] + "…" + LONG[-9:]
    assert [spell_lr(lr) for lr in (6e-4, 0.00012, 1e-3, 0.05, 0.0)] == [
        "6e-4",
        "1.2e-4",
        "1e-3",
        "5e-2",
        "0",
    ]


# -- colours


def test_a_schedule_has_one_colour_in_all_figures_and_comparisons(draw):
    for figs, summary, _ in (draw(**CASES["two"]), draw(**CASES["all"])):
        labels = [line["scheduler"] for line in summary]
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


# -- files


@pytest.mark.parametrize("case", CASES)
def test_files_are_small_pngs_with_every_schedules_very_colour(draw, case):
    _, summary, out = draw(**CASES[case])
    assert sorted(os.listdir(out / "figures")) == sorted(
        f"{name}.png" for name in NAMES
    )  # nothing temporary is left
    for name in NAMES:
        path = out / "figures" / f"{name}.png"
        assert path.stat().st_size < 600_000
        with Image.open(path) as image:
            assert image.format == "PNG" and image.width == 1140
            found = [
                "#%02X%02X%02X" % colour
                for _, colour in sorted(image.convert("RGB").getcolors(maxcolors=2**20), reverse=True)
            ]
        assert found[0] == "#FFFFFF"
        assert {
            colour_of(line["scheduler"])
            for line in summary
            if line["seeds"] > line["failed"] + line["diverged"]
        } <= set(found)


def test_the_users_matplotlib_settings_change_nothing_and_are_kept(tmp_path):
    rows, summary = build(tmp_path, ["cosine"])
    before = [path.read_bytes() for path in figures.draw_figures(tmp_path, rows, summary)]
    with matplotlib.rc_context({"font.size": 30, "axes.grid": True, "lines.linewidth": 9}):
        after = [path.read_bytes() for path in figures.draw_figures(tmp_path, rows, summary)]
        assert matplotlib.rcParams["font.size"] == 30
    assert after == before


def test_nothing_to_draw_where_every_run_failed(tmp_path):
    rows, summary = build(tmp_path, ["cosine"], fail=("cosine",))
    assert figures.draw_figures(tmp_path, rows, summary) == []
    assert not (tmp_path / "figures").exists()


def test_matplotlib_is_not_imported_with_the_module():
    """It is slow to import, and --help has to be quick."""
    code = (
        "import sys, analysis.figures, analysis.panels, analysis.dots; assert 'matplotlib' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=60)
