"""How does the best peak learning rate change with the horizon?

    python -m studies.convex_bound.horizons

Seven horizons from T to 64 T without warmup, gradient norms and distance 1; for each, the peak lr that
minimises the bound of constant, wsd and cosine, and powers of the horizon fitted to it by least squares in
the logarithms. Theory says T^-1/2 without a logarithm for schedules that decay.
"""

import numpy as np

from analysis.figures.colours import colour_of
from schedulers import get_schedule
from studies.convex_bound.chart import Line, Panel, arguments, draw, print_table
from theory.convex_bound import bound_curve, optimal_peak_lr

SPECS = ("cosine:final_lr_ratio=0", "wsd", "constant")
FACTORS = (1, 2, 4, 8, 16, 32, 64)


def compute(steps):
    """{spec: dict of peak_lrs and bounds, (7,) each, their exponents in the horizon, and curves}."""
    return {spec: of_schedule(spec, steps) for spec in SPECS}


def of_schedule(spec, steps):
    horizons = [steps * factor for factor in FACTORS]
    shapes = [get_schedule(spec, horizon, 1.0).lrs() for horizon in horizons]
    peak_lrs, bounds = np.transpose([optimal_peak_lr(shape) for shape in shapes])
    curves = [bound_curve(peak_lr * shape / shape.max()) for peak_lr, shape in zip(peak_lrs, shapes)]
    return dict(
        peak_lrs=peak_lrs,
        bounds=bounds,
        peak_exponent=exponent(horizons, peak_lrs),
        bound_exponent=exponent(horizons, bounds),
        curves=curves,
    )


def exponent(xs, ys):
    """b of y = a x^b, by least squares in the logarithms."""
    return float(np.polyfit(np.log(xs), np.log(ys), 1)[0])


def title(rows):
    exponents = ", ".join(f"{row['peak_exponent']:.3f} ({name(spec)})" for spec, row in rows.items())
    return (
        f"The best peak lr falls as a power of the horizon: {exponents}; wsd at four times the horizon "
        f"takes an lr {rows['wsd']['peak_lrs'][0] / rows['wsd']['peak_lrs'][2]:.2f} times lower"
    )


def name(spec):
    return spec.split(":")[0]


def main():
    args = arguments(__doc__, "horizons", 100)
    rows, horizons = compute(args.steps), [args.steps * factor for factor in FACTORS]
    print_table(
        ("horizon", *(f"peak lr, {s}" for s in SPECS), *(f"bound, {s}" for s in SPECS)),
        [
            (f"{h:,}", *(rows[s]["peak_lrs"][i] for s in SPECS), *(rows[s]["bounds"][i] for s in SPECS))
            for i, h in enumerate(horizons)
        ],
    )
    print_table(
        ("exponent", *SPECS),
        [
            ("peak lr", *(rows[s]["peak_exponent"] for s in SPECS)),
            ("bound", *(rows[s]["bound_exponent"] for s in SPECS)),
        ],
    )
    curves = [
        Line(
            name(s) if curve is rows[s]["curves"][-1] else "",
            colour_of(s),
            np.arange(1, len(curve) + 1),
            curve,
        )
        for s in SPECS[:2]
        for curve in rows[s]["curves"][::2]
    ]
    peaks = [
        Line(
            f"{name(s)}: T^{rows[s]['peak_exponent']:.3f}",
            colour_of(s),
            horizons,
            rows[s]["peak_lrs"],
            marker="o",
        )
        for s in SPECS
    ]
    draw(
        args.out / "horizons.png",
        title(rows),
        "Convex bound without warmup, gradient norms and distance 1; every run at the peak lr that "
        f"minimises its own bound; cosine falls to 0. Left: {', '.join(f'{h:,}' for h in horizons[::2])} "
        f"steps. Right: exponents by least squares over the {len(horizons)} horizons.",
        [
            Panel(
                "bound at each step",
                "step",
                curves,
                "xy",
                (args.steps / 10, horizons[-1]),
                (0.7 * rows["wsd"]["bounds"][-1], 1),
            ),
            Panel(
                "best peak lr",
                "horizon T (steps)",
                peaks,
                "xy",
                (0.9 * horizons[0], 1.1 * horizons[-1]),
                xticks=horizons[::2],
            ),
        ],
    )


if __name__ == "__main__":
    main()
