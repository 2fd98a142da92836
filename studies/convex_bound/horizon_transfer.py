"""A wsd run is tuned for a horizon; how is it best extended to a longer one?

    python -m studies.convex_bound.horizon_transfer

wsd with a cooldown of 20% at the peak lr that is best at horizon T, without warmup, gradient norms and
distance 1. Every extension to r T steps keeps the learning rates up to where the cooldown of the first run
starts, 0.8 T, and then

- same: goes on at the same lr, with a cooldown over 20% of all steps;
- longer cooldown: goes on at the same lr, with the best cooldown that starts at 0.8 T or later;
- lower lr: goes on at the best lower lr (wssd), with a cooldown over 20% of all steps.

Anew is a wsd of r T steps at its own best peak lr, with a cooldown of 20%, or one as long as `longer
cooldown` chose. Out come the bounds over that of the first, and what was chosen.
"""

import numpy as np

from schedulers import get_schedule
from studies.convex_bound.chart import Line, Panel, arguments, draw, print_table
from theory.convex_bound import bound, optimal_peak_lr

COOLDOWN = 0.2
FACTORS = (1, 1.25, 1.5, 2, 3, 4)
WAYS = {"same": "#000000", "longer cooldown": "#0072B2", "lower lr": "#D55E00"}
DRAWN = 2  # the factor whose learning rates are drawn


def compute(steps):
    """A dict for each of FACTORS: factor; anew and anew_longer, bounds; bounds and lrs, of each of WAYS;
    cooldown and lower, what was chosen."""
    peak_lr, _ = optimal_peak_lr(get_schedule("wsd", steps, 1.0, cooldown=COOLDOWN).lrs())
    return [extended(factor, steps, peak_lr) for factor in FACTORS]


def extended(factor, steps, peak_lr):
    horizon, kept = round(factor * steps), steps - round(COOLDOWN * steps)
    longest = max(1 - kept / horizon, COOLDOWN)
    cooldown, longer = best(
        lambda x: get_schedule(
            "wsd", horizon, peak_lr, cooldown_steps=min(round(x * horizon), horizon - kept)
        ).lrs(),
        COOLDOWN,
        longest,
    )
    lower, two_stages = best(
        lambda x: get_schedule("wssd", horizon, peak_lr, milestone=kept, factor=x, cooldown=COOLDOWN).lrs(),
        0.01,
        1.0,
    )
    lrs = {
        "same": get_schedule("wsd", horizon, peak_lr, cooldown=COOLDOWN).lrs(),
        "longer cooldown": longer,
        "lower lr": two_stages,
    }
    anew, anew_longer = (
        optimal_peak_lr(get_schedule("wsd", horizon, 1.0, cooldown=x).lrs())[1] for x in (COOLDOWN, cooldown)
    )
    return dict(
        factor=factor,
        kept=kept,
        anew=anew,
        anew_longer=anew_longer,
        cooldown=cooldown,
        lower=lower,
        lrs=lrs,
        bounds={way: bound(lrs[way]) for way in WAYS},
    )


def best(make, low, high):
    """(x, make(x)) with the lowest bound, of 50 values from low to high, then 50 around the best."""
    for _ in range(2):
        candidates = np.linspace(low, high, 50).tolist()
        at = int(np.argmin([bound(make(x)) for x in candidates]))
        low, high = candidates[max(at - 1, 0)], candidates[min(at + 1, len(candidates) - 1)]
    return candidates[at], make(candidates[at])


def title(rows):
    row = next(row for row in rows if row["factor"] == DRAWN)
    same, longer, lower = (beside(row["bounds"][way], row["anew"]) for way in WAYS)
    return (
        f"To {DRAWN} times the horizon: going on at the same lr ends {same} a wsd tuned anew, a cooldown "
        f"over {row['cooldown']:.0%} {longer} it "
        f"({beside(row['bounds']['longer cooldown'], row['anew_longer'])} one anew with that cooldown), "
        f"{row['lower']:.2f} times the lr {lower} it"
    )


def beside(bound, other):
    """ "5.9% above"."""
    apart = f"{abs(bound / other - 1):.1%}"
    return "level with" if apart == "0.0%" else f"{apart} {'above' if bound > other else 'below'}"


def main():
    args = arguments(__doc__, "horizon_transfer", 400)
    rows = compute(args.steps)
    print_table(
        (
            "r",
            "anew",
            "anew, longer cooldown",
            *WAYS,
            *(f"{way}, over anew" for way in WAYS),
            "cooldown",
            "lr times",
        ),
        [
            (
                f"{r['factor']:g}",
                r["anew"],
                r["anew_longer"],
                *r["bounds"].values(),
                *(b / r["anew"] for b in r["bounds"].values()),
                f"{r['cooldown']:.1%}",
                r["lower"],
            )
            for r in rows
        ],
    )
    over = [
        Line(way, colour, FACTORS, [100 * (row["bounds"][way] / row["anew"] - 1) for row in rows], marker="o")
        for way, colour in WAYS.items()
    ]
    over.append(
        Line(
            "longer cooldown anew",
            WAYS["longer cooldown"],
            FACTORS,
            [100 * (row["anew_longer"] / row["anew"] - 1) for row in rows],
            "--",
        )
    )
    drawn = next(row for row in rows if row["factor"] == DRAWN)
    draw(
        args.out / "horizon_transfer.png",
        title(rows),
        f"wsd, first horizon T = {args.steps:,} steps without warmup at its best peak lr, cooldown "
        f"{COOLDOWN:.0%}, gradient norms and distance 1. All keep the first run's learning rates to step "
        f"{drawn['kept']:,}. Anew: wsd with a cooldown of {COOLDOWN:.0%} at its own best peak lr; dashed: "
        "one with the longer cooldown.",
        [
            Panel("bound above anew (%)", "horizon / T", over, xticks=[1, 2, 3, 4]),
            Panel(
                f"learning rates, extended to {DRAWN} T",
                "step",
                [
                    Line(way, colour, np.arange(DRAWN * args.steps), drawn["lrs"][way])
                    for way, colour in WAYS.items()
                ],
                xlim=(0, DRAWN * args.steps),
                ylim=(0, 1.1 * drawn["lrs"]["same"].max()),
            ),
        ],
    )


if __name__ == "__main__":
    main()
