"""Differences between schedules of 124M runs at 50,000 steps, predicted from small models alone.

    python -m studies.transfer.predict

The rule is the protocol's: the mean difference over the regimes of enough steps, each weighted by the inverse
of its variance; the linear cooldowns on a parabola in the logarithm of their length.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from nanosched.command import fail
from nanosched.csv_files import write_csv
from studies.transfer.agreement import differences, judge
from studies.transfer.by_peak_runs import COSINE, SETTINGS, WSD, Setting
from studies.transfer.small_runs import RUNS, Grid, Regime, read_runs

TOKENS, ENOUGH_STEPS = (20, 41), 1_900  # tokens per parameter; steps of a run
COLUMNS = "schedule cooldown_fraction cooldown_shape final_lr_ratio predicted_difference".split()
Table = dict[Setting, np.ndarray]  # differences to cosine to zero, float64 (seeds,)


def main():
    parser = argparse.ArgumentParser(
        prog="python -m studies.transfer.predict",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--runs", type=Path, default=RUNS, metavar="FILE")
    parser.add_argument("--out", type=Path, default=RUNS.parent / "predictions.csv", metavar="FILE")
    args = parser.parse_args()
    try:
        predicted = predict(read_runs(args.runs))
        write_csv(args.out, COLUMNS, (row_of(setting, predicted[setting]) for setting in SETTINGS))
    except (OSError, ValueError) as e:
        fail(e)
    print(args.out)


def predict(grids: dict[Regime, Grid]) -> dict[Setting, float]:
    """Setting -> difference to cosine to zero, each at its best peak; nats per token."""
    chosen = [grid for regime, grid in grids.items() if counts(regime)]
    tables = [differences(judge(grid), COSINE) for grid in chosen if set(SETTINGS) <= grid.keys()]
    tables = [table for table in tables if len(table[COSINE]) > 1]
    if not tables:
        raise ValueError(f"no runs of {ENOUGH_STEPS} steps or more with every setting and two seeds")
    mean = weighted(tables)
    return mean | smoothed({setting: mean[setting] for setting in WSD.values()})


def counts(regime: Regime) -> bool:
    """Whether a regime is part of the prediction."""
    near = any(abs(regime.tokens_per_parameter - tokens) < 0.05 * tokens for tokens in TOKENS)
    return near and regime.steps >= ENOUGH_STEPS and regime.text == "tiny Shakespeare" and regime.width <= 64


def weighted(tables: list[Table]) -> dict[Setting, float]:
    """The mean over models, weighted by the inverse of the variance of a mean over seeds."""
    weights = np.array([1 / variance_of_mean(table) for table in tables])
    return {s: float(np.average([t[s].mean() for t in tables], weights=weights)) for s in SETTINGS}


def smoothed(means: dict[Setting, float]) -> dict[Setting, float]:
    """The values of a parabola in the logarithm of the cooldown's length, fitted to the means."""
    lengths = np.log([setting.cooldown_fraction for setting in means])
    return dict(zip(means, map(float, np.polyval(np.polyfit(lengths, list(means.values()), 2), lengths))))


def variance_of_mean(table: Table) -> float:
    """Of a setting's mean over the seeds, pooled over the settings."""
    values = np.array([table[setting] for setting in SETTINGS if setting != COSINE])
    return float(values.var(axis=1, ddof=1).mean() / values.shape[1])


def row_of(setting: Setting, difference: float) -> dict:
    return dict(
        schedule=setting.schedule,
        cooldown_fraction=setting.cooldown_fraction,
        cooldown_shape=setting.cooldown_shape,
        final_lr_ratio=f"{setting.final_lr_ratio:g}",
        predicted_difference=round(difference, 5),
    )


if __name__ == "__main__":
    main()
