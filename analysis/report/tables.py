"""The report's sections that are tables: the ranking, the cost, the verdict on each pair, and how to repeat it all."""

from __future__ import annotations

import math

import numpy as np

from analysis.cost import spell_cost
from analysis.figures.dots import fence, step_times, time_title
from analysis.figures.draw import MOST_PANELS
from analysis.figures.page import shorten, spell_lr
from analysis.measured import read_csv
from analysis.ranking import interval, lost, number
from analysis.report.markup import Html, caption_of, escape, folded, paragraph, plot, scrolled, table
from analysis.stats import ALPHA, all_pairs
from analysis.tables import MOST_VERDICTS

LONG = 30  # rows; a longer table is folded
SEVERAL_SEEDS = (
    "Intervals and p-values are of differences to the best, paired by seed; p is corrected for all pairs. "
    "P(best) is how often a bootstrap of the seeds has it first, widened as a t-test is for few seeds."
)
INTERVALS = "Dot: the mean difference to the best, paired by seed; line: its 95% interval. The intervals are not corrected for the number of pairs; the p-values in the table are."
NO_PAIRS = f"no two schedules have two seeds in common, or there are more than {MOST_VERDICTS} of them"
SIGNS = (
    "Row against column, in thousandths of a nat: ▼ the row is lower, ▲ it is higher, and the seeds tell them apart; ≈ they don't. "
    "Columns are numbered by rank; each cell's title is the verdict in words."
)


# -- the ranking


def ranking(c) -> Html:
    """For each horizon the differences to the best, drawn and as a table."""
    parts = []
    for steps, lines in c.horizons.items():
        at = f" at {steps:,} steps" * (len(c.horizons) > 1)
        parts.append(ranking_plot(c, lines, at))
        listed = ranking_table(
            c,
            lines,
            "Each schedule at its own best peak lr" * c.tuned or f"All {len(lines)} of the comparison",
            at,
        )
        parts.append(folded(f"The table of all {len(lines)}{at}", listed) if len(lines) > LONG else listed)
        if c.tuned:
            everything = [line for line in c.summary if line["steps"] == steps]
            parts.append(
                folded(
                    f"All {len(everything)} pairs of schedule and peak lr{at}",
                    ranking_table(c, everything, "Every schedule at every peak lr", at),
                )
            )
    return Html("".join(parts))


def ranking_table(c, lines: list[dict], caption: str, at: str) -> Html:
    columns = {"#": lambda line: line["rank"], "schedule": lambda line: c.named(line["scheduler"])}
    columns |= {"peak lr": lambda line: spell_lr(line["peak_lr"]) + " (edge)" * line.get("on_edge", False)}
    columns |= {
        "seeds": lambda line: line["seeds"],
        "final validation loss": lambda line: number(line["final_val_loss"]) + lost(line),
    }
    if c.several_seeds:
        columns["std over seeds"] = lambda line: number(line["final_val_loss_std"])
    columns["above the best"] = lambda line: number(to_best(line), "+.4f")
    if c.several_seeds:
        columns |= {
            "95% interval": interval,
            "p (Holm)": lambda line: number(line["p_holm"], ".2g"),
            "P(best)": lambda line: number(line["prob_best"], ".0%"),
        }
    if "common_rank" in lines[0]:
        columns["# at the common lr"] = lambda line: line["common_rank"] or "-"
    words = SEVERAL_SEEDS if c.several_seeds else "One seed: an order, not a ranking."
    return table(
        f"{caption}{at}. {words}",
        list(columns),
        [[spell(line) for spell in columns.values()] for line in lines],
    )


