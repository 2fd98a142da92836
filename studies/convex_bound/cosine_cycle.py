"""Should a cosine end where the run ends?

    python -m studies.convex_bound.cosine_cycle

T steps without warmup, gradient norms and distance 1; cosine with a cycle of a half to four times T, for
three final learning rates, each at the peak lr that minimises its own bound at T. A cycle above 1 is cut
off by the end of the run; one below 1 holds the final learning rate, and where that is 0 there is no bound.
Out comes the bound at T against cycle / T.
"""

import numpy as np

from schedulers import get_schedule
from studies.convex_bound.chart import BLUE_TO_YELLOW, Line, Panel, arguments, draw, print_table
from theory.convex_bound import optimal_peak_lr

FINALS = (0.0, 0.01, 0.1)
CYCLES = np.sort(np.append(2.0 ** np.linspace(-1, 2, 49), 1.0 + np.array([-0.04, -0.02, 0.02, 0.04])))


def compute(steps):
    """{final_lr_ratio: (peak lrs, bounds)}, each float64 at CYCLES; nan and inf where there is no bound."""
    return {final: np.transpose([best(steps, final, float(cycle)) for cycle in CYCLES]) for final in FINALS}


def best(steps, final, cycle):
    """(peak lr, bound) of this cycle."""
    return optimal_peak_lr(get_schedule("cosine", steps, 1.0, final_lr_ratio=final, cycle=cycle).lrs())


def title(by_final):
    lowest = [CYCLES[np.argmin(bounds)] for _, bounds in by_final.values()]
    four, half = (above(by_final[0.1][1], cycle) for cycle in (4, 0.5))
    return (
        f"A cosine's best cycle is {min(lowest):.2f} to {max(lowest):.2f} times the horizon; with a final lr "
        f"of 0.1, a cycle of four horizons costs {four:.0%} and one of a half {half:.0%}"
    )


def above(bounds, cycle):
    """How far the bound of a cycle is above that of a cycle of 1, as a fraction."""
    return np.interp(cycle, CYCLES, bounds) / np.interp(1, CYCLES, bounds) - 1


def main():
    args = arguments(__doc__, "cosine_cycle", 400)
    by_final = compute(args.steps)
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
            (f"{CYCLES[i]:.2f}", *(by_final[f][1][i] for f in FINALS), *(by_final[f][0][i] for f in FINALS))
            for i in shown
        ],
    )
    draw(
        args.out / "cosine_cycle.png",
        title(by_final),
        f"cosine, {args.steps:,} steps (T) without warmup, gradient norms and distance 1; each cycle at the "
        "peak lr that minimises its own convex bound at T. A cosine to 0 with a cycle below T has learning "
        "rates of 0 at the end, for which there is no bound.",
        [panel("bound at step T", by_final, 1), panel("best peak lr", by_final, 0)],
    )


def panel(heading, by_final, which):
    lines = [
        Line(f"final {f:g}", c, CYCLES, np.where(np.isfinite(by_final[f][1]), by_final[f][which], np.nan))
        for f, c in zip(FINALS, BLUE_TO_YELLOW[::2])
    ]
    return Panel(heading, "cycle / T", lines, "x", xticks=[0.5, 1, 2, 4])


if __name__ == "__main__":
    main()
