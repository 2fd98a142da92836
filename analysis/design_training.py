"""The designs of a comparison trained by compare.py, as any schedule of it is, and what came out."""

from __future__ import annotations

import json
import math
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from analysis.design_rounds import is_design, is_own, label_of
from analysis.differences import ALPHA
from analysis.noise import Losses
from analysis.simultaneous import Interval, against_best
from nanosched.csv_files import read_csv
from nanosched.run_files import Status
from schedulers import resolve, split_specs

COMPARE = Path(__file__).parents[1] / "compare.py"
OTHER_SEEDS = ("--tune", "--until-decided", "--aa")  # give schedules other peak lrs, or other seeds


@dataclass(frozen=True)
class Protocol:
    """How a comparison was made, so that a design can be trained in the same way."""

    out: Path
    command: tuple[str, ...]  # arguments of compare.py
    schedulers: tuple[str, ...]  # as compare.py was given them, without designs of this folder
    seeds: tuple[int, ...]


def read_protocol(out: Path, peak_lr: float | None) -> Protocol:
    """From the manifest, which must be there.

    Args:
        out: the comparison's folder.
        peak_lr: the one to design at; None for the comparison's only one.

    Raises:
        ValueError: a comparison in which a design can't stand beside the others.
    """
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    words, runs = shlex.split(manifest["command"])[2:], manifest["runs"]
    for option in OTHER_SEEDS:
        if option in words:
            raise ValueError(
                f"{out} was made with {option}: a design is compared at one peak lr with the same seeds for "
                "all, so give a comparison with --peak-lr and --seeds alone"
            )
    check_one("horizon", {run["steps"] for run in runs}, "a comparison of one")
    if peak_lr is None:
        check_one("peak lr", {run["peak_lr"] for run in runs}, "one of them as --peak-lr")
    if resolve(label_of(out, 1)) != [label_of(out, 1)]:
        raise ValueError(f"out='{out}' can't stand in a schedule's name: give a path without , and spaces")
    at_peak = [] if peak_lr is None else ["--peak-lr", repr(peak_lr)]
    kept, taken = without([word for word in words if word], "--schedulers", "--out")
    given = split_specs(" ".join(taken["--schedulers"]) or ",".join(run["scheduler"] for run in runs))
    return Protocol(
        out,
        command=(*kept, *at_peak, "--out", str(out)),
        schedulers=tuple(dict.fromkeys(label for label in given if not is_own(label))),
        seeds=tuple(sorted({run["seed"] for run in runs})),
    )


def check_one(name: str, values: set[float], instead: str):
    if len(values) > 1:
        several = ", ".join(f"{value:g}" for value in sorted(values))
        raise ValueError(f"the comparison has the {name}s {several}, and a law holds at one: give {instead}")


def without(words: list[str], *options: str) -> tuple[list[str], dict[str, list[str]]]:
    """A command line without these options, and what stood behind each of them."""
    kept, taken, option = [], {name: [] for name in options}, None
    for word in words:
        if word.startswith("--"):
            name, _, value = word.partition("=")
            option, word = (name, value) if name in taken else (None, word)
        if option is None:
            kept.append(word)
        elif word:
            taken[option].append(word)
    return kept, taken


def train(protocol: Protocol, designs: list[str]):
    """Let compare.py train the designs beside the comparison's schedules; what is complete it takes as it is.

    Raises:
        ValueError: it could not.
    """
    command = [*protocol.command, "--schedulers", ",".join([*protocol.schedulers, *designs])]
    sys.stdout.flush()
    if subprocess.run([sys.executable, str(COMPARE), *command]).returncode:
        raise ValueError(f"the design was not trained, as said above: compare.py {shlex.join(command)}")


def read_losses(protocol: Protocol, peak_lr: float) -> dict[str, Losses]:
    """schedule -> seed -> final validation loss of the last weights, NaN unless completed."""
    losses = {}
    for row in read_csv(protocol.out / "runs.csv"):
        if float(row["peak_lr"]) == peak_lr and not row["average"]:
            complete = row["status"] == Status.COMPLETE.value
            loss = float(row["final_val_loss"]) if complete else math.nan
            losses.setdefault(row["scheduler"], {})[int(row["seed"])] = loss
    return losses


def is_trained(losses: dict[str, Losses], design: str, protocol: Protocol) -> bool:
    return set(losses.get(design, {})) >= set(protocol.seeds)


def check_complete(losses: dict[str, Losses], design: str, protocol: Protocol):
    """ValueError for a design that lacks a seed."""
    of_design = losses.get(design, {})
    missing = [seed for seed in protocol.seeds if math.isnan(of_design.get(seed, math.nan))]
    if missing:
        raise ValueError(
            f"{design} has no complete run with seed {', '.join(map(str, missing))}: it diverged or failed, "
            "and a law is fitted on complete curves; design at a lower --peak-lr"
        )


def against_others(losses: dict[str, Losses], design: str, designs: int) -> Interval:
    """The design's loss minus that of the best schedule that is no design, whichever that is.

    Args:
        losses: as of `read_losses`.
        design: one of them.
        designs: how many are compared so; their intervals hold all at once with 95%.
    """
    others = {label: row for label, row in losses.items() if label == design or not is_design(label)}
    return against_best(others, ALPHA / designs)[design]
