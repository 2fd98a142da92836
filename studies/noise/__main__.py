"""How much two schedules of one seed differ by chance, and what lowers that: from finished comparisons.

    python -m studies.noise results/reference-cpu FOLDER... --out results/noise

A pair's noise is the standard deviation over seeds of the difference between two schedules that see the same
batches from the same weights. It is what a number of seeds has to beat. Rows are the folders, each with the
plain weights and with each of its averages.
"""

from __future__ import annotations

import argparse
import json
import math
from collections import defaultdict
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from nanosched.command import fail
from nanosched.config import Config
from nanosched.csv_files import read_csv, write_csv
from nanosched.regime import counted_parameters
from studies.page import write_page

TEMPLATE = Path(__file__).with_name("page.md.j2")
COLUMNS = """comparison parameters tokens_per_parameter tokens_per_step text peak_lr average schedules seeds
seed_sd pair_sd pair_sd_low pair_sd_high median_pair_sd""".split()
DRAWS = 2_000


@dataclass(frozen=True)
class Row:
    """The noise of one comparison's schedules, of the plain weights or of an average."""

    comparison: str
    parameters: int
    tokens_per_parameter: float
    tokens_per_step: int
    text: str
    peak_lr: float
    average: str
    schedules: int
    seeds: int
    seed_sd: float  # of one schedule's loss over seeds, nats per token
    pair_sd: float  # of a difference between two schedules of one seed
    pair_sd_low: float  # 95% interval, schedules drawn anew
    pair_sd_high: float
    median_pair_sd: float  # which a single noisy schedule leaves as it is


def main():
    parser = argparse.ArgumentParser(
        prog="python -m studies.noise",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folders", nargs="+", type=Path, metavar="DIR", help="results/NAME of a comparison")
    parser.add_argument("--out", type=Path, default=Path("results/noise"), metavar="DIR")
    args = parser.parse_args()
    try:
        rows = [row for folder in args.folders for row in read_rows(folder)]
        args.out.mkdir(parents=True, exist_ok=True)
        write_csv(args.out / "noise.csv", COLUMNS, map(vars, rows))
        print(write_page(args.out, TEMPLATE, rows=rows))
    except (OSError, ValueError, KeyError) as e:
        fail(e)


def read_rows(folder: Path) -> list[Row]:
    """The plain weights, then each average."""
    manifest = json.loads((folder / "manifest.json").read_text())
    config = Config(**manifest["config"])
    parameters = counted_parameters(config, manifest["dataset"]["vocab_size"])
    losses = read_losses(folder / "runs.csv", config.peak_lr, config.steps)
    return [
        Row(
            comparison=folder.name,
            parameters=parameters,
            tokens_per_parameter=round(config.steps * config.tokens_per_step / parameters, 1),
            tokens_per_step=config.tokens_per_step,
            text=manifest["dataset"]["name"],
            peak_lr=config.peak_lr,
            average=average,
            schedules=len(table),
            seeds=table.shape[1],
            seed_sd=pooled_sd(table),
            pair_sd=pair_sd(table),
            **dict(zip(("pair_sd_low", "pair_sd_high"), interval(table))),
            median_pair_sd=median_pair_sd(table),
        )
        for average, table in losses.items()
    ]


def read_losses(runs: Path, peak_lr: float, steps: int) -> dict[str, np.ndarray]:
    """Average, "" for the plain weights -> losses, float64 (schedules, seeds): those with all seeds.

    Schedules whose losses are the same at every seed are one run, and count once.
    """
    found = defaultdict(lambda: defaultdict(dict))
    for row in read_csv(runs):
        if (
            math.isclose(float(row["peak_lr"]), peak_lr)
            and int(row["steps"]) == steps
            and row["final_val_loss"]
        ):
            loss = float(row["final_val_loss"])
            found[row.get("average", "")][row["scheduler"], row["params"]][int(row["seed"])] = loss
    tables = {}
    for average, schedules in found.items():
        seeds = sorted(set.union(*(set(losses) for losses in schedules.values())))
        full = [[losses[s] for s in seeds] for losses in schedules.values() if set(seeds) <= losses.keys()]
        tables[average] = np.unique(np.array(full), axis=0)
    return tables


def pooled_sd(table: np.ndarray) -> float:
    return float(np.sqrt(table.var(axis=1, ddof=1).mean()))


def pair_sd(table: np.ndarray) -> float:
    """The root of the mean variance over all pairs: of n schedules, twice that of what they don't share."""
    own = table - table.mean(axis=0)
    n, variance = len(table), own.var(axis=1, ddof=1).sum()
    return float(np.sqrt(2 * variance / (n - 1)))


def median_pair_sd(table: np.ndarray) -> float:
    return float(np.median([np.std(one - other, ddof=1) for one, other in combinations(table, 2)]))


def interval(table: np.ndarray) -> tuple[float, float]:
    rng = np.random.Generator(np.random.Philox(0))
    drawn = (np.unique(rng.integers(len(table), size=len(table))) for _ in range(DRAWS))
    low, high = np.percentile([pair_sd(table[rows]) for rows in drawn if len(rows) > 1], [2.5, 97.5])
    return float(low), float(high)


if __name__ == "__main__":
    main()
