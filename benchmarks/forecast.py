"""Time of the fit of both loss laws, and their errors on the curves that they were not fitted on.

    python -m benchmarks.forecast FOLDER               # fitted on cosine_24000, constant_24000 and wsdcon_9
    python -m benchmarks.forecast FOLDER --fit-on constant_72000,wsdcon_3 --turns 9
    python -m benchmarks.forecast FOLDER --triples     # on every three of the curves in turn

FOLDER has curves in the format of Luo et al.'s (arXiv 2503.12811): a CSV each with columns step, lr and loss,
named by its learning rates, which are made from the name and compared with the column. The peak is the
largest lr, the warmup rises from 0 over --warmup steps, and decays end at a tenth of the peak. Points at or
after the last step are left out. The time is the least of the turns; the errors are means over the curves
that were not fitted on, the worst that of all their points.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from pathlib import Path

import numpy as np

from theory import AnnealingLaw, Curve, MultiPowerLaw

PUBLISHED = ["cosine_24000", "constant_24000", "wsdcon_9"]  # what the paper fits on


def all_lrs(name: str, peak: float, warmup: int) -> np.ndarray:
    """The learning rates of the run with this name.

    constant_T, cosine_T, wsd_D_T and wsdld_D_T (decay from D on), wsdcon_N (N 1e-5 from 8,000 on).
    """
    kind, *numbers = name.split("_")
    *begin, steps = [8000, 16_000] if kind == "wsdcon" else map(int, numbers)
    t = np.arange(warmup, steps)
    part = np.maximum(t - begin[0], 0) / (steps - begin[0]) if begin else (t - warmup) / (steps - warmup)
    decays = {
        "constant": lambda: np.ones(len(t)),
        "cosine": lambda: 0.1 + 0.9 * (1 + np.cos(np.pi * part)) / 2,
        "wsd": lambda: 0.1**part,
        "wsdld": lambda: 1 - 0.9 * part,
        "wsdcon": lambda: np.where(t < 8000, 1, float(numbers[0]) * 1e-5 / peak),
    }
    return peak * np.append(np.linspace(0, 1, warmup), decays[kind]())


def read_curves(folder: Path, warmup: int) -> dict[str, Curve]:
    curves = {}
    for path in sorted(folder.glob("*.csv")):
        steps, lrs, losses = np.genfromtxt(path, delimiter=",", skip_header=1).T
        run_lrs = all_lrs(path.stem, lrs.max(), warmup)
        within = steps < len(run_lrs)
        if not np.allclose(run_lrs[steps[within].astype(int)], lrs[within], rtol=1e-6):
            sys.exit(f"error: {path}: the lr column is not what its name says, with {warmup} steps of warmup")
        curves[path.stem] = Curve(run_lrs, steps[within], losses[within])
    return curves


def errors(law, curve: Curve) -> np.ndarray:
    """R2, mean absolute error, root mean square error, mean relative error, worst relative error."""
    error = law.predict(curve.lrs, curve.steps) - curve.losses
    relative = np.abs(error) / curve.losses
    return np.array(
        [
            1 - np.mean(error**2) / np.var(curve.losses),
            np.abs(error).mean(),
            np.sqrt(np.mean(error**2)),
            relative.mean(),
            relative.max(),
        ]
    )


def timed_fit(kind, curves, names, turns):
    """(law, least seconds of the fit)."""
    seconds = []
    for _ in range(turns):
        start = time.perf_counter()
        law = kind.fit([curves[name] for name in names])
        seconds.append(time.perf_counter() - start)
    return law, min(seconds)


def compare(curves, names, turns):
    for kind in (MultiPowerLaw, AnnealingLaw):
        law, seconds = timed_fit(kind, curves, names, turns)
        print(
            f"\n{kind.__name__} on {', '.join(names)}: {seconds:.2f} s\n"
            + ", ".join(f"{name} {value:.4g}" for name, value in law.parameters.items())
        )
        print(f"{'':20} {'R2':>9} {'MAE':>9} {'RMSE':>9} {'relative':>9} {'worst':>9}")
        rows = {name: errors(law, curve) for name, curve in curves.items()}
        held_out = np.array([row for name, row in rows.items() if name not in names])
        for name, row in {**rows, "mean, held out": held_out.mean(axis=0)}.items():
            print(f"{name:20} " + " ".join(f"{value:9.5f}" for value in row) + "  fitted" * (name in names))


def compare_triples(curves):
    print(f"{'MAE, fitted on':60} multi-power annealing")
    rows = []
    for names in itertools.combinations(curves, 3):
        row = []
        for kind in (MultiPowerLaw, AnnealingLaw):
            try:
                law, _ = timed_fit(kind, curves, names, 1)
                held_out = [curve for name, curve in curves.items() if name not in names]
                row.append(np.mean([errors(law, curve)[1] for curve in held_out]))
            except (ValueError, RuntimeError):
                row.append(np.nan)
        rows.append(row)
        print(f"{', '.join(names):60} " + " ".join(f"{value:9.5f}" for value in row), flush=True)
    statistics = dict(
        least=np.nanmin,
        median=np.nanmedian,
        most=np.nanmax,
        refused=lambda rows, axis: np.isnan(rows).sum(axis),
    )
    for name, statistic in statistics.items():
        print(f"{name:60} " + " ".join(f"{value:9.5g}" for value in statistic(rows, axis=0)))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--fit-on",
        default=",".join(PUBLISHED),
        metavar="NAME[,NAME...]",
        help="curves to fit on, default the paper's",
    )
    parser.add_argument("--triples", action="store_true", help="fit on every three of the curves instead")
    parser.add_argument("--warmup", type=int, default=2160, help="steps, default 2160")
    parser.add_argument("--turns", type=int, default=3, help="of each fit, default 3")
    args = parser.parse_args()
    curves = read_curves(args.folder, args.warmup)
    if args.triples:
        return compare_triples(curves)
    names = args.fit_on.split(",")
    if unknown := [name for name in names if name not in curves]:
        sys.exit(f"error: {args.folder} has no curve {unknown[0]!r}: it has {', '.join(curves) or 'none'}")
    try:
        compare(curves, names, args.turns)
    except (ValueError, RuntimeError) as e:
        sys.exit(f"error: {e}")


if __name__ == "__main__":
    main()
