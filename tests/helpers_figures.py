"""Comparisons of real descents for the tests of figures and report, and what a figure's texts say."""

import itertools
from dataclasses import asdict
from types import SimpleNamespace

import numpy as np
from matplotlib import style

from analysis.comparison import Comparison, read_results
from analysis.figures import draw
from analysis.figures.page import STYLE
from nanosched.config import Config
from nanosched.history import History
from nanosched.run_files import RunRecord, Status, write_run
from schedulers import get_schedule
from sweep.plan import Run
from sweep.store import Store

STEPS, WARMUP = 60, 6
LONG = (
    "wsd:cooldown=0.4000000000000001,shape=sqrt,final_lr_ratio=0.0100000000001,warmup_start=0.00000000000001"
)
DATASET = SimpleNamespace(
    name="regression", tokenizer="char", vocab_size=8, fingerprint="f00", train=range(900), val=range(100)
)


def build(out, specs, seeds=(0,), peak_lr=0.05, peak_lrs=(), fail=(), diverge=(), grad_clip=1000.0):
    """A Comparison read from a store in `out` with a run of each schedule, peak lr and seed.

    Args:
        specs: schedules as text, or (text, its peak lr).
        fail: schedules whose runs raised.
        diverge: (schedule, seed) of runs that get a hundred times the lr.
    """
    machine = dict(device="cpu", dtype="float32", compile="false")
    config = Config(steps=STEPS, warmup_steps=WARMUP, peak_lr=peak_lr, grad_clip=grad_clip, **machine)
    store, runs, errors = Store(out), [], {}
    for seed, lr, spec in itertools.product(seeds, peak_lrs or [peak_lr], specs):
        label, lr = spec if isinstance(spec, tuple) else (spec, lr)
        schedule = get_schedule(label, steps=STEPS, peak_lr=lr, warmup_steps=WARMUP)
        runs.append(run := Run(label, schedule, seed, f"{len(runs):016x}"))
        if label in fail:
            errors[run.id] = "RuntimeError: out of memory"
        else:
            keep_run(store, run, schedule.lrs() * (100 if (label, seed) in diverge else 1), config)
    return Comparison(
        results=read_results(store, runs, errors),
        requested=tuple(runs),
        config=config,
        dataset=DATASET,
        command="python compare.py",
    )


def keep_run(store, run, lrs, config):
    with np.errstate(over="ignore"):
        history, loss = descend(lrs, run.seed)
        curve_csv = history.to_csv()
    record = RunRecord(
        run_id=run.id,
        status=(Status.DIVERGED if loss is None else Status.COMPLETE).value,
        final_val_loss=loss,
        schedule=run.label,
        seed=run.seed,
        peak_lr=run.schedule.peak_lr,
        steps=STEPS,
        steps_taken=len(history.loss),
        trained_from=0,
        tokens=16 * len(history.loss),
        parameters=8,
        flops_per_token=48,
        peak_flops=1e9,
        device="a CPU",
        dataset="regression",
        data_fingerprint="0",
        torch_version="-",
        code_version="-",
        config=asdict(config),
    )
    write_run(store.folder(run.id), record, curve_csv)


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


# -- what a figure says, and where


def drawn(page, *args):
    """The Figure of page(*args), laid out as when it is saved."""
    with style.context(STYLE, after_reset=True):
        fig = page(*args)
        fig.draw_without_rendering()
    return fig


def texts(fig):
    """Every text that is seen."""
    shown = list(fig.texts)
    for ax in fig.axes:
        shown += [ax._left_title, ax.xaxis.label, ax.yaxis.label, *ax.texts]
        for axis, (low, high) in ((ax.xaxis, ax.get_xlim()), (ax.yaxis, sorted(ax.get_ylim()))):
            if not axis.get_visible():
                continue
            shown += [
                tick.label1
                for tick in axis.get_major_ticks()
                if low <= tick.get_loc() <= high and tick.label1.get_visible()
            ]
    return [text for text in shown if text.get_text().strip()]


def title(fig):
    return fig.texts[0].get_text().replace("\n", " ")


def caption(fig):
    return fig.texts[1].get_text().replace("\n", " ")


def apart(a, b):
    """Whether two boxes don't overlap."""
    return a.x1 <= b.x0 or b.x1 <= a.x0 or a.y1 <= b.y0 + 1 or b.y1 <= a.y0 + 1


def draw_figures(comparison, out):
    """All figures that there is something to draw for, as a comparison writes them."""
    return [path for figure in draw.FIGURES for path in draw.draw_figure(figure, comparison, out)]