def ranking_plot(c, lines: list[dict], at: str) -> Html:
    """How far each is above the best, with its interval; with one seed the losses themselves."""
    lines = (
        lines
        if len(lines) <= MOST_PANELS
        else list({line["scheduler"]: line for line in reversed(lines)}.values())[::-1]
    )
    lines = sorted(lines, key=lambda line: line["rank"])
    losses = [line["final_val_loss"] for line in lines if not math.isnan(line["final_val_loss"])]
    edge = fence(np.array(losses)) - (losses[0] if c.several_seeds else 0) if losses else 1.0
    several_lrs = len({line["peak_lr"] for line in lines}) > 1
    names = [name_of((line["scheduler"], line["peak_lr"]), several_lrs) for line in lines]
    dots = [
        dict(
            schedule=line["scheduler"],
            label=name,
            words=row_words(line),
            x=to_best(line) if c.several_seeds else line["final_val_loss"],
        )
        | dict(low=line.get("to_best_low", math.nan), high=line.get("to_best_high", math.nan))
        for line, name in zip(lines, names)
    ]
    meaning = INTERVALS if c.several_seeds else "Dot: the run; one seed, so no ranking is claimed."
    xtitle = "above the best (nats a token)" if c.several_seeds else "final validation loss (nats a token)"
    return plot(
        "dots",
        ranking_finding(lines, names, at),
        f"{meaning} A triangle at the edge lies beyond it.",
        dict(rows=dots, edge=edge, zero=c.several_seeds, xtitle=xtitle),
    )


def to_best(line: dict) -> float:
    """NaN where no run came to its end, which may happen to the best too."""
    return math.nan if math.isnan(line["final_val_loss"]) else line["to_best"]


def ranking_finding(lines: list[dict], names: list[str], at: str) -> str:
    ended = [(line, name) for line, name in zip(lines, names) if not math.isnan(line["final_val_loss"])]
    if not ended:
        return f"No run came to its end{at}."
    if len(ended) == 1:
        return f"{shorten(ended[0][1])} ends at {ended[0][0]['final_val_loss']:.4f}{at}."
    last = max(
        ended, key=lambda pair: pair[0]["to_best"] if not math.isnan(pair[0]["to_best"]) else -math.inf
    )
    if not last[0]["to_best"] > 0:
        return f"{shorten(ended[0][1])} and the others end at the same loss{at}."
    return f"{shorten(ended[0][1])} is lowest{at}, and the others end up to {last[0]['to_best']:.4f} above it ({shorten(last[1])})."


def row_words(line: dict) -> str:
    loss = (
        "no complete run"
        if math.isnan(line["final_val_loss"])
        else f"validation loss {line['final_val_loss']:.4f}"
    )
    return f"{loss}{lost(line)}; {line['verdict']}"


# -- cost


def cost(c) -> Html:
    """What the sweep took, and whether the schedules differ in time."""
    ranges = step_times(c.groups)
    if not ranges:
        return Html("")
    words = time_title(ranges) + "."
    total = c.manifest["cost"]
    spent = f"The training steps took {total['marginal_s']:,.0f} seconds, added over all runs; each run alone would have taken {total['wall_s']:,.0f}."
    if c.branches is not None and total["runs"] > 1:
        spent = f"{spell_cost(total, c.rows)}. {spent}"
    rows = []
    for group in c.groups:
        line, (low, median, high) = group.line, ranges.get(group.label, [math.nan] * 3)
        step = f"{number(median, '.1f')} ({number(low, '.1f')} to {number(high, '.1f')})"
        seconds = [number(line[name], ",.1f") for name in ("wall_s", "marginal_s")]
        rows.append(
            [
                c.named(line["scheduler"], group.label[len(line["scheduler"]) :]),
                step,
                *seconds,
                number(line["tokens_per_s"], ",.0f"),
            ]
        )
    head = [
        "schedule",
        "ms a step: median (5th to 95th percentile)",
        "seconds a run alone",
        "seconds it added",
        "tokens a second",
    ]
    listed = table(
        "Mean over the complete seeds of each schedule; validation is left out of the times",
        head,
        rows,
        named=0,
    )
    shown = folded(f"The table of all {len(rows)}", listed) if len(rows) > LONG else listed
    return Html(paragraph(spent) + paragraph(words) + shown)


# -- verdicts


def verdicts(c) -> Html:
    """For each horizon, every schedule against every other: how far apart, and whether the seeds tell them apart."""
    parts = []
    for steps, lines in c.horizons.items():
        if len(lines) > 1 and c.several_seeds:
            pairs = tuned_pairs(c.rows, lines) if c.tuned else read_pairs(c.out, steps)
            at = f" at {steps:,} steps" * (len(c.horizons) > 1)
            parts.append(
                matrix(c, lines, pairs, at) if pairs else paragraph(f"Nothing is tested{at}: {NO_PAIRS}.")
            )
    return Html("".join(parts))


