"""Every schedule at its own best peak lr: the table, beside the one at a common peak lr, and what finding it cost."""

from __future__ import annotations

import math
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from analysis.ranking import MORE_SEEDS, interval, number
from analysis.stats import Standing
from analysis.stats import summary as summary_of
from analysis.tables import SETTING, by_horizon, write_csv

COLUMNS = [
    "rank",
    "scheduler",
    "params",
    "steps",
    "best_peak_lr",
    "on_edge",
    "peak_lrs",
    "runs",
    "diverged",
    "failed",
    "marginal_s",
    "seeds",
    "final_val_loss",
    "final_val_loss_std",
    "to_best",
    "to_best_low",
    "to_best_high",
    "p_holm",
    "prob_best",
    "verdict",
    "common_rank",
    "common_peak_lr",
    "common_final_val_loss",
]


def mean_losses(rows: list[dict], label: str, steps: int) -> dict[float, float]:
    """peak lr -> mean final validation loss over the seeds, inf where one is lost."""
    losses = {}
    for row in rows:
        if (row["scheduler"], row["steps"]) == (label, steps):
            losses.setdefault(row["peak_lr"], []).append(
                row["final_val_loss"] if row["status"] == "complete" else math.inf
            )
    return {peak: sum(values) / len(values) for peak, values in losses.items()}


def tuned_rows(rows: list[dict], summary: list[dict], common: float) -> list[dict]:
    """A row for each schedule and horizon at the peak lr with the lowest mean loss, best first.

    That peak is chosen by the losses it is then judged by, so the loss flatters a little, and each schedule about alike. What it
    cost to find counts: `runs` and `marginal_s` are of all its peak lrs.

    Args:
        rows: those of runs.csv.
        summary: those of summary.csv, without a limit to the schedules.
        common: the peak lr that all are ranked at too, those that came through there.
    """
    found = []
    for steps, lines in by_horizon(summary).items():
        best = {
            label: best_line([line for line in lines if line["scheduler"] == label])
            for label in dict.fromkeys(line["scheduler"] for line in lines)
        }
        losses = {label: losses_of(rows, line) for label, line in best.items()}
        at_common = sorted(
            (
                line
                for line in lines
                if math.isclose(line["peak_lr"], common) and not math.isnan(line["final_val_loss"])
            ),
            key=lambda line: line["rank"],
        )
        for rank, standing in enumerate(summary_of(losses), 1):
            found.append(tuned_row(rank, best[standing.schedule], standing, rows, at_common))
    return found


def best_line(lines: list[dict]) -> dict:
    return min(lines, key=lambda line: line["rank"])


def losses_of(rows: list[dict], line: dict) -> dict[int, float]:
    own = [row for row in rows if all(row[name] == line[name] for name in SETTING)]
    return {row["seed"]: row["final_val_loss"] if row["status"] == "complete" else math.nan for row in own}


def tuned_row(rank: int, line: dict, standing: Standing, rows: list[dict], at_common: list[dict]) -> dict:
    own = [row for row in rows if (row["scheduler"], row["steps"]) == (line["scheduler"], line["steps"])]
    peaks = sorted({row["peak_lr"] for row in own})
    labels = [other["scheduler"] for other in at_common]
    common = at_common[labels.index(line["scheduler"])] if line["scheduler"] in labels else None
    d = standing.difference
    return dict(
        rank=rank,
        **{
            name: line[name]
            for name in ("scheduler", "params", "steps", "seeds", "final_val_loss", "final_val_loss_std")
        },
        best_peak_lr=line["peak_lr"],
        on_edge=line["peak_lr"] in (peaks[0], peaks[-1])
        and len(set(mean_losses(rows, line["scheduler"], line["steps"]).values())) > 1,
        peak_lrs=" ".join(f"{peak:g}" for peak in peaks),
        runs=len(own),
        **{status: sum(row["status"] == status for row in own) for status in ("diverged", "failed")},
        marginal_s=sum(row.get("marginal_s", 0.0) for row in own),
        to_best=d.mean if d else 0.0,
        to_best_low=d.low if d else math.nan,
        to_best_high=d.high if d else math.nan,
        p_holm=standing.p_holm,
        prob_best=standing.prob_best,
        verdict=standing.verdict,
        common_rank=labels.index(line["scheduler"]) + 1 if common else None,
        common_peak_lr=common and common["peak_lr"],
        common_final_val_loss=common and common["final_val_loss"],
    )


def at_best(row: dict, summary: list[dict]) -> dict:
    """The summary's line at a tuned schedule's best peak lr, with the standing that it has among the tuned ones."""
    setting = dict(row, peak_lr=row["best_peak_lr"])
    line = next(line for line in summary if all(line[name] == setting[name] for name in SETTING))
    return {
        **line,
        **{
            name: value
            for name, value in row.items()
            if name not in ("marginal_s", "runs", "diverged", "failed")
        },
    }


def write_tuned(out: Path, tuned: list[dict]) -> Path:
    write_csv(path := Path(out) / "tuned.csv", COLUMNS, tuned)
    return path


def print_tuned(tuned: list[dict]):
    """Print the ranking at each schedule's own best peak lr, and the place it has at the common one."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("#", justify="right")
    table.add_column("schedule", no_wrap=True)
    for heading in (
        "steps",
        "best peak lr",
        "val loss",
        "to best",
        "95% interval",
        "p (Holm)",
        "# at the common lr",
        "runs",
        "diverged",
        "seconds",
    ):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in tuned:
        cells = [
            f"{row['steps']:,}",
            f"{row['best_peak_lr']:g}" + " (edge)" * row["on_edge"],
            number(row["final_val_loss"]),
            number(row["to_best"], "+.4f"),
        ]
        cells += [
            interval(row),
            number(row["p_holm"], ".2g"),
            str(row["common_rank"] or "-"),
            str(row["runs"]),
            str(row["diverged"]),
            f"{row['marginal_s']:.0f}",
        ]
        table.add_row(str(row["rank"]), escape(row["scheduler"]), *cells)
    console = Console(
        highlight=False, width=max(Console().width, 130 + max(len(row["scheduler"]) for row in tuned))
    )
    console.print("\nEach schedule at its own best peak lr, and what finding it cost:", style="bold")
    console.print(table)
    if all(row["seeds"] == 1 for row in tuned):
        print("\n" + MORE_SEEDS)
