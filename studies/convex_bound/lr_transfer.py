"""Does the best peak lr of one schedule and horizon say that of others, by theory's ratio of the two?

    python -m studies.convex_bound.lr_transfer

The convex problem of convex_problem.py at horizons T, 2 T and 4 T. The peak lr of every schedule and
horizon is tuned: f at the last step, mean of five problems, at 31 peak lrs a factor of 2^(1/4) apart. Only
the tuned lr of cosine at T is used: times the ratio of the two best peak lrs in theory, in which distance
and gradient norm cancel, it predicts all the others. Out come predicted and tuned lrs, and what the
predicted one costs, beside the lr of cosine at T as it is: f over f at the tuned lr.
"""

import numpy as np

from analysis.figures.colours import colour_of
from schedulers import get_schedule
from studies.convex_bound.chart import Line, Panel, arguments, draw, print_table
from studies.convex_bound.convex_problem import SEEDS, descend, problem
from theory.convex_bound import optimal_peak_lr

SPECS = ("cosine", "linear", "wsd", "constant", "inverse_sqrt")
FACTORS = (1, 2, 4)
MULTIPLES = 2.0 ** np.linspace(-4, 3.5, 31)


def compute(steps):
    """{(spec, factor): dict}: peak lrs theory, tuned and predicted; peaks, ends (31,); cost, cost_as_is."""
    problems = [problem(seed, steps) for seed in SEEDS]
    runs = {(spec, factor): tuned(spec, factor * steps, problems) for factor in FACTORS for spec in SPECS}
    base = runs[SPECS[0], 1]
    for row in runs.values():
        row["predicted"] = base["tuned"] * row["theory"] / base["theory"]
        row["cost"], row["cost_as_is"] = (
            end_at(row, peak_lr) / row["ends"].min() for peak_lr in (row["predicted"], base["tuned"])
        )
    return runs


def tuned(spec, horizon, problems):
    shape = get_schedule(spec, horizon, 1.0).lrs()
    theory = optimal_peak_lr(shape)[0]
    peaks = theory * MULTIPLES
    ends = np.mean(
        [descend(a, b, np.outer(peaks / shape.max(), shape))[0][:, -1] for a, b in problems], axis=0
    )
    return dict(theory=theory, tuned=float(peaks[ends.argmin()]), peaks=peaks, ends=ends)


def end_at(row, peak_lr):
    """f at the last step, between the peak lrs that were tried on a line in the logarithms."""
    return float(np.exp(np.interp(np.log(peak_lr), np.log(row["peaks"]), np.log(row["ends"]))))


def title(runs):
    off = {key: np.exp(abs(np.log(row["tuned"] / row["predicted"]))) for key, row in runs.items()}
    worst = [max(value for (_, factor), value in off.items() if factor == f) for f in FACTORS]
    others = [row for (spec, factor), row in runs.items() if (spec, factor) != (SPECS[0], 1)]
    cost, as_is = (np.exp(np.mean(np.log([row[name] for row in others]))) for name in ("cost", "cost_as_is"))
    return (
        "Theory's ratio to cosine at T predicts the best lr of a schedule within a factor of "
        f"{worst[0]:.2f} at T and {worst[-1]:.2f} at {FACTORS[-1]} T: "
        f"f ends {cost:.2f} times as high as with the best lr on average, and {as_is:.2f} times with "
        "cosine's lr as it is"
    )


def main():
    args = arguments(__doc__, "lr_transfer", 200)
    runs = compute(args.steps)
    print_table(
        (
            "schedule",
            "horizon",
            "in theory",
            "predicted",
            "tuned",
            "tuned / predicted",
            "f / best f",
            "lr as it is",
        ),
        [
            (
                spec,
                factor * args.steps,
                row["theory"],
                row["predicted"],
                row["tuned"],
                row["tuned"] / row["predicted"],
                row["cost"],
                row["cost_as_is"],
            )
            for (spec, factor), row in runs.items()
        ],
    )
    low, high = (pick([row["tuned"] for row in runs.values()]) * by for pick, by in ((min, 0.25), (max, 4)))
    draw(
        args.out / "lr_transfer.png",
        title(runs),
        f"f(x) = max |Ax - b|, {args.steps} equations in {args.steps // 2} unknowns, subgradient descent, "
        f"mean of {len(SEEDS)} problems, T = {args.steps} steps. Line: f at the last step against the peak "
        "lr; dot: the lr predicted from the best of cosine at T; vertical: that lr as it is. The lrs tried "
        f"are a factor of {MULTIPLES[1] / MULTIPLES[0]:.2f} apart.",
        [panel(runs, factor, (low, high), runs[SPECS[0], 1]["tuned"]) for factor in FACTORS],
    )


def panel(runs, factor, xlim, as_is):
    rows = {spec: runs[spec, factor] for spec in SPECS}
    low, high = (pick(row["ends"].min() for row in rows.values()) for pick in (min, max))
    lines = [
        Line(spec * (factor == FACTORS[-1]), colour_of(spec), row["peaks"], row["ends"])
        for spec, row in rows.items()
    ]
    dots = [
        Line("", colour_of(spec), [row["predicted"]], [end_at(row, row["predicted"])], marker="o")
        for spec, row in rows.items()
    ]
    return Panel(
        f"f - min f at the last step, {factor} T",
        "peak lr",
        [Line("", "#777777", [as_is] * 2, [low / 2, 8 * high], ":"), *lines, *dots],
        "xy",
        xlim,
        (low / 2, 8 * high),
    )


if __name__ == "__main__":
    main()
