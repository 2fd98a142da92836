"""Which schedule has the lowest convex bound, and how much does a wrong peak learning rate cost each?

    python -m studies.convex_bound.schedule_comparison

T steps without warmup, gradient norms and distance 1. Every schedule runs at the peak lr that minimises its
own bound at T. Out come the bound at every step and the bound at T against the peak lr. Since it is A / lr
+ B lr, m times the best peak lr costs every schedule the same, (m + 1/m) / 2 - 1.
"""

import numpy as np

from analysis.figures.colours import colour_of
from schedulers import get_schedule
from studies.convex_bound.chart import Line, Panel, arguments, draw, print_table
from theory.convex_bound import bound, bound_curve, optimal_peak_lr

SPECS = ("bound_optimal", "linear", "cosine:final_lr_ratio=0", "wsd", "inverse_sqrt", "one_cycle", "constant")
MULTIPLES = 2.0 ** np.linspace(-3, 3, 25)


def compute(steps):
    """A dict per schedule, the lowest bound first: spec, peak_lr, bound, curve, basin (at MULTIPLES)."""
    rows = []
    for spec in SPECS:
        shape = get_schedule(spec, steps, 1.0).lrs()
        peak_lr, lowest = optimal_peak_lr(shape)
        peak_lr /= shape.max()
        basin = np.array([bound(m * peak_lr * shape) for m in MULTIPLES])
        rows.append(
            dict(spec=spec, peak_lr=peak_lr, bound=lowest, curve=bound_curve(peak_lr * shape), basin=basin)
        )
    return sorted(rows, key=lambda row: row["bound"])


def title(rows):
    first, *others = rows
    above = ", ".join(
        f"{row['spec'].split(':')[0]} {row['bound'] / first['bound'] - 1:.1%}" for row in others
    )
    doubled = [np.interp(1, np.log2(MULTIPLES), row["basin"]) / row["bound"] - 1 for row in rows]
    return (
        f"{first['spec']} has the lowest bound; above it: {above}. Twice the best peak lr costs "
        f"{span(doubled)}"
    )


def span(costs):
    low, high = f"{min(costs):.0%}", f"{max(costs):.0%}"
    return f"{low} with every schedule" if low == high else f"{low} to {high}"


def main():
    args = arguments(__doc__, "schedule_comparison", 400)
    rows = compute(args.steps)
    lowest = rows[0]["bound"]
    print_table(
        ("schedule", "best peak lr", "bound", "over lowest"),
        [(row["spec"], row["peak_lr"], row["bound"], row["bound"] / lowest) for row in rows],
    )
    steps = np.arange(1, args.steps + 1)
    draw(
        args.out / "schedule_comparison.png",
        title(rows),
        f"Convex bound of the last iterate (Theorem 10 of arXiv 2310.07831), {args.steps:,} steps without "
        "warmup, gradient norms and distance 1. Left: each schedule at its own best peak lr; right: at "
        "other peak lrs, with a dot at the best. cosine falls to 0; dashed: bound_optimal.",
        [
            Panel(
                "bound at each step",
                "step",
                [line(row, row["spec"].split(":")[0], steps, row["curve"]) for row in rows],
                "y",
                (0, args.steps),
                (0.8 * lowest, 1),
            ),
            Panel(
                "bound at the last step",
                "peak lr",
                [part(row) for row in rows for part in (basin, best)],
                "xy",
                None,
                (0.9 * lowest, 4 * lowest),
            ),
        ],
    )


def line(row, label, x, y):
    return Line(label, colour_of(row["spec"]), x, y, "--" if row["spec"] == "bound_optimal" else "-")


def basin(row):
    return line(row, "", MULTIPLES * row["peak_lr"], row["basin"])


def best(row):
    return Line("", colour_of(row["spec"]), [row["peak_lr"]], [row["bound"]], marker="o")


if __name__ == "__main__":
    main()
