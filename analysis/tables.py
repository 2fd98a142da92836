"""A comparison's CSV files: runs.csv, summary.csv, pairs.csv, curves.csv and, with --tune, tuned.csv."""

from __future__ import annotations

import math
from dataclasses import fields
from pathlib import Path

from analysis.comparison import Comparison, Entry, Ranked, Ranking, Result, Setting, TunedEntry
from analysis.metrics import METRICS
from analysis.noise import own_noise
from analysis.sentences import pair_sentence, standing_sentence
from analysis.steps_saved import StepsSaved, steps_saved
from nanosched.csv_files import csv_line, open_csv, write_csv
from nanosched.files import atomic
from nanosched.history import COLUMNS as CURVE_COLUMNS

SPEED = ["wall_s", "marginal_s", "tokens_per_s", "step_ms_p50", "step_ms_p95", "mfu"]
NUMBERS = (
    """final_train_loss final_val_loss best_val_loss loss_stability grad_norm_mean grad_norm_std
grad_norm_max
    grad_norm_cv grad_norm_spikes clip_fraction loss_spikes loss_recovery convergence_step""".split()
    + SPEED
)
ORIGIN = "device dtype dataset data_fingerprint torch_version code_version".split()
RUN_COLUMNS = [
    *"run_id scheduler average params seed peak_lr steps tokens status".split(),
    *NUMBERS,
    *ORIGIN,
]
MEANS = [name for name in NUMBERS if name != "final_val_loss"]  # of each the summary has the mean over seeds
SUMMARY_COLUMNS = [
    *"rank scheduler average params peak_lr steps seeds diverged failed".split(),
    *"final_val_loss final_val_loss_std".split(),
    *"to_best to_best_std to_best_low to_best_high p_adjusted prob_best verdict".split(),
    *"steps_saved steps_saved_low steps_saved_high".split(),
    *MEANS,
]
PAIR_COLUMNS = """steps first first_average first_peak_lr second second_average second_peak_lr seeds
    difference std low high p p_holm seeds_needed detectable verdict""".split()
TUNED_COLUMNS = """rank scheduler average params steps best_peak_lr on_edge peak_lrs fitted_peak_lr fitted_low
    fitted_high
    as_good_peak_lrs tuning_seeds tuning_val_loss runs judging_runs diverged failed marginal_s seeds
    final_val_loss final_val_loss_std to_best to_best_low to_best_high p_adjusted prob_best verdict
    common_rank common_peak_lr common_final_val_loss""".split()


def write_runs(comparison: Comparison, out: Path) -> list[Path]:
    """A row for each run, and for each average of its weights one without the curve's numbers and cost."""
    averages = comparison.config.average_specs
    results = [row for result in comparison.results for row in (result, *map(result.averaged, averages))]
    write_csv(path := out / "runs.csv", RUN_COLUMNS, map(run_row, results))
    return [path]


def write_summary(comparison: Comparison, out: Path) -> list[Path]:
    saved = steps_saved(comparison)
    rows = [
        summary_row(row, ranking) | saved_columns(saved.get(row.entry.setting))
        for ranking in comparison.rankings.values()
        for row in ranking.rows
    ]
    write_compared(path := out / "summary.csv", SUMMARY_COLUMNS, rows, comparison)
    return [path]


def write_pairs(comparison: Comparison, out: Path) -> list[Path]:
    """A row for each two of one horizon's ranking that share two seeds or more; no file without one."""
    rows = [row for ranking in comparison.judged.values() for row in pair_rows(ranking)]
    if not rows:
        return []
    write_csv(path := out / "pairs.csv", PAIR_COLUMNS, rows)
    return [path]


def write_tuned(comparison: Comparison, out: Path) -> list[Path]:
    """A row for each schedule and horizon at its chosen peak lr; only with --tune."""
    if not comparison.tuned:
        return []
    rows = [
        tuned_row(row, ranking, comparison.tuned_entries.get(row.entry.setting))
        for ranking in comparison.judged.values()
        for row in ranking.rows
    ]
    write_compared(path := out / "tuned.csv", TUNED_COLUMNS, rows, comparison)
    return [path]


def write_compared(path: Path, columns: list[str], rows: list[dict], comparison: Comparison):
    """Write the rows; where a baseline is what they are compared with, the columns' names say so."""
    if any(ranking.verdicts.baseline for ranking in comparison.rankings.values()):
        rows = [{renamed(name): value for name, value in row.items()} for row in rows]
        columns = list(map(renamed, columns))
    write_csv(path, columns, rows)


def renamed(column: str) -> str:
    return column.replace("to_best", "to_baseline")


def write_curves(comparison: Comparison, out: Path) -> list[Path]:
    """A row for each run and step."""
    with atomic(path := out / "curves.csv") as temporary, open_csv(temporary, "w") as file:
        file.write(csv_line(["run_id", "scheduler", "seed", "peak_lr", *CURVE_COLUMNS]))
        for result in comparison.results:
            if result.run:
                names = [result.run_id, result.setting.scheduler, result.seed, result.setting.peak_lr]
                start = csv_line(names).removesuffix("\n")
                steps = result.run.curve_csv.splitlines()[1:]
                file.writelines(f"{start},{line}\n" for line in steps)
    return [path]


