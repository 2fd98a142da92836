"""summary.md: the ranking as a table to paste."""

from __future__ import annotations

import math
from pathlib import Path

from analysis.ranking import ONE_SEED, interval, lost, number
from nanosched.files import atomic


def write_markdown(out: Path, lines: list[dict], notes: list[str] = ()) -> Path:
    """Write out/summary.md: one table, the verdicts on the best of each horizon, and the notes.

    Args:
        out: the comparison's folder.
        lines: what is ranked: those of summary.csv, or with --tune each schedule at its own best peak lr.
        notes: what the reader must know beside.
    """
    path = Path(out) / "summary.md"
    with atomic(path) as temporary:
        temporary.write_text(
            "\n".join([*table(lines), "", *verdicts(lines), *notes]) + "\n", encoding="utf-8"
        )
    return path


def table(summary: list[dict]) -> list[str]:
    head = "| # | schedule | peak lr | steps | seeds | final validation loss | std over seeds | above the best | 95% interval | p (Holm) |"
    rows = [head, "|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|"]
    for line in summary:
        name = "`" + line["scheduler"].replace("|", "\\|").replace("`", "'") + "`"
        loss = number(line["final_val_loss"]) + lost(line)
        cells = [
            line["rank"],
            name,
            f"{line['peak_lr']:g}",
            f"{line['steps']:,}",
            line["seeds"],
            loss,
            number(line["final_val_loss_std"]),
        ]
        cells += [number(line["to_best"]), interval(line), number(line["p_holm"], ".2g")]
        rows.append("| " + " | ".join(map(str, cells)) + " |")
    return rows


def verdicts(summary: list[dict]) -> list[str]:
    if all(line["seeds"] < 2 for line in summary):
        return [ONE_SEED]
    best = [line for line in summary if line["rank"] == 1 and not math.isnan(line["final_val_loss"])]
    return [f"At {line['steps']:,} steps, {named(line)}{line['verdict']}." for line in best]


def named(line: dict) -> str:
    return "" if "nothing is tested" in line["verdict"] else f"`{line['scheduler']}` "