def read_pairs(out, steps: int) -> dict:
    """((schedule, peak lr) of the first, of the second) -> (difference, second minus first; Holm's p; words), from pairs.csv."""
    if not (out / "pairs.csv").exists():
        return {}
    rows = [row for row in read_csv(out / "pairs.csv") if int(row["steps"]) == steps]
    settings = [
        tuple((row[name], float(row[f"{name}_peak_lr"])) for name in ("first", "second")) for row in rows
    ]
    return {
        pair: (float(row["difference"]), float(row["p_holm"] or "nan"), row["verdict"])
        for pair, row in zip(settings, rows)
    }


def tuned_pairs(rows: list[dict], lines: list[dict]) -> dict:
    """The same of schedules at their own best peak lrs, which have Holm's correction to themselves."""
    from analysis.tuned import losses_of

    peaks = {line["scheduler"]: line["peak_lr"] for line in lines}
    pairs = all_pairs({line["scheduler"]: losses_of(rows, line) for line in lines}).values()
    return {
        ((p.first, peaks[p.first]), (p.second, peaks[p.second])): (p.difference.mean, p.p_holm, p.verdict)
        for p in pairs
        if p.difference.n > 1
    }


def matrix(c, lines: list[dict], pairs: dict, at: str) -> Html:
    """A row and a column for each schedule, by rank: the difference in thousandths of a nat, with a sign that needs no colour."""
    told = {pair: p < ALPHA for pair, (_, p, _) in pairs.items()}
    several_lrs = len({line["peak_lr"] for line in lines}) > 1
    settings = [(line["scheduler"], line["peak_lr"]) for line in lines]
    head = "".join(
        f'<th scope="col" title="{escape(name_of(s, several_lrs))}">{line["rank"]}</th>'
        for s, line in zip(settings, lines)
    )
    body = ""
    for line, own in zip(lines, settings):
        cells = "".join(cell(pairs, own, other) for other in settings)
        body += f'<tr><td>{line["rank"]}</td><th scope="row">{c.named(own[0], f" @ {spell_lr(own[1])}" * several_lrs)}</th>{cells}</tr>\n'
    finding = f"{sum(told.values())} of {len(told)} pairs are told apart{at}"
    words = f"{finding} at 5% after Holm's correction. {SIGNS}"
    shown = f'<table class="matrix">{caption_of(words)}<thead><tr><th scope="col">#</th><th scope="col" class="named">schedule</th>{head}</tr></thead><tbody>{body}</tbody></table>'
    return scrolled(finding, shown)


def cell(pairs: dict, row: tuple, column: tuple) -> str:
    if row == column:
        return "<td></td>"
    pair = (row, column) if (row, column) in pairs else (column, row)
    if pair not in pairs:
        return '<td title="fewer than two seeds in common">-</td>'
    difference, p, words = pairs[pair]
    above = -difference if pair == (row, column) else difference  # of the row over the column
    sign, kind = ("≈", "same") if not p < ALPHA else ("▼", "lower") if above < 0 else ("▲", "higher")
    return f'<td class="{kind}" title="{escape(words)}">{sign} {abs(1000 * above):.{1 if abs(above) < 0.00995 else 0}f}</td>'


def name_of(setting: tuple, several_lrs: bool) -> str:
    return setting[0] + f" @ {spell_lr(setting[1])}" * several_lrs


# -- how to repeat


def repeat(c) -> Html:
    """The command, and what manifest.json says of data, machine, versions and settings."""
    data, machine = c.manifest["dataset"], c.manifest["machine"]
    facts = {
        "data": data["name"],
        "data fingerprint": data["fingerprint"],
        "tokenizer": f"{data['tokenizer']}, {data['vocab_size']:,} tokens",
    }
    facts |= {"tokens": f"{data['train_tokens']:,} to train on, {data['val_tokens']:,} to validate"}
    facts |= {"machine": f"{machine['device'] or 'unknown'}, {machine['platform']}"}
    facts |= {f"{name} version": text for name, text in c.manifest["versions"].items()}
    about, settings = (list(map(list, listed.items())) for listed in (facts, c.manifest["config"]))
    made = table("Data, machine and versions", ["name", "value"], about, named=0) + table(
        "Settings, as decided on this machine", ["name", "value"], settings, named=0
    )
    return Html(f'<pre><code>{escape(c.manifest["command"])}</code></pre><div class="pair">{made}</div>')
