"""Which of several methods has the lowest loss: for the losses of any training script.

    python -m analysis.decide losses.csv --margin 0.005
    python -m analysis.decide losses.csv --margin 0.005 --baseline cosine --json verdict.json
    python -m analysis.decide losses.csv --margin 0.005 --sequential --look 2   # of 3, 5, 8, 12, 20 seeds

Reads a CSV file with the columns method, seed and loss; runs with one seed are compared with one another.
`step` makes it whole curves, whose last step counts; `pair` is what runs are paired by, if not the seed. A
loss that is empty, nan or inf is a run that did not complete.

Exit code 0: all methods are decided; 3: more seeds are needed; 2: the file or an option is wrong.
"""

from __future__ import annotations

import argparse
import difflib
import json
import math
from dataclasses import replace
from pathlib import Path

from analysis.differences import ALPHA, finite
from analysis.given_losses import read_losses
from analysis.looks import LOOKS, looks_up_to, nominal_levels
from analysis.noise import Losses
from analysis.sentences import ranking_sentences
from analysis.terminal import print_table, print_text
from analysis.text import format_interval, format_number, listed
from analysis.text_table import TextTable
from analysis.verdicts import MARGIN, Standing, Verdict, Verdicts, completed_seeds, judge
from nanosched.command import CommandParser, fail, run_command
from nanosched.errors import not_allowed, quoted
from nanosched.files import atomic

DECIDED, UNDECIDED = 0, 3  # exit codes


def main() -> int:
    args = parse_args()
    try:
        losses = read_losses(args.losses)
        check_baseline(args.baseline, losses)
        looks = looks_up_to(args.max_seeds)
        alpha = level_of(args.look, looks, losses) if args.sequential else ALPHA
        verdicts = with_p_of_all_looks(judge(losses, args.baseline, args.margin, alpha))
        if args.json:
            write_json(args.json, verdicts)
    except (OSError, ValueError) as e:
        fail(e)
    print_table(table(verdicts))
    for lines in ranking_sentences(verdicts), *([note] for note in notes(verdicts, args.look, looks)):
        print_text("\n" + "\n".join(lines))
    return DECIDED if decided(verdicts) else UNDECIDED


def parse_args() -> argparse.Namespace:
    parser = CommandParser(__doc__)
    add = parser.add_argument
    add("losses", type=Path, metavar="losses.csv", help="columns method, seed, loss; optional: step, pair")
    margin = (
        f"differences below it don't matter, in the loss's unit; compare.py takes {MARGIN:g} nats per token"
    )
    add("--margin", type=float, required=True, metavar="X", help=margin)
    add("--baseline", metavar="NAME", help="the method to compare with, chosen beforehand; default the best")
    add("--json", type=Path, metavar="FILE", help="write the verdicts there too")
    add("--sequential", action="store_true", help="the losses are those of a look of a planned series")
    add(
        "--look",
        type=int,
        metavar="K",
        help=f"which one, from 1 on: the looks are at {listed_numbers(LOOKS)}",
    )
    most = f"of the series, default {LOOKS[-1]}; the last look is there"
    add("--max-seeds", type=int, default=LOOKS[-1], metavar="N", help=most)
    args = parser.parse_args()
    if not 0 <= args.margin < math.inf:
        fail(not_allowed("--margin", args.margin, "give a number from 0 on, such as 0.005"))
    if args.sequential != (args.look is not None):
        fail("--sequential and --look belong together: give both, such as --sequential --look 1")
    return args


def check_baseline(baseline: str | None, losses: dict[str, Losses]):
    if baseline is None or baseline in losses:
        return
    near = difflib.get_close_matches(baseline, losses, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]}?" if near else f"give one of {listed(list(losses)[:10])}"
    raise ValueError(f"--baseline {quoted(baseline)} is no method of the file: {hint}")


def level_of(look: int, looks: tuple[int, ...], losses: dict[str, Losses]) -> float:
    """The family-wise level of this look; a file that is of another one is refused."""
    if not 1 <= look <= len(looks):
        raise not_allowed("--look", look, f"there are {len(looks)}, at {listed_numbers(looks)} seeds")
    seeds = max(map(len, losses.values()))
    if seeds != looks[look - 1]:
        right = f"give --look {looks.index(seeds) + 1}" if seeds in looks else "give those of one look"
        raise ValueError(f"look {look} is at {looks[look - 1]} seeds, but the file has {seeds}: {right}")
    return nominal_levels(looks, len(losses))[look - 1]


