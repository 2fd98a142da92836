"""The 2024 blog comparison, checked: what it published, what its protocol measures in another order, and the same schedules fresh.

    python -m analysis.motsepe results/motsepe_2024 --published RUNS.json

reads three comparisons in that folder, made with configs/motsepe_small.toml (its README.md gives the commands), and writes
README.md, published.csv and protocols.png there. RUNS.json holds the blog's raw numbers: for each of its names `losses`, `lrs` and
`times` of every step. Without it the published.csv of an earlier call is used, and the figure stays as it is.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from analysis import measured
from analysis.stability import loss_stability
from analysis.stats import rank_correlation
from analysis.tables import write_csv
from nanosched.cli import load_toml
from nanosched.files import atomic
from schedulers import resolve

NAMES = [
    "Constant",
    "Step",
    "MultiStep",
    "Exponential",
    "CosineAnnealing",
    "Linear",
    "Polynomial",
    "Cyclic",
    "OneCycle",
    "CosineAnnealingWarmRestarts",
]
STORES = dict(carry_over="carry-over", reversed="reversed", fresh="fresh")  # our comparisons, by folder
COLUMNS = ["place", "name", "schedule", "first_loss", "last_loss", "stability", "total_s", "median_step_s"]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "out", type=Path, metavar="DIR", help="with the folders carry-over, reversed and fresh"
    )
    parser.add_argument("--published", type=Path, metavar="RUNS.json", help="the blog's raw numbers")
    args = parser.parse_args()
    try:
        raw = read_raw(args.published) if args.published else None
        if raw:
            write_published(args.out, raw)
        published = read_csv(args.out / "published.csv")
        ours = {column: last_losses(args.out / folder) for column, folder in STORES.items()}
    except (OSError, ValueError) as e:
        sys.exit(f"error: {e}")
    files = [write_page(args.out, published, ours)]
    if raw:
        from studies.motsepe_2024.figure import draw_protocols

        files.append(draw_protocols(args.out, raw, published, ours))
    print("\n".join(map(str, files)))


def schedules() -> list[str]:
    """The ten schedules as configs/motsepe_2024.toml spells them, in the order in which the blog ran them."""
    return resolve(",".join(load_toml("motsepe_2024")["schedulers"]))


# -- what was published


def read_raw(path: Path) -> dict:
    """The blog's numbers. ValueError where the file is not that."""
    raw = json.loads(path.read_text())
    if (
        not isinstance(raw, dict)
        or list(raw) != NAMES
        or any(not {"losses", "lrs", "times"} <= run.keys() for run in raw.values())
    ):
        raise ValueError(
            f"{path} is not the blog's file: give one with losses, lrs and times for each of {', '.join(NAMES)}, in this order"
        )
    return raw


def write_published(out: Path, raw: dict):
    """published.csv: a row a schedule, in the order in which they ran, recomputed from the raw numbers."""
    rows = []
    for place, (spec, (name, run)) in enumerate(zip(schedules(), raw.items()), 1):
        losses, times = np.array(run["losses"]), np.array(run["times"])
        numbers = dict(
            first_loss=losses[0],
            last_loss=losses[-1],
            stability=loss_stability(losses),
            total_s=times.sum(),
            median_step_s=np.median(times),
        )
        rows.append(
            dict(place=place, name=name, schedule=spec)
            | {key: round(float(value), 4) for key, value in numbers.items()}
        )
    write_csv(out / "published.csv", COLUMNS, rows)


def read_csv(path: Path) -> list[dict]:
    """With numbers as such."""
    return [{key: number_or_text(value) for key, value in row.items()} for row in measured.read_csv(path)]


def number_or_text(value: str):
    try:
        return float(value)
    except ValueError:
        return value


# -- ours


def last_losses(folder: Path) -> dict[str, np.ndarray]:
    """Schedule -> the training loss of the last step, float64 (seeds,): the number that the blog ranked by."""
    losses = {}
    for row in read_csv(folder / "runs.csv"):
        if row["final_train_loss"] == "":
            raise ValueError(
                f"{folder / 'runs.csv'} has a run of {row['scheduler']} that is not complete: the page needs all of them"
            )
        losses.setdefault(row["scheduler"], []).append(row["final_train_loss"])
    if set(losses) != set(schedules()):
        raise ValueError(
            f"{folder / 'runs.csv'} has other schedules than configs/motsepe_small.toml: run its command anew"
        )
    return {schedule: np.array(values) for schedule, values in losses.items()}


def columns_of(published: list[dict], ours: dict) -> dict[str, np.ndarray]:
    """What is put side by side, each float64 (10,) in the blog's order."""
    means = {
        name: np.array([losses[row["schedule"]].mean() for row in published]) for name, losses in ours.items()
    }
    return dict(
        place=np.array([row["place"] for row in published]),
        published=np.array([row["last_loss"] for row in published]),
        **means,
    )


# -- the page


