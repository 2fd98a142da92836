"""The ranking that a comparison ends with, in the terminal."""

from __future__ import annotations

import math

from rich.console import Console
from rich.markup import escape
from rich.table import Table

ONE_SEED = "One seed: no ranking is claimed, since seeds alone change the loss."
MORE_SEEDS = f"{ONE_SEED} Give --seeds 0,1,2 to see by how much."
CARRIED = "Carry-over: each schedule went on where the one before it ended, so the order in which they ran is most of this ranking."


def unfinished(done: int, asked: int) -> str:
    return f"Not finished: {done} of {asked} runs. The same command goes on."


def print_ranking(summary: list[dict], seeds: int):
    """Print the summary's rows, best first; with one seed, as an order and not as a ranking."""
    several_lrs, several_steps = (len({line[name] for line in summary}) > 1 for name in ("peak_lr", "steps"))
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("#", justify="right")
    table.add_column("schedule", no_wrap=True)
    if several_lrs:
        table.add_column("peak lr", justify="right")
    if several_steps:
        table.add_column("steps", justify="right")
    over_seeds = ["std over seeds", "to best", "95% interval", "p (Holm)"] if seeds > 1 else ["to best"]
    for heading in ("val loss", *over_seeds, "best val", "grad-norm spikes", "ms/step"):
        table.add_column(heading, justify="right")
    for line in summary:
        cells = [str(line["rank"]), escape(line["scheduler"])]
        if several_lrs:
            cells.append(f"{line['peak_lr']:g}")
        if several_steps:
            cells.append(f"{line['steps']:,}")
        cells.append(number(line["final_val_loss"]) + lost(line))
        if seeds > 1:
            cells.append(number(line["final_val_loss_std"]))
        cells.append(number(line["to_best"], "+.4f"))
        if seeds > 1:
            cells += [interval(line), number(line["p_holm"], ".2g")]
        cells += [
            number(line["best_val_loss"]),
            number(line["grad_norm_spikes"], ".1f"),
            number(line["step_ms_p50"], ".1f"),
        ]
        table.add_row(*cells)
    longest = max(len(line["scheduler"]) for line in summary)
    console = Console(
        highlight=False, width=max(Console().width, 125 + longest)
    )  # two cut names can look the same
    console.print()
    console.print(table)
    for line in summary:
        horizon = [other for other in summary if other["steps"] == line["steps"]]
        if line["rank"] == 1 and len(horizon) > 1 and seeds > 1:
            print("\n" + spell_verdicts(horizon, several_steps))
    if seeds == 1:
        print("\n" + MORE_SEEDS)


def spell_verdicts(lines: list[dict], several_steps: bool) -> str:
    """What the seeds say about the best of a horizon: which others may be as good, and what it would take to know."""
    best, *others = lines
    if "nothing is tested" in best["verdict"]:
        return best["verdict"].capitalize() + "."
    words = f"At {best['steps']:,} steps, " * several_steps + f"{best['scheduler']} {best['verdict']}."
    return "\n".join(
        [words, *(f"  {line['verdict']}" for line in others if "cannot be told apart" in line["verdict"])]
    )


def interval(line: dict) -> str:
    low, high = line.get("to_best_low", math.nan), line.get("to_best_high", math.nan)
    return "-" if math.isnan(low) else f"{low:+.4f} to {high:+.4f}"


def number(value: float, form: str = ".4f") -> str:
    return "-" if math.isnan(value) else format(value, form)


def lost(line: dict) -> str:
    """ " (1 of 3 diverged)" where not every seed came through."""
    words = [f"{line[s]} of {line['seeds']} {s}" for s in ("diverged", "failed") if line[s]]
    return f" ({', '.join(words)})" if words else ""
