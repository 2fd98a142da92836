"""Differences between schedules of 124M runs at 50,000 steps, predicted from small models alone.

    python -m studies.transfer.predict

The rule is the protocol's: the mean over models of the difference at 20 tokens per parameter, each weighted
by the inverse of its variance, plus the change from 20 to 41 tokens per parameter where that was trained,
shrunk towards its mean over the settings by the share of its variance that is not noise.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from nanosched.command import fail
from nanosched.csv_files import write_csv
from studies.transfer.agreement import differences, judge
from studies.transfer.by_peak_runs import COSINE, SETTINGS, Setting
from studies.transfer.small_runs import RUNS, Grid, Regime, read_runs

KNOWN, ASKED = 20, 41  # tokens per parameter
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
    known = [table_of(grid) for regime, grid in grids.items() if is_at(regime, KNOWN)]
    changes = [
        changed(table_of(grids[shorter]), table_of(grid))
        for longer, grid in grids.items()
        if is_at(longer, ASKED) and (shorter := at(grids, longer, KNOWN))
    ]
    if not known or not changes:
        raise ValueError(f"runs at {KNOWN} and at {ASKED} tokens per parameter are needed")
    level, change = weighted(known), shrunk(changes[0])
    return {setting: level[setting] + change[setting] for setting in SETTINGS}


def is_at(regime: Regime, tokens: float) -> bool:
    return abs(regime.tokens_per_parameter - tokens) < 0.05 * tokens


def at(grids: dict[Regime, Grid], regime: Regime, tokens: float) -> Regime | None:
    """The same model and text at another number of tokens per parameter."""
    same = (r for r in grids if (r.width, r.text) == (regime.width, regime.text) and is_at(r, tokens))
    return next(same, None)


def table_of(grid: Grid) -> Table:
    return differences(judge(grid), COSINE)


def changed(shorter: Table, longer: Table) -> Table:
    return {setting: longer[setting] - shorter[setting] for setting in SETTINGS}


def weighted(tables: list[Table]) -> dict[Setting, float]:
    """The mean over models, weighted by the inverse of the variance of a mean over seeds."""
    weights = np.array([1 / variance_of_mean(table) for table in tables])
    return {s: float(np.average([t[s].mean() for t in tables], weights=weights)) for s in SETTINGS}


def shrunk(change: Table) -> dict[Setting, float]:
    """Mean changes, drawn to their mean over the settings by the share of their variance that is noise.

    Cosine to zero, whose change is 0 by definition, counts as a setting.
    """
    means = {setting: float(change[setting].mean()) for setting in SETTINGS}
    spread = float(np.var(list(means.values()), ddof=1))
    kept = max(0.0, 1 - variance_of_mean(change) / spread) if spread else 0.0
    centre = float(np.mean(list(means.values())))
    base = centre + kept * (means[COSINE] - centre)  # a difference to cosine stays one
    return {setting: centre + kept * (mean - centre) - base for setting, mean in means.items()}


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