def write_page(out: Path, published: list[dict], ours: dict) -> Path:
    path = out / "README.md"
    columns = columns_of(published, ours)
    seeds = min(len(values) for losses in ours.values() for values in losses.values())
    text = "\n\n".join(
        [
            "# The 2024 comparison, checked",
            finding(columns),
            how_to(),
            published_part(published),
            ours_part(published, columns, seeds),
            correlation_part(columns),
            limits_part(),
        ]
    )
    with atomic(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")
    return path


def finding(columns: dict) -> str:
    place, published, carried, turned, fresh = (
        columns[name] for name in ("place", "published", "carry_over", "reversed", "fresh")
    )
    return (
        "A [blog comparison of 2024](https://motsepe-jr.github.io/blogs/learningrate) trained ten learning-rate schedules one after another on one model and optimizer, "
        "which it never reset. Its last losses follow the order in which the schedules ran "
        f"(rank correlation {rank_correlation(place, published):+.2f} with the place in that order). The same protocol on a small model gives {rank_correlation(place, carried):+.2f}; "
        f"run in the opposite order, {rank_correlation(place, turned):+.2f} with that same place. "
        f"With fresh weights for each schedule the ranking has a correlation of {rank_correlation(fresh, published):+.2f} with the published one.\n\n"
        "![Losses of the ten schedules, published, carried over and fresh](protocols.png)"
    )


def how_to() -> str:
    backwards = ",".join(reversed(schedules()))
    command = "python compare.py --config motsepe_small --dataset shakespeare --seeds 0,1,2,3,4 --out results/motsepe_2024"
    lines = [
        f"{command}/carry-over --protocol carry-over",
        f'{command}/reversed --protocol carry-over --schedulers "{backwards}"',
        f"{command}/fresh",
        "python -m analysis.motsepe results/motsepe_2024",
    ]
    return (
        "The tables below are made by these commands; every number is in the CSV files beside this page.\n\n```sh\n"
        + "\n".join(lines)
        + "\n```"
    )


def published_part(published: list[dict]) -> str:
    by_time, steady = (
        sorted(published, key=lambda row: row["total_s"]),
        max(published, key=lambda row: row["stability"]),
    )
    head = "| place | schedule | first loss | last loss | stability score | total time (s) | median step (s) |\n|--:|---|--:|--:|--:|--:|--:|"
    rows = [
        f"| {row['place']:.0f} | {row['name']} | {row['first_loss']:.4f} | {row['last_loss']:.4f} | {row['stability']:.4f} | {row['total_s']:.1f} | {row['median_step_s']:.1f} |"
        for row in published
    ]
    steps = [
        abs(after["first_loss"] - before["last_loss"]) for before, after in zip(published, published[1:])
    ]
    return "\n".join(
        [
            "## What was published\n",
            "Recomputed from the blog's raw numbers, in the order in which it ran the schedules (`published.csv`). Losses are training losses of one step.\n",
            head,
            *rows,
            "",
            f"- Every schedule but the first starts where the one before it ended: the first loss differs from the last one before it by {np.mean(steps):.2f} on average ({max(steps):.2f} at most), "
            f"while the first schedule had {published[0]['first_loss']:.2f} to begin with.",
            "- Constant and Step have the same learning rates at all 50 steps (Step decays after 50), and their last losses are "
            f"{published[0]['last_loss']:.2f} and {published[1]['last_loss']:.2f}: what the place in the order alone does.",
            f"- The highest stability score, {steady['stability']:.4f}, belongs to {steady['name']}. The score is 1 / (1 + std of the losses), so it is highest where the loss changed least; `analysis/stability.py` has a worked example.",
            f"- {by_time[0]['name']} took the least time, {by_time[0]['total_s']:.0f} s, and {by_time[-1]['name']} the most, {by_time[-1]['total_s']:.0f} s. A schedule is one multiplication a step, so this is the machine: "
            f"the median step of {by_time[0]['name']} took {by_time[0]['median_step_s']:.1f} s, those of the others {min(row['median_step_s'] for row in published[1:]):.1f} to {max(row['median_step_s'] for row in published[1:]):.1f} s.",
        ]
    )


def ours_part(published: list[dict], columns: dict, seeds: int) -> str:
    head = "| schedule | published | carry-over | carry-over, reversed | fresh |\n|---|--:|--:|--:|--:|"
    ranks = {name: ranks_of(columns[name]) for name in ("published", *STORES)}
    rows = [
        f"| `{row['schedule']}` | "
        + " | ".join(f"{columns[name][i]:.3f} ({ranks[name][i]})" for name in ranks)
        + " |"
        for i, row in enumerate(published)
    ]
    return "\n".join(
        [
            "## Side by side\n",
            f"Training loss of the last step and, in brackets, its rank. Published: 124M parameters, one run. The others: the model of `configs/motsepe_small.toml`, mean of {seeds} seeds.\n",
            head,
            *rows,
            "",
            "`fresh/summary.md` has the validation losses with intervals and verdicts.",
        ]
    )


def ranks_of(losses: np.ndarray) -> list[str]:
    """1 for the lowest; equal ones share their rank, as "1="."""
    return [f"{1 + np.sum(losses < loss)}" + "=" * int(np.sum(losses == loss) > 1) for loss in losses]


def correlation_part(columns: dict) -> str:
    words = dict(
        place="place in the blog's order",
        published="published",
        carry_over="carry-over",
        reversed="carry-over, reversed",
        fresh="fresh",
    )
    head = "| | " + " | ".join(words.values()) + " |\n|---|" + "--:|" * len(words)
    rows = [
        f"| {words[a]} | "
        + " | ".join(f"{rank_correlation(columns[a], columns[b]):+.2f}" for b in words)
        + " |"
        for a in words
    ]
    return "\n".join(
        [
            "## Rank correlations\n",
            "Spearman's, of the last training losses; for the place, a negative number means that later is lower.\n",
            head,
            *rows,
        ]
    )


def limits_part() -> str:
    return (
        "## What this does not say\n\n"
        "The fresh ranking is one of 50 steps of a small model at one learning rate: there the schedules that stay high longest end lowest, "
        "and nothing on longer runs follows from it. The blog's own setting, 124M parameters and 524,288 tokens a step, is `configs/motsepe_2024.toml`; it needs a GPU and has not been run here."
    )


if __name__ == "__main__":
    main()
