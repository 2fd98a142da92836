"""Theory against practice: what the convex bound and two loss laws say of schedules before they are trained, and what came out.

    python -m analysis.theory_vs_practice results/theory_vs_practice --predict    # once FIT_ON is trained, before anything else is
    python -m analysis.theory_vs_practice results/theory_vs_practice              # once all is trained: README.md and predictions.png

The folder is one that compare.py wrote; its README.md gives all commands.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path

import numpy as np

from analysis.bounds import bound_rows
from analysis.figures.page import spell_lr
from analysis.forecast import FIT_ON, AnnealingLaw, MultiPowerLaw, made, predict_at
from analysis.measured import Measured, read_csv, read_measured
from analysis.ranking import number
from analysis.stats import paired_difference, rank_correlation, spell_p
from analysis.tables import write_csv
from nanosched.files import atomic
from schedulers import resolve

DESIGNED = "forecast_optimal"
PEAKS = "peaks"  # the folder within the folder, with wsd and cosine at several peak lrs
COLUMNS = [
    "scheduler",
    "bound",
    "multi_power",
    "multi_power_low",
    "multi_power_high",
    "annealing",
    "annealing_low",
    "annealing_high",
]
METHODS = dict(bound="convex bound", multi_power="multi-power law", annealing="annealing law")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path, metavar="DIR", help="a folder that compare.py wrote")
    parser.add_argument(
        "--predict",
        action="store_true",
        help="write predictions.csv and law.json from the runs of " + ", ".join(FIT_ON),
    )
    args = parser.parse_args()
    try:
        measured = read_measured(args.out)
        files = predict(args.out, measured) if args.predict else report(args.out, measured)
    except (OSError, ValueError, RuntimeError) as e:
        sys.exit(f"error: {e}")
    print("\n".join(map(str, files)))


# -- before


def predict(out: Path, measured: Measured) -> list[Path]:
    """Write law.json, predictions.csv, a row for each schedule of `all` that knows its lrs and for the designed one, and fitted_curves.csv."""
    curves = [measured.curve(name) for name in FIT_ON]
    laws = dict(multi_power=MultiPowerLaw.fit(curves), annealing=AnnealingLaw.fit(curves))
    laws["multi_power"].save(out / "law.json")
    schedules = [
        (label, made(label, measured.steps, measured))
        for label in [*resolve("all"), f"{DESIGNED}:law={out / 'law.json'}"]
    ]
    bounds = {row["scheduler"]: row["bound"] for row in bound_rows(schedules)}
    rows = [
        dict(scheduler=label, bound=bounds.get(label, math.inf), **predictions(laws, schedule.lrs()))
        for label, schedule in schedules
        if not schedule.reactive
    ]
    write_csv(out / "predictions.csv", COLUMNS, rows)
    points = [
        dict(scheduler=name, step=step, val_loss=loss)
        for name, curve in zip(FIT_ON, curves)
        for step, loss in zip(curve.steps, curve.losses)
    ]
    write_csv(out / "fitted_curves.csv", list(points[0]), points)
    return [out / name for name in ("law.json", "predictions.csv", "fitted_curves.csv")]


def predictions(laws: dict, lrs) -> dict[str, float]:
    row = {}
    for name, law in laws.items():
        row |= zip((name, f"{name}_low", f"{name}_high"), predict_at(law, lrs, [len(lrs) - 1]))
    return row


# -- after


def report(out: Path, measured: Measured) -> list[Path]:
    from studies.theory_vs_practice.figure import draw_predictions

    rows, losses = join(out, measured)
    with atomic(out / "README.md") as path:
        path.write_text(page(out, rows, losses, measured) + "\n", encoding="utf-8")
    return [out / "README.md", draw_predictions(out, rows, unseen(rows), measured)]


def join(out: Path, measured: Measured) -> tuple[list[dict], dict]:
    """(the rows of predictions.csv with what was measured, by the mean; (schedule, peak lr) -> seed -> final validation loss)."""
    losses = {}
    for row in [*read_csv(out / "runs.csv"), *read_csv(out / PEAKS / "runs.csv")]:
        if row["status"] == "complete" and int(row["steps"]) == measured.steps:
            losses.setdefault((row["scheduler"], float(row["peak_lr"])), {})[int(row["seed"])] = float(
                row["final_val_loss"]
            )
    rows = []
    for row in read_csv(out / "predictions.csv"):
        own = losses.get((row["scheduler"], measured.peak_lr))
        if own is None:
            raise ValueError(f"{row['scheduler']} was predicted but not trained: train it first")
        values = np.array(list(own.values()))
        numbers = {key: float(value) for key, value in row.items() if key != "scheduler"}
        rows.append(
            dict(
                scheduler=row["scheduler"],
                measured=values.mean(),
                std=values.std(ddof=1),
                seeds=len(values),
                **numbers,
            )
        )
    return sorted(rows, key=lambda row: row["measured"]), losses


def unseen(rows: list[dict]) -> list[dict]:
    return [row for row in rows if row["scheduler"] not in FIT_ON]


def order_found(rows: list[dict], method: str) -> float:
    """The rank correlation of a prediction with what was measured."""
    return rank_correlation([row[method] for row in rows], [row["measured"] for row in rows])


def mean_error(rows: list[dict], method: str) -> float:
    return float(np.mean([abs(row[method] - row["measured"]) for row in rows]))


def page(out: Path, rows: list[dict], losses: dict, measured: Measured) -> str:
    return "\n\n".join(
        [
            "# Theory against practice",
            finding(rows, measured),
            design_part(losses, measured),
            commands(out),
            table(rows),
            limits(),
        ]
    )


def finding(rows: list[dict], measured: Measured) -> str:
    new = unseen(rows)
    ranks = {method: order_found(new, method) for method in METHODS}
    best = max(ranks, key=ranks.get)
    lines = [
        f"| {name} | {ranks[method]:+.2f} | "
        + (f"{mean_error(new, method):.4f}" if method != "bound" else "-")
        + " |"
        for method, name in METHODS.items()
    ]
    return "\n".join(
        [
            f"Two loss laws were fitted on the validation losses of {', '.join(FIT_ON)} (the CPU preset's model on tiny Shakespeare, {measured.steps:,} steps, peak lr {spell_lr(measured.peak_lr)}, "
            f"means of {measured.seeds} seeds), and the convex bound needs no fit at all. Then {len(new)} other schedules were trained. The {METHODS[best]} orders them best.\n",
            "| method | rank correlation with the measured final loss | mean error (nats a token) |\n|---|--:|--:|",
            *lines,
            "",
            f"The {len(new)} losses themselves have a standard deviation of {np.std([row['measured'] for row in new], ddof=1):.4f}. ![Predicted against measured](predictions.png)",
        ]
    )


def design_part(losses: dict, measured: Measured) -> str:
    """The designed schedule against wsd and cosine at their own best peak lr, paired by seed."""
    label = next(scheduler for scheduler, _ in losses if scheduler.startswith(DESIGNED))
    own, lines = losses[label, measured.peak_lr], []
    for name in ("wsd", "cosine"):
        peaks = {
            peak: seeds
            for (scheduler, peak), seeds in losses.items()
            if scheduler == name and seeds.keys() == own.keys()
        }
        best = min(peaks, key=lambda peak: np.mean(list(peaks[peak].values())))
        difference = paired_difference(own, peaks[best])
        verdict = (
            "can't be told from"
            if not difference.p < 0.05
            else "is lower than"
            if difference.mean < 0
            else "is higher than"
        )
        lines.append(
            f"- It {verdict} {name} at its best of the peak lrs tried ({', '.join(map(spell_lr, sorted(peaks)))}: {spell_lr(best)}): "
            f"{difference.mean:+.4f} ({difference.low:+.4f} to {difference.high:+.4f}, {spell_p(difference.p)}, {difference.n} seeds)."
        )
    return "\n".join(
        [
            "## The designed schedule\n",
            f"`{DESIGNED}` has the lowest final loss that the multi-power law predicts for a peak lr of {spell_lr(measured.peak_lr)}, where the law was fitted; it was trained at that peak only, with a mean of {np.mean(list(own.values())):.4f}.\n",
            *lines,
        ]
    )


def commands(out: Path) -> str:
    config = json.loads((out / "manifest.json").read_text())["config"]
    base = f"python compare.py --config cpu --dataset shakespeare --seeds 0,1,2,3,4 --steps {config['steps']} --eval-interval {config['eval_interval']}"
    own, design = (
        f"--peak-lr {config['peak_lr']:g} --out results/theory_vs_practice",
        f"{DESIGNED}:law=results/theory_vs_practice/law.json",
    )
    peaks = ",".join(sorted({row["peak_lr"] for row in read_csv(out / PEAKS / "runs.csv")}, key=float))
    lines = [
        f"{base} {own} --schedulers {','.join(FIT_ON)}",
        "python -m analysis.theory_vs_practice results/theory_vs_practice --predict",
        f"{base} {own} --schedulers all,{design}",
        f"{base} --peak-lr {peaks} --out results/theory_vs_practice/{PEAKS} --schedulers wsd,cosine",
        "python -m analysis.theory_vs_practice results/theory_vs_practice",
    ]
    return (
        "## How it was made\n\n`predictions.csv` and `law.json` were written, and committed, before the other schedules were trained. The intervals alone were made anew afterwards, since the first ones, of noise only, were far too narrow.\n\n```sh\n"
        + "\n".join(lines)
        + "\n```"
    )


def table(rows: list[dict]) -> str:
    def held(law):
        return sum(row[f"{law}_low"] <= row["measured"] <= row[f"{law}_high"] for row in unseen(rows))

    head = "| # | schedule | measured (std over seeds) | multi-power law, 95% interval | annealing law, 95% interval | bound / lowest |\n|--:|---|--:|--:|--:|--:|"
    lines = []
    for rank, row in enumerate(rows, 1):
        cells = [
            f"{row[law]:.4f}, {row[law + '_low']:.4f} to {row[law + '_high']:.4f}"
            for law in ("multi_power", "annealing")
        ]
        name = f"`{row['scheduler'].split(':')[0]}`" + " (fitted on)" * (row["scheduler"] in FIT_ON)
        lines.append(
            f"| {rank} | {name} | {row['measured']:.4f} ({row['std']:.4f}) | {cells[0]} | {cells[1]} | {number(row['bound'], '.3f')} |"
        )
    return "\n".join(
        [
            "## Predicted and measured\n",
            f"Final validation losses. Intervals come from the noise of the fitted curves and from how far a law misses them; they hold {held('multi_power')} and {held('annealing')} of the {len(unseen(rows))} measured losses.\n",
            head,
            *lines,
        ]
    )


def limits() -> str:
    return (
        "## What this does not say\n\nOne small model, one data set, one peak lr for all but wsd and cosine. The bound is of each schedule at the peak lr that suits it best in theory, "
        "and the losses are at one peak lr. `plateau` is left out, since nobody knows its learning rates beforehand."
    )


if __name__ == "__main__":
    main()
