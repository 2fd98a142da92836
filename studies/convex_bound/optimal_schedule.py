"""Which learning rates have the lowest convex bound of all, and how far above are linear and wsd?

    python -m studies.convex_bound.optimal_schedule

T steps without warmup, gradient norms and distance 1. theory.optimal_schedule has them in closed form; as a
check, scipy minimises the bound numerically over non-negative learning rates at T = 20, from a constant
start. Out come learning rates and bounds beside those of linear and of wsd with a cooldown of 20% and 50%,
each at its own best peak lr.
"""

import numpy as np

from analysis.figures.colours import colour_of
from schedulers import get_schedule
from studies.convex_bound.chart import Line, Panel, arguments, draw, print_table
from theory.convex_bound import bound, bound_curve, optimal_peak_lr, optimal_schedule

OTHERS = {"linear": "-", "wsd:cooldown=0.5": "--", "wsd": "-"}
SMALL, LAST = 20, 10  # steps


def compute(steps):
    """{spec: (lrs, bound)}, the best first; lrs are float64 (steps,)."""
    best = optimal_schedule(steps)
    designs = {"bound_optimal": (best, bound(best))}
    for spec in OTHERS:
        shape = get_schedule(spec, steps, 1.0).lrs()
        peak_lr, lowest = optimal_peak_lr(shape)
        designs[spec] = peak_lr / shape.max() * shape, lowest
    return designs


def minimised(steps):
    """The learning rates that scipy finds, float64 (steps,)."""
    from scipy.optimize import minimize

    start = np.full(steps, optimal_peak_lr(np.ones(steps))[0])
    return minimize(
        bound,
        start,
        method="L-BFGS-B",
        bounds=[(1e-9, None)] * steps,
        options=dict(maxiter=10**4, maxfun=10**6, ftol=1e-15, gtol=1e-10),
    ).x


def title(designs):
    best, lowest = designs["bound_optimal"]
    linear = designs["linear"][0]
    before = 1 - LAST / len(best)
    apart = np.abs(best / linear - 1)[: int(before * len(best))].max()
    above = ", ".join(
        f"{spec} {value / lowest - 1:.1%}" for spec, (_, value) in designs.items() if spec != "bound_optimal"
    )
    return (
        f"The best learning rates are within {apart:.0%} of a linear decay but for the last {LAST} steps, "
        f"the last one {best[-1] / best[-2]:.2f} times the one before; above their bound: {above}"
    )


def main():
    args = arguments(__doc__, "optimal_schedule", 400)
    designs = compute(args.steps)
    lowest = designs["bound_optimal"][1]
    print_table(
        ("schedule", "bound", "over lowest", "peak lr", "last lr"),
        [(spec, value, value / lowest, lrs.max(), lrs[-1]) for spec, (lrs, value) in designs.items()],
    )
    closed, numerical = optimal_schedule(SMALL), minimised(SMALL)
    print(
        f"check at T = {SMALL}: bound {bound(closed):.10f} in closed form, {bound(numerical):.10f} by "
        f"scipy; learning rates at most {np.abs(numerical / closed - 1).max():.1e} apart"
    )
    steps = np.arange(1, args.steps + 1)
    draw(
        args.out / "optimal_schedule.png",
        title(designs),
        f"{args.steps:,} steps without warmup, gradient norms and distance 1; linear and wsd at the peak lr "
        "that minimises their own convex bound at the last step. bound_optimal is dotted.",
        [
            Panel(
                "learning rates",
                "step",
                [line(spec, steps, lrs) for spec, (lrs, _) in designs.items()],
                xlim=(0, args.steps),
            ),
            Panel(
                f"learning rates, last {LAST} steps",
                "step",
                [
                    line(spec, steps[-LAST:], lrs[-LAST:])
                    for spec, (lrs, _) in designs.items()
                    if spec in ("bound_optimal", "linear")
                ],
                xticks=steps[-LAST::3].tolist(),
            ),
            Panel(
                "bound at each step",
                "step",
                [line(spec, steps, bound_curve(lrs)) for spec, (lrs, _) in designs.items()],
                "y",
                (0, args.steps),
                (0.8 * lowest, 1),
            ),
        ],
    )


def line(spec, x, y):
    return Line(spec, colour_of(spec), x, y, OTHERS.get(spec, ":"))


if __name__ == "__main__":
    main()
