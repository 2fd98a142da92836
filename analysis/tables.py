"""runs.csv, curves.csv and summary.csv: what the store holds, as tables."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path

import numpy as np

from analysis.metrics import curve_metrics
from analysis.stats import PairedDifference, Standing, all_pairs, diverged, mean_loss, ranking
from analysis.stats import summary as summary_of
from nanosched.files import atomic
from nanosched.history import COLUMNS, read_curve
from sweep.store import is_complete, load_run, run_folder

RUN_COLUMNS = [
    "run_id",
    "scheduler",
    "params",
    "seed",
    "peak_lr",
    "steps",
    "tokens",
    "status",
    "final_train_loss",
    "final_val_loss",
    "best_val_loss",
    "loss_stability",
    "grad_norm_mean",
    "grad_norm_std",
    "grad_norm_max",
    "grad_norm_cv",
    "grad_norm_spikes",
    "clip_fraction",
    "loss_spikes",
    "loss_recovery",
    "convergence_step",
    "wall_s",
    "marginal_s",
    "tokens_per_s",
    "step_ms_p50",
    "step_ms_p95",
    "mfu",
    "device",
    "dtype",
    "dataset",
    "data_fingerprint",
    "torch_version",
    "code_version",
]
SETTING = ("scheduler", "peak_lr", "steps")  # what the seeds of a row of the summary have in common
MEANS = [
    c for c in RUN_COLUMNS[8 : RUN_COLUMNS.index("device")] if c != "final_val_loss"
]  # of each number, the mean over seeds
SUMMARY_COLUMNS = [
    "rank",
    "scheduler",
    "params",
    "peak_lr",
    "steps",
    "seeds",
    "diverged",
    "failed",
    "final_val_loss",
    "final_val_loss_std",
    "to_best",
    "to_best_std",
    "to_best_low",
    "to_best_high",
    "p_holm",
    "prob_best",
    "verdict",
    *MEANS,
]
PAIR_COLUMNS = [
    "steps",
    "first",
    "first_peak_lr",
    "second",
    "second_peak_lr",
    "seeds",
    "difference",
    "std",
    "low",
    "high",
    "bootstrap_low",
    "bootstrap_high",
    "p",
    "p_holm",
    "seeds_needed",
    "detectable",
    "verdict",
]
MOST_VERDICTS = 60  # schedules at one horizon; more would be thousands of pairs, which Holm's correction leaves nothing of


def run_rows(out: Path, runs, errors: dict[str, str]) -> list[dict]:
    """A row for each run that was asked for and is complete, diverged or failed; unfinished ones have none.

    Args:
        out: the comparison's folder.
        runs: sweep.plan.Run, in the order asked for.
        errors: run id -> error, of the runs that failed now.
    """
    rows, seen = [], set()
    for run in runs:
        row = dict(
            run_id=run.id,
            scheduler=run.label,
            params=spell_params(run.schedule),
            seed=run.seed,
            peak_lr=run.schedule.peak_lr,
            steps=run.schedule.steps,
        )
        if is_complete(out, run.id):
            rows.append(row | finished(out, run, shared=run.id in seen))
            seen.add(run.id)
        elif run.id in errors:
            rows.append(row | dict(status="failed"))
    return rows


def finished(out: Path, asked, shared: bool) -> dict:
    """The columns of a run that is in the store; `shared` means a row before this one has paid for it."""
    run = load_run(out, asked.id)
    curve = read_curve(run_folder(out, asked.id) / "curve.csv")
    metrics = curve_metrics(curve, asked.schedule.first, run["config"]["grad_clip"])
    tokens_per_s = run["tokens"] / metrics["wall_s"]
    return dict(
        **metrics,
        status=run["status"],
        tokens=run["tokens"],
        final_val_loss=run["final_val_loss"],
        marginal_s=0.0 if shared else curve["step_s"][run["trained_from"] :].sum(),
        tokens_per_s=tokens_per_s,
        mfu=tokens_per_s * run["flops_per_token"] / run["peak_flops"],
        device=run["device"],
        dtype=run["config"]["dtype"],
        dataset=run["dataset"],
        data_fingerprint=run["data_fingerprint"],
        torch_version=run["torch_version"],
        code_version=run["code_version"],
    )


def spell_params(schedule) -> str:
    """Every parameter of a schedule, defaults too: "cooldown=0.2;shape=linear"."""
    return ";".join(f"{name}={value}" for name, value in schedule.params.items())


def summary_rows(rows: list[dict]) -> list[dict]:
    """A row for each schedule, peak lr and horizon, best mean final validation loss first; one with a lost run comes last.

    Each horizon has its own ranking, the shortest first: more steps are no merit of a schedule. `to_best` is the mean
    difference to the best of the horizon, `to_best_std` its standard deviation and `to_best_low` and `to_best_high` its 95%
    confidence interval, all paired by seed: what the seeds have in common cancels out. `p_holm`, `prob_best` and `verdict` are
    those of analysis.stats.
    """
    groups = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in SETTING), []).append(row)
    summary = [summary_row(group) for group in groups.values()]
    for steps, lines in by_horizon(summary).items():
        for rank, (line, standing) in enumerate(standings(lines), 1):
            against = standing.difference
            best = dict(to_best=0.0, to_best_std=math.nan if standing.seeds < 2 else 0.0)
            line.update(
                best
                if against is None
                else dict(
                    to_best=against.mean,
                    to_best_std=against.sd,
                    to_best_low=against.low,
                    to_best_high=against.high,
                )
            )
            line.update(
                rank=rank, p_holm=standing.p_holm, prob_best=standing.prob_best, verdict=standing.verdict
            )
    return sorted(summary, key=lambda line: (line["steps"], line["rank"]))


def by_horizon(summary: list[dict]) -> dict[int, list[dict]]:
    horizons = {}
    for line in summary:
        horizons.setdefault(line["steps"], []).append(line)
    return horizons


def standings(lines: list[dict]) -> list[tuple[dict, Standing]]:
    """The rows of one horizon with their statistics, best first; without tests where there are too many rows."""
    losses = {name_in(lines, line): line["losses"] for line in lines}
    found = (
        summary_of(losses)
        if len(lines) <= MOST_VERDICTS
        else [untested(name, losses) for name in ranking(losses)]
    )
    named = {name_in(lines, line): line for line in lines}
    return [(named[standing.schedule], standing) for standing in found]


def name_in(lines: list[dict], line: dict) -> str:
    """A schedule's label, with its peak lr where there are several."""
    several_lrs = len({line["peak_lr"] for line in lines}) > 1
    return line["scheduler"] + f" @ {line['peak_lr']:g}" * several_lrs


