"""Comparisons whose losses follow a known loss law, in memory and as the files that compare.py writes."""

import json
from dataclasses import asdict

import numpy as np
from helpers_laws import POWER, lrs_of
from helpers_results import comparison_of, finished_run, history_of

from analysis.comparison import Comparison, Result, Setting
from analysis.tables import write_curves, write_runs
from nanosched.config import Config


def law_comparison(specs, peaks=(8e-3,), steps=200, law=POWER) -> Comparison:
    """Two seeds of each schedule whose losses are the law's, those of the second 0.01 higher."""
    results = (
        law_result(law, spec, peak, steps, seed) for spec in specs for peak in peaks for seed in (0, 1)
    )
    return comparison_of(results, config=Config(peak_lr=8e-3, warmup_steps=30, steps=steps, eval_interval=8))


def law_result(law, spec, peak_lr, steps, seed) -> Result:
    lrs = lrs_of("constant" if spec == "plateau" else spec, steps, peak_lr)
    losses = law.predict(lrs, np.arange(steps)) + seed / 100
    val_losses = np.where(np.arange(steps) % 8 == 7, losses, np.nan)
    history = history_of(steps, loss=losses, lr=lrs, val_loss=val_losses)
    run = finished_run(history, final_val_loss=losses[-1])
    return Result(Setting(spec, peak_lr, steps), seed, f"{spec}@{peak_lr:g}-{seed}", run, peak_flops=1e6)


def write_law_comparison(folder, *args, **kwargs):
    """runs.csv, curves.csv and manifest.json of `law_comparison`."""
    comparison = law_comparison(*args, **kwargs)
    folder.mkdir(exist_ok=True)
    write_runs(comparison, folder)
    write_curves(comparison, folder)
    (folder / "manifest.json").write_text(json.dumps(dict(config=asdict(comparison.config))))
