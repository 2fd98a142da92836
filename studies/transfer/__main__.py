"""Does a laptop predict 124M? The page, from the study's runs and the published ones.

    python -m studies.transfer --data DATA    # the folder of the 124M runs, which the repository lacks

The protocol is protocol.md; the runs are read by `small_runs`, predictions made by `predict` and `by_peak`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from analysis.differences import rank_correlation
from nanosched.command import fail
from studies.page import write_page
from studies.transfer.by_peak_runs import CONSTANT, PEAKS, SETTINGS, Losses, read_losses
from studies.transfer.compared import FACTOR, at_all_peaks, compare
from studies.transfer.figure import draw_regimes, draw_transfer
from studies.transfer.larger import best_losses, bound_rank_correlation, law_rank_correlation
from studies.transfer.small_runs import RUNS, Grid, Regime, read_runs
from studies.transfer.words import finding, regime_finding

TEMPLATE = Path(__file__).with_name("page.md.j2")
SHOWN = 20  # tokens per parameter of what is drawn and tabled setting by setting


def main():
    parser = argparse.ArgumentParser(
        prog="python -m studies.transfer",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="the folder of the 124M runs")
    parser.add_argument("--runs", type=Path, default=RUNS, metavar="FILE")
    parser.add_argument("--out", type=Path, default=RUNS.parent, metavar="DIR")
    args = parser.parse_args()
    try:
        paths = report(args.data, args.out, read_runs(args.runs), read_losses(args.data))
        print("\n".join(map(str, paths)))
    except (OSError, ValueError, RuntimeError) as e:
        fail(e)


def report(data: Path, out: Path, grids: dict[Regime, Grid], losses: Losses) -> list[Path]:
    compared = [compare(regime, grid, losses) for regime, grid in grids.items()]
    shown = [one for one in compared if abs(one.regime.tokens_per_parameter - SHOWN) < 1]
    drawn = shown[:2]
    title, regimes = finding(drawn[-1]), regime_finding(compared)
    page = write_page(
        out,
        TEMPLATE,
        finding=title,
        regime_finding=regimes,
        compared=compared,
        shown=shown,
        settings=SETTINGS,
        large=best_losses(losses, 25_000),
        factor=FACTOR,
        all_peaks=all_peaks_agreement(grids[drawn[-1].regime], losses),
        drawn=drawn[-1],
        bound=bound_rank_correlation(losses),
        laws={peak: law_rank_correlation(data, losses, peak) for peak in PEAKS[:2]},
    )
    figures = [
        draw_transfer(out, title, drawn, grids[drawn[-1].regime], losses),
        draw_regimes(out, regimes, compared),
    ]
    return [page, *figures]


def all_peaks_agreement(grid: Grid, losses: Losses) -> dict[str, dict]:
    """Rank correlations over all points, and over those of decaying schedules."""
    points = at_all_peaks(grid, losses)
    decaying = [point for point in points if point[0] != CONSTANT]
    return {
        name: dict(n=len(chosen), rank=rank_correlation(*(list(v) for v in list(zip(*chosen))[1:])))
        for name, chosen in (("all", points), ("decaying", decaying))
    }


if __name__ == "__main__":
    main()