def setting_columns(setting: Setting) -> dict:
    names = ("scheduler", "average", "params", "peak_lr", "steps")
    return {name: getattr(setting, name) for name in names}


def run_row(result: Result) -> dict:
    row = setting_columns(result.setting) | dict(
        run_id=result.run_id, seed=result.seed, status=result.status.value
    )
    if not result.run:
        return row
    record = result.run.record
    if not result.setting.average:
        row |= {name: getattr(result.metrics, name) for name in METRICS}
        row |= {name: getattr(result, name) for name in ("marginal_s", "tokens_per_s", "mfu")}
    return row | {
        **{name: getattr(record, name) for name in [f.name for f in fields(record)] if name in ORIGIN},
        "tokens": record.tokens,
        "final_val_loss": result.loss if result.completed else None,
        "dtype": record.config["dtype"],
    }


def summary_row(row: Ranked, ranking: Ranking) -> dict:
    entry = row.entry
    return {
        **setting_columns(entry.setting),
        **loss_columns(row, ranking),
        **{status: len(getattr(entry, status)) for status in ("diverged", "failed")},
        "to_best_std": difference_std(row, ranking),
        **{name: entry.mean(name) for name in MEANS},
    }


def saved_columns(saved: StepsSaved | None) -> dict:
    """Empty where no horizon of the schedule reaches the baseline's loss."""
    if saved is None:
        return {}
    return dict(steps_saved=saved.mean, steps_saved_low=saved.low, steps_saved_high=saved.high)


def difference_std(row: Ranked, ranking: Ranking) -> float:
    """Of one seed's difference to what the mean difference is to."""
    interval = row.standing.interval
    if not (interval and interval.to):
        return 0.0 if row.entry.seeds > 1 else math.nan
    return own_noise(row.standing.losses, ranking.verdicts.named(interval.to).losses).sd


def loss_columns(row: Ranked, ranking: Ranking) -> dict:
    """What summary.csv and tuned.csv say of a place in a ranking."""
    entry, standing = row.entry, row.standing
    low, high = row.interval
    return dict(
        rank=row.rank,
        seeds=entry.seeds,
        final_val_loss=entry.loss,
        final_val_loss_std=entry.loss_std,
        to_best=standing.difference,
        to_best_low=low,
        to_best_high=high,
        p_adjusted=standing.p_adjusted,
        prob_best=standing.prob_best,
        verdict=standing_sentence(standing, ranking.verdicts),
    )


def pair_rows(ranking: Ranking) -> list[dict]:
    """`difference` is second minus first."""
    named = {row.standing.name: row for row in ranking.rows}
    losses = {name: row.standing.losses for name, row in named.items()}
    rows = []
    for pair in ranking.verdicts.pairs.values():
        first, second = (named[name].entry.setting for name in (pair.first, pair.second))
        d = pair.difference
        if d.n > 1:
            row = dict(
                steps=ranking.steps,
                first=first.scheduler,
                first_average=first.average,
                first_peak_lr=first.peak_lr,
                second=second.scheduler,
                second_average=second.average,
                second_peak_lr=second.peak_lr,
                seeds=d.n,
                difference=d.mean,
                std=d.sd,
                p_holm=pair.p_holm,
                seeds_needed=pair.seeds_needed,
                detectable=pair.detectable,
                verdict=pair_sentence(pair, losses),
            )
            rows.append(row | {name: getattr(d, name) for name in ("low", "high", "p")})
    return rows


def tuned_row(row: Ranked, ranking: Ranking, tuned: TunedEntry | None) -> dict:
    """What summary.csv says too, and for the schedule itself, not for averages of its weights, the tuning."""
    entry = row.entry
    judged = {
        **setting_columns(entry.setting),
        **loss_columns(row, ranking),
        **{status: len(getattr(entry, status)) for status in ("diverged", "failed")},
        "best_peak_lr": entry.setting.peak_lr,
    }
    return judged | (tuning_columns(tuned) if tuned else {})


def tuning_columns(tuned: TunedEntry) -> dict:
    """`runs` and `marginal_s` are of all peak lrs and seeds: what the chosen one cost to find counts.

    `tuning_val_loss` and `common_final_val_loss` are of the seeds that chose.
    """
    common: Entry | None = tuned.common.entry if tuned.common else None
    held_out = [result for result in tuned.best.results if result not in tuned.chosen.results]
    return {
        **{
            status: sum(result.status.value == status for result in tuned.results)
            for status in ("diverged", "failed")
        },
        "on_edge": tuned.on_edge,
        "peak_lrs": " ".join(f"{peak:g}" for peak in tuned.peaks),
        "fitted_peak_lr": tuned.bottom.peak,
        "fitted_low": tuned.bottom.low,
        "fitted_high": tuned.bottom.high,
        "as_good_peak_lrs": " ".join(f"{peak:g}" for peak in tuned.as_good),
        "tuning_seeds": tuned.chosen.seeds,
        "tuning_val_loss": tuned.chosen.loss,
        "runs": len(tuned.results),
        "judging_runs": len(held_out),
        "marginal_s": sum(result.marginal_s for result in tuned.results if result.run),
        "common_rank": tuned.common_rank,
        "common_peak_lr": common and common.setting.peak_lr,
        "common_final_val_loss": common and common.loss,
    }