def untested(name: str, losses: dict) -> Standing:
    best, own = losses[ranking(losses)[0]], losses[name]
    words = f"more than {MOST_VERDICTS} schedules: nothing is tested"
    difference = None if own is best else PairedDifference(len(own), mean_loss(own) - mean_loss(best))
    return Standing(name, len(own), diverged(own), mean_loss(own), difference, math.nan, math.nan, words)


def pair_rows(summary: list[dict]) -> list[dict]:
    """A row for each two schedules of one horizon that have two seeds or more in common: `difference` is second minus first."""
    rows = []
    for steps, lines in by_horizon(summary).items():
        if len(lines) > MOST_VERDICTS:
            continue
        named = {name_in(lines, line): line for line in lines}
        for pair in all_pairs({name: line["losses"] for name, line in named.items()}).values():
            d, first, second = pair.difference, named[pair.first], named[pair.second]
            if d.n > 1:
                row = dict(
                    steps=steps,
                    first=first["scheduler"],
                    first_peak_lr=first["peak_lr"],
                    second=second["scheduler"],
                    second_peak_lr=second["peak_lr"],
                )
                row |= dict(
                    seeds=d.n,
                    difference=d.mean,
                    std=d.sd,
                    low=d.low,
                    high=d.high,
                    bootstrap_low=d.bootstrap_low,
                    bootstrap_high=d.bootstrap_high,
                )
                rows.append(
                    row
                    | dict(
                        p=d.p,
                        p_holm=pair.p_holm,
                        seeds_needed=pair.seeds_needed,
                        detectable=pair.detectable,
                        verdict=pair.verdict,
                    )
                )
    return rows


def summary_row(group: list[dict]) -> dict:
    """What the seeds of one schedule say together; `losses` are the final ones by seed, NaN for a lost run."""
    complete = [row for row in group if row["status"] == "complete"]
    line = {name: group[0][name] for name in ("scheduler", "params", "peak_lr", "steps")}
    line.update(
        seeds=len(group), **{s: sum(row["status"] == s for row in group) for s in ("diverged", "failed")}
    )
    line["losses"] = {
        row["seed"]: row["final_val_loss"] if row["status"] == "complete" else math.nan for row in group
    }
    line["final_val_loss"], line["final_val_loss_std"] = mean_and_std(
        [row["final_val_loss"] for row in complete]
    )
    line.update({name: mean_and_std([row[name] for row in complete])[0] for name in MEANS})
    return line


def mean_and_std(values: list[float]) -> tuple[float, float]:
    """Mean and standard deviation (n - 1), NaN where there are too few values."""
    return float(np.mean(values)) if values else math.nan, float(np.std(values, ddof=1)) if len(
        values
    ) > 1 else math.nan


def delete_leftovers(out: Path, written: list[Path]):
    """Delete the files that only some commands write and that aren't among `written`: an earlier command's would contradict the new tables."""
    for name in (
        "tuned.csv",
        "aa.json",
        "figures/peak_lr.png",
        "figures/tuned_ranking.png",
        "figures/plan.png",
    ):
        if out / name not in written:
            (out / name).unlink(missing_ok=True)


def write_tables(out: Path, rows: list[dict]) -> list[dict]:
    """Write runs.csv, summary.csv, curves.csv and, with two seeds or more, pairs.csv; returns the summary."""
    summary = summary_rows(rows)
    write_csv(out / "runs.csv", RUN_COLUMNS, rows)
    write_csv(out / "summary.csv", SUMMARY_COLUMNS, summary)
    (out / "pairs.csv").unlink(missing_ok=True)
    if pairs := pair_rows(summary):
        write_csv(out / "pairs.csv", PAIR_COLUMNS, pairs)
    with atomic(out / "curves.csv") as path, open(path, "w") as file:
        file.write(",".join(["run_id", "scheduler", "seed", "peak_lr", *COLUMNS]) + "\n")
        for row in rows:
            curve = run_folder(out, row["run_id"]) / "curve.csv"
            if row["status"] != "failed":
                start = io.StringIO()  # csv knows how to quote
                csv.writer(start).writerow([row[c] for c in ("run_id", "scheduler", "seed", "peak_lr")])
                file.writelines(
                    f"{start.getvalue().strip()},{line}\n" for line in curve.read_text().splitlines()[1:]
                )
    return summary


def write_csv(path: Path, columns: list[str], rows: list[dict]):
    with atomic(path) as temporary, open(temporary, "w", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: tidy(row.get(name, "")) for name in columns} for row in rows)


def tidy(value):
    """Numpy's numbers as Python's; no number at all as an empty field."""
    if isinstance(value, np.generic):
        value = value.item()
    return "" if value is None or (isinstance(value, float) and math.isnan(value)) else value
