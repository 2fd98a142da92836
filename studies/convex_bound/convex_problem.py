"""Does the bound hold on a real convex problem, and do schedules end in the order that it says?

    python -m studies.convex_bound.convex_problem

f(x) = max_i |a_i x - b_i| with T equations in T / 2 unknowns, a_i normal with a length of about 1, b = A x*
for an x* at distance 1 of the start: so min f = 0, and f is convex and has kinks. Subgradient descent takes
T steps with every built-in schedule, at the peak lr that is best in theory for norms and distance 1, on
five problems. Out come f at each step beside the bound computed with the measured gradient norms and the
true distance, and the rank correlation of the two at the last step.
"""

import numpy as np

from analysis.figures.colours import colour_of
from schedulers import get_schedule, split_specs
from studies.convex_bound.chart import Line, Panel, arguments, draw, print_table
from theory.convex_bound import bound_curve, optimal_peak_lr

SEEDS = range(5)
DRAWN = ("constant", "wsd", "cosine", "linear")


def compute(steps):
    """{schedule: dict}, the lowest bound first: measured and bound, float64 (seeds, steps), at x_1 .. x_T."""
    lrs = {
        name: best_lrs(name, steps)
        for name in split_specs("all")
        if not get_schedule(name, steps, 1.0).reactive
    }
    descents = [descend(*problem(seed, steps), np.array(list(lrs.values()))) for seed in SEEDS]
    rows = {
        name: dict(
            measured=np.array([values[i] for values, _ in descents]),
            bound=np.array([bound_curve(lrs[name], norms[i]) for _, norms in descents]),
        )
        for i, name in enumerate(lrs)
    }
    return dict(sorted(rows.items(), key=lambda row: row[1]["bound"][:, -1].mean()))


def best_lrs(name, steps):
    """The schedule at the peak lr that is best in theory, float64 (steps,)."""
    shape = get_schedule(name, steps, 1.0).lrs()
    return optimal_peak_lr(shape)[0] / shape.max() * shape


def problem(seed, equations):
    """(A, b): float64 (equations, equations // 2), (equations,)."""
    rng = np.random.default_rng(seed)
    a = rng.standard_normal((equations, equations // 2)) / np.sqrt(equations // 2)
    solution = rng.standard_normal(equations // 2)
    return a, a @ (solution / np.linalg.norm(solution))


def descend(a, b, lrs):
    """Subgradient descent from 0 with each row of `lrs` (runs, T).

    Returns:
        (f at x_1 .. x_T, norms of its subgradients), both (runs, T).
    """
    x, values, norms = np.zeros((len(lrs), a.shape[1])), np.empty(lrs.shape), np.empty(lrs.shape)
    runs = np.arange(len(lrs))
    for t in range(lrs.shape[1]):
        residuals = x @ a.T - b
        worst = np.abs(residuals).argmax(1)
        gradients = np.sign(residuals[runs, worst])[:, None] * a[worst]
        values[:, t], norms[:, t] = np.abs(residuals[runs, worst]), np.linalg.norm(gradients, axis=1)
        x -= lrs[:, t, None] * gradients
    return values, norms


def ends(rows):
    """(measured, bound) at the last step, means over the problems, each (schedules,)."""
    return tuple(
        np.array([row[kind][:, -1].mean() for row in rows.values()]) for kind in ("measured", "bound")
    )


def title(rows):
    from scipy.stats import spearmanr

    above = sum(int((row["measured"] > row["bound"]).sum()) for row in rows.values())
    points = sum(row["measured"].size for row in rows.values())
    holds = (
        f"The bound holds at all of {points:,} steps"
        if not above
        else f"The bound fails at {above:,} of {points:,} steps"
    )
    return (
        f"{holds} of {len(rows)} schedules; the order of the ends follows it (rank correlation "
        f"{spearmanr(*ends(rows)).statistic:.2f}), while f is {np.divide(*ends(rows)[::-1]).min():.0f} to "
        f"{np.divide(*ends(rows)[::-1]).max():.0f} times lower"
    )


def main():
    args = arguments(__doc__, "convex_problem", 400)
    rows = compute(args.steps)
    print_table(
        ("schedule", "bound", "measured", "bound / measured", "largest measured / bound"),
        [
            (name, b, m, b / m, float((row["measured"] / row["bound"]).max()))
            for (name, row), m, b in zip(rows.items(), *ends(rows))
        ],
    )
    steps = np.arange(1, args.steps + 1)
    ends_bound = ends(rows)[1]
    curves = [
        Line(
            f"{name}{', bound' * (kind == 'bound')}", colour_of(name), steps, rows[name][kind].mean(0), style
        )
        for name in DRAWN
        for kind, style in (("measured", "-"), ("bound", "--"))
    ]
    dots = [
        Line("", colour_of(name), [b], [m], marker="o", note=name * (name in DRAWN))
        for name, m, b in zip(rows, *ends(rows))
    ]
    draw(
        args.out / "convex_problem.png",
        title(rows),
        f"f(x) = max |Ax - b|, {args.steps} equations in {args.steps // 2} unknowns, subgradient descent "
        f"from 0, mean of {len(SEEDS)} problems; peak lr: the best in theory for gradient norms and "
        "distance 1. Left: f - min f in full, the bound with the measured gradient norms and the true "
        "distance dashed. Right: a dot a schedule, coloured by its family.",
        [
            Panel(
                "f - min f, and its bound",
                "step",
                curves,
                "y",
                (0, args.steps),
                (0.5 * ends(rows)[0].min(), 2),
            ),
            Panel(
                "f - min f at the last step",
                "bound at the last step",
                dots,
                "y",
                (ends_bound.min() - 0.2 * np.ptp(ends_bound), ends_bound.max() + 0.05 * np.ptp(ends_bound)),
            ),
        ],
    )


if __name__ == "__main__":
    main()