def with_p_of_all_looks(verdicts: Verdicts) -> Verdicts:
    """p is below ALPHA, as for one look, if and only if it is below this look's level."""
    standings = [
        replace(s, interval=replace(s.interval, p=min(1.0, s.interval.p * ALPHA / verdicts.alpha)))
        if s.interval and s.interval.p < 1
        else s
        for s in verdicts.standings
    ]
    return replace(verdicts, standings=tuple(standings))


def listed_numbers(numbers: tuple[int, ...]) -> str:
    return listed([str(number) for number in numbers])


def decided(verdicts: Verdicts) -> bool:
    """Whether every method that completed a run has a verdict, by the intervals that are shown."""
    compared = [s for s in verdicts.standings if s.name != verdicts.baseline and completed_seeds(s.losses)]
    still_open = Verdict.UNDECIDED, Verdict.UNTESTED, None
    return bool(compared) and not any(standing.verdict in still_open for standing in compared)


# -- what is shown


def table(verdicts: Verdicts) -> TextTable:
    to = verdicts.baseline or "best other"
    interval = "95% interval" if verdicts.alpha == ALPHA else f"{100 * (1 - verdicts.alpha):.2f}% interval"
    headings = ["method", "seeds", "mean", f"- {to}", interval, "p", "verdict"]
    return TextTable(headings, [cells(s) for s in verdicts.standings], names=("method", "verdict"))


def cells(standing: Standing) -> list[str]:
    completed, interval = completed_seeds(standing.losses), standing.interval
    seeds = f"{completed} of {len(standing.losses)}" if standing.incomplete else str(completed)
    difference = interval.mean if interval else None
    return [
        standing.name,
        seeds,
        format_number(standing.mean),
        format_number(difference, "+.4f"),
        format_interval(interval.low, interval.high) if interval else "-",
        format_number(standing.p_adjusted, ".2g"),
        standing.verdict.value if standing.verdict else "baseline",
    ]


def notes(verdicts: Verdicts, look: int | None, looks: tuple[int, ...]) -> list[str]:
    """What the reader must know beside the verdicts."""
    found = []
    if look is not None:
        found.append(
            f"Look {look} of {len(looks)}, at {looks[look - 1]} seeds ({listed_numbers(looks)} are planned): "
            f"its intervals hold with {100 * (1 - verdicts.alpha):.2f}%, so that all looks together err in "
            f"at most {ALPHA:.0%} of all comparisons; p is of all looks too."
        )
    paired, unpaired = noise_of_pairs({s.name: finite(s.losses) for s in verdicts.standings})
    if paired >= unpaired > 0:
        found.append(
            "Pairing does not reduce the noise: the difference of two methods has a standard deviation of "
            f"{paired:.2g} within a seed, and of {unpaired:.2g} across seeds. The intervals hold, but runs "
            "with one seed should begin with the same weights and see the same data in the same order."
        )
    return found


def noise_of_pairs(losses: dict[str, Losses]) -> tuple[float, float]:
    """Root mean square standard deviation of a difference, over all pairs of methods: paired, and not.

    NaN with fewer than two seeds that all pairs have in common.
    """
    import numpy as np

    seeds = sorted(set.intersection(*(set(row) for row in losses.values() if row) or [set()]))
    rows = [[row[seed] for seed in seeds] for row in losses.values() if row]
    if len(seeds) < 2 or len(rows) < 2:
        return math.nan, math.nan
    covariance = np.cov(rows)
    n, own = len(rows), np.trace(covariance)
    shared = (covariance.sum() - own) / (n * (n - 1))
    return math.sqrt(max(0.0, 2 * (own / n - shared))), math.sqrt(2 * own / n)


def write_json(path: Path, verdicts: Verdicts):
    """The table, unrounded; what is no number is null."""
    best = verdicts.best
    found = dict(
        methods=[as_json(standing) for standing in verdicts.standings],
        best=best.name if completed_seeds(best.losses) else None,
        decided=decided(verdicts),
    )
    with atomic(path) as temporary:
        temporary.write_text(json.dumps(found, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def as_json(standing: Standing) -> dict:
    interval = standing.interval
    numbers = dict(
        mean=standing.mean,
        difference=interval.mean if interval else math.nan,
        low=interval.low if interval else math.nan,
        high=interval.high if interval else math.nan,
        p=standing.p_adjusted,
    )
    return dict(
        method=standing.name,
        seeds=completed_seeds(standing.losses),
        **{name: number if math.isfinite(number) else None for name, number in numbers.items()},
        verdict=standing.verdict.value if standing.verdict else None,
    )


if __name__ == "__main__":
    run_command(main)
