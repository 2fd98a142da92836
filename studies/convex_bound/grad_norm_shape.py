"""What changes where the gradient norms fall during the run?

    python -m studies.convex_bound.grad_norm_shape

T steps without warmup, distance 1, gradient norms t^alpha for five alphas; each schedule at the peak lr
that minimises its own bound at T. Out come the bound of each over the lowest that any learning rates have
(optimal_schedule for these norms), and the bound of wsd against its cooldown. `bound_optimal` is the best
for alpha = 0 and knows nothing of the norms.
"""

import numpy as np

from analysis.figures.colours import colour_of
from schedulers import get_schedule
from studies.convex_bound.chart import BLUE_TO_YELLOW, Line, Panel, arguments, draw, print_table
from theory.convex_bound import bound, grad_norm_shape, optimal_peak_lr, optimal_schedule

ALPHAS = (0.0, -0.25, -0.5, -0.75, -1.0)
SPECS = ("bound_optimal", "linear", "cosine:final_lr_ratio=0", "wsd", "constant", "inverse_sqrt")
COOLDOWNS = np.linspace(0, 1, 41)


def compute(steps):
    """{alpha: dict}: bounds, {spec: over the lowest}; cooldown, those of wsd at COOLDOWNS; lrs, the best."""
    shapes = {spec: get_schedule(spec, steps, 1.0).lrs() for spec in SPECS}
    cooldowns = [get_schedule("wsd", steps, 1.0, cooldown=float(cooldown)).lrs() for cooldown in COOLDOWNS]
    return {alpha: at_alpha(grad_norm_shape(steps, alpha), shapes, cooldowns) for alpha in ALPHAS}


def at_alpha(norms, shapes, cooldowns):
    best = optimal_schedule(len(norms), norms)
    lowest = bound(best, norms)
    return dict(
        bounds={spec: optimal_peak_lr(shape, norms)[1] / lowest for spec, shape in shapes.items()},
        cooldown=np.array([optimal_peak_lr(shape, norms)[1] / lowest for shape in cooldowns]),
        lrs=best,
    )


def title(by_alpha):
    winners = {
        alpha: min(row["bounds"], key=row["bounds"].get).split(":")[0] for alpha, row in by_alpha.items()
    }
    groups = {
        name: [alpha for alpha in winners if winners[alpha] == name]
        for name in dict.fromkeys(winners.values())
    }
    who = ", ".join(
        f"{name} at alpha {alphas[0]:g}" + (f" to {alphas[-1]:g}" if len(alphas) > 1 else "")
        for name, alphas in groups.items()
    )
    lengths = [best_cooldown(row) for row in (by_alpha[ALPHAS[0]], by_alpha[ALPHAS[-1]])]
    return (
        f"Lowest of the schedules with gradient norms t^alpha: {who}; wsd's best cooldown goes from "
        f"{lengths[0]:.0%} of the steps at alpha {ALPHAS[0]:g} to {lengths[1]:.0%} at {ALPHAS[-1]:g}"
    )


def best_cooldown(row):
    return COOLDOWNS[np.argmin(row["cooldown"])]


def main():
    args = arguments(__doc__, "grad_norm_shape", 400)
    by_alpha = compute(args.steps)
    print_table(
        ("alpha", *(spec.split(":")[0] for spec in SPECS), "best cooldown", "at its peak at"),
        [
            (
                f"{a:g}",
                *row["bounds"].values(),
                f"{best_cooldown(row):.1%}",
                f"{np.argmax(row['lrs']) / args.steps:.1%}",
            )
            for a, row in by_alpha.items()
        ],
    )
    shades = dict(zip(ALPHAS, BLUE_TO_YELLOW))
    over = [
        Line(
            s.split(":")[0],
            colour_of(s),
            [-a for a in ALPHAS],
            [by_alpha[a]["bounds"][s] for a in ALPHAS],
            "--" if s == "bound_optimal" else "-",
            "o",
        )
        for s in SPECS
    ]
    draw(
        args.out / "grad_norm_shape.png",
        title(by_alpha),
        f"{args.steps:,} steps without warmup, distance 1, gradient norms t^alpha; every schedule at the "
        "peak lr that minimises its own convex bound. Over the lowest: divided by the bound of the "
        "learning rates that are best for these norms, drawn at the right. cosine falls to 0.",
        [
            Panel("bound over the lowest", "-alpha", over, "y"),
            Panel(
                "bound of wsd over the lowest",
                "cooldown, fraction of all steps",
                [Line(f"alpha {a:g}", shades[a], COOLDOWNS, by_alpha[a]["cooldown"]) for a in ALPHAS],
                "y",
                (0, 1),
            ),
            Panel(
                "best learning rates, over their peak",
                "step",
                [
                    Line(f"alpha {a:g}", shades[a], np.arange(args.steps), row["lrs"] / row["lrs"].max())
                    for a, row in by_alpha.items()
                ],
                xlim=(0, args.steps),
                ylim=(0, 1.03),
            ),
        ],
    )


if __name__ == "__main__":
    main()
