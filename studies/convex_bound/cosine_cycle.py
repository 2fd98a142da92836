"""Should a cosine end where the run ends?

    python -m benchmarks.theory_experiments.cosine_cycle

T steps without warmup, gradient norms and distance 1; cosine with a cycle of a half to four times T, for three final learning rates,
each at the peak lr that minimises its own bound at T. A cycle above 1 is cut off by the end of the run; one below 1 holds the
final learning rate, and where that is 0 there is no bound. Out comes the bound at T against cycle / T.
"""

import numpy as np

from schedulers import get_schedule
from studies.convex_bound.chart import BLUE_TO_YELLOW, Line, Panel, arguments, draw, print_table
from theory.convex_bound import optimal_peak_lr

FINALS = (0.0, 0.01, 0.1)
CYCLES = np.sort(np.append(2.0 ** np.linspace(-1, 2, 49), 1.0 + np.array([-0.04, -0.02, 0.02, 0.04])))


def compute(steps):
    """{final_lr_ratio: (peak lrs, bounds)}, each float64 of the shape of CYCLES; nan and inf where there is no bound."""
    best = lambda final, cycle: optimal_peak_lr(
        get_schedule("cosine", steps, 1.0, final_lr_ratio=final, cycle=cycle).lrs()
    )
    return {final: np.transpose([best(final, float(cycle)) for cycle in CYCLES]) for final in FINALS}


def title(found):
    best = [CYCLES[np.argmin(bounds)] for _, bounds in found.values()]
    above = lambda final, cycle: (
        np.interp(cycle, CYCLES, found[final][1]) / np.interp(1, CYCLES, found[final][1]) - 1
    )
    return f"A cosine's best cycle is {min(best):.2f} to {max(best):.2f} times the horizon; with a final lr of 0.1, a cycle of four horizons costs {above(0.1, 4):.0%} and one of a half {above(0.1, 0.5):.0%}"


def main():
    args = arguments(__doc__, "cosine_cycle", 400)
    found = compute(args.steps)
    shown = [
        i
        for i, cycle in enumerate(CYCLES)
        if np.isclose(np.log2(cycle) * 4 % 1, 0) or np.isclose(np.log2(cycle) * 4 % 1, 1)
    ]
    print_table(
        (
            "cycle / T",
            *(f"bound, final {final:g}" for final in FINALS),
            *(f"peak lr, final {final:g}" for final in FINALS),
        ),
        [
            (f"{CYCLES[i]:.2f}", *(found[f][1][i] for f in FINALS), *(found[f][0][i] for f in FINALS))
            for i in shown
        ],
    )
    panel = lambda heading, which: Panel(
        heading,
        "cycle / T",
        [
            Line(f"final {f:g}", c, CYCLES, np.where(np.isfinite(found[f][1]), found[f][which], np.nan))
            for f, c in zip(FINALS, BLUE_TO_YELLOW[::2])
        ],
        "x",
        xticks=[0.5, 1, 2, 4],
    )
    draw(
        args.out / "cosine_cycle.png",
        title(found),
        f"cosine, {args.steps:,} steps (T) without warmup, gradient norms and distance 1; each cycle at the peak lr that minimises its own convex bound at T. A cosine to 0 with a cycle below T has learning rates of 0 at the end, for which there is no bound.",
        [panel("bound at step T", 1), panel("best peak lr", 0)],
    )


if __name__ == "__main__":
    main()
