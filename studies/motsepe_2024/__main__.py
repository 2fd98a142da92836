"""The 2024 blog comparison, checked: what it published, its protocol in two orders, and fresh runs.

    python -m studies.motsepe_2024 results/motsepe_2024 --published RUNS.json

Protocol. The blog trained ten schedules one after another on one model and optimizer, which it never reset.
Three comparisons repeat it with configs/motsepe_small.toml, which has the blog's schedules, steps and
optimizer and a small model, with five seeds. They share no run, so any of them can be trained first:

1. carry-over: one after another in the blog's order, without a reset, as the blog did;
2. reversed: the same in the opposite order;
3. fresh: every schedule from fresh weights and a fresh optimizer.

Fixed by the blog before anything was trained here: the schedules, their order and their parameters, and the
number that is ranked by, the training loss of the last step. Rankings are compared by Spearman's rank
correlation. A ranking that the schedules make agrees with all three; one that the order makes agrees with the
first, is the opposite of the second, and has nothing to do with the third.

This script reads the folders carry-over, reversed and fresh, made by the commands that README.md gives, and
writes README.md, published.csv and protocols.png beside them. RUNS.json holds the blog's raw numbers: for
each of its names `losses`, `lrs` and `times` of every step. Without it the published.csv of an earlier call
is used, and the figure stays as it is.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from nanosched.command import fail
from studies.motsepe_2024.data import (
    read_last_losses,
    read_mean_curves,
    read_published,
    read_raw,
    write_published,
)
from studies.motsepe_2024.figure import draw_protocols
from studies.motsepe_2024.page import write_readme


def main():
    parser = argparse.ArgumentParser(
        prog="python -m studies.motsepe_2024",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "out", type=Path, metavar="DIR", help="with the folders carry-over, reversed and fresh"
    )
    parser.add_argument("--published", type=Path, metavar="RUNS.json", help="the blog's raw numbers")
    args = parser.parse_args()
    try:
        files = write_all(args.out, args.published)
    except (OSError, ValueError) as e:
        fail(e)
    print("\n".join(map(str, files)))


def write_all(out: Path, raw_path: Path | None) -> list[Path]:
    """README.md, and with the blog's raw numbers published.csv and protocols.png too."""
    raw = read_raw(raw_path) if raw_path else None
    if raw:
        write_published(out, raw)
    published = read_published(out)
    losses = read_last_losses(out, published)
    files = [write_readme(out, published, losses)]
    if raw:
        curves = [
            [run.losses for run in raw],
            *(read_mean_curves(out / name, published) for name in ("carry-over", "fresh")),
        ]
        files.append(draw_protocols(out, published, losses, curves))
    return files


if __name__ == "__main__":
    main()
