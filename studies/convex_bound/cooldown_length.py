"""How long should the cooldown of wsd be?

    python -m studies.convex_bound.cooldown_length

T steps without warmup, gradient norms and distance 1; wsd with a cooldown over 0 to all of the steps, in
the shapes linear, sqrt and square, each at the peak lr that minimises its own bound at T. Out come that
bound and that peak lr against the cooldown.
"""

import numpy as np

from schedulers import get_schedule
from studies.convex_bound.chart import BLUE_TO_YELLOW, Line, Panel, arguments, draw, print_table
from theory.convex_bound import optimal_peak_lr

SHAPES = ("linear", "sqrt", "square")
FRACTIONS = np.linspace(0, 1, 41)


def compute(steps):
    """{shape: (peak lrs, bounds)}, each float64 of shape (41,), at FRACTIONS."""
    return {
        shape: np.transpose([best(steps, shape, float(cooldown)) for cooldown in FRACTIONS])
        for shape in SHAPES
    }


def best(steps, shape, cooldown):
    """(peak lr, bound) of this cooldown."""
    return optimal_peak_lr(get_schedule("wsd", steps, 1.0, cooldown=cooldown, shape=shape).lrs())


def title(by_shape):
    linear, sqrt = by_shape["linear"][1], by_shape["sqrt"][1]
    best_length = FRACTIONS[np.argmin(linear)]
    always = (
        "The longer the linear cooldown, the lower the bound"
        if (np.diff(linear) < 0).all()
        else f"A linear cooldown over {best_length:.0%} of the steps has the lowest bound"
    )
    gained = (linear[0] - np.interp(0.2, FRACTIONS, linear)) / (linear[0] - linear.min())
    below = int(np.argmin(np.append(sqrt < linear, False)[1:]))  # how many cooldowns from the shortest on
    return f"{always}; 20% of the steps give {gained:.0%} of what {best_length:.0%} give" + (
        f"; sqrt is below linear for cooldowns up to {FRACTIONS[below]:.0%}" if below else ""
    )


def main():
    args = arguments(__doc__, "cooldown_length", 400)
    by_shape = compute(args.steps)
    print_table(
        ("cooldown", *(f"bound, {shape}" for shape in SHAPES), *(f"peak lr, {shape}" for shape in SHAPES)),
        [
            (
                f"{FRACTIONS[i]:.0%}",
                *(by_shape[s][1][i] for s in SHAPES),
                *(by_shape[s][0][i] for s in SHAPES),
            )
            for i in range(0, len(FRACTIONS), 4)
        ],
    )
    draw(
        args.out / "cooldown_length.png",
        title(by_shape),
        f"wsd, {args.steps:,} steps without warmup, gradient norms and distance 1; each cooldown at the "
        "peak lr that minimises its own convex bound. The fraction is rounded to whole steps.",
        [panel("bound at the last step", by_shape, 1), panel("best peak lr", by_shape, 0)],
    )


def panel(heading, by_shape, which):
    lines = [Line(s, c, FRACTIONS, by_shape[s][which]) for s, c in zip(SHAPES, BLUE_TO_YELLOW[::2])]
    return Panel(heading, "cooldown, fraction of all steps", lines, xlim=(0, 1))


if __name__ == "__main__":
    main()
