"""Time and error of the convex bound at every step count, against the printed sum at each of them.

    python -m benchmarks.theory                          # T = 1,000, 20,000 and 1,000,000, about two minutes
    python -m benchmarks.theory --steps 5000 --turns 9

The obvious way is the sum of Theorem 10 by numpy's cumulative sums, O(T) for one step count. It is timed at
20 step counts spread over the run, in turns with bound_curve, and times T / 20 ("~"); at T = 1,000 at all of
them. Each time is the minimum of the turns. The error is the largest relative one at sampled step counts
against the same sum in np.longdouble (64 bits on x86). The distance makes D^2 and the sum of lr^2 count
alike.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from schedulers import get_schedule
from theory.convex_bound import bound_curve

SCHEDULES = (
    "constant",
    "cosine",
    "wsd",
    "linear",
    "inverse_sqrt",
    "cosine_restarts:final_lr_ratio=0",
    "cyclic:final_lr_ratio=0",
)
SAMPLED = 20


def printed_sum(lrs, distance, T, dtype):
    """The bound at T, term by term as Theorem 10 has it."""
    lrs = lrs[:T].astype(dtype)
    if lrs[-1] == 0:
        return np.inf
    from_k, squares_from_k = np.cumsum(lrs[::-1])[::-1], np.cumsum(lrs[::-1] ** 2)[::-1]
    last = lrs[:-1] / from_k[1:] * squares_from_k[:-1] / from_k[:-1]
    return (dtype(distance) ** 2 + squares_from_k[0]) / (2 * from_k[0]) + last.sum() / 2


def arrays(steps):
    """Name and learning rates: real schedules, then arrays made to be hard."""
    for spec in SCHEDULES:
        yield (
            spec.split(":")[0],
            get_schedule(spec, steps=steps, peak_lr=1e-3, warmup_steps=steps // 20).lrs(),
        )
    rng, t = np.random.default_rng(0), np.arange(steps)
    yield "a tenth, 30 times", 0.1 ** (t * 30 // steps)
    yield "random, 1e-12 to 1", 10 ** rng.uniform(-12, 0, steps)
    yield "random, 30% zeros", rng.random(steps) * (rng.random(steps) < 0.7)


def timed(function) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def compare(lrs, turns):
    """Seconds for the curve by bound_curve and by the obvious way, and the largest relative error."""
    steps, distance = len(lrs), np.linalg.norm(lrs)
    timed_at = np.arange(1, steps + 1) if steps <= 1000 else np.linspace(1, steps, SAMPLED).astype(int)
    ours, obvious = [], []
    for _ in range(turns):
        ours.append(timed(lambda: bound_curve(lrs, 1.0, distance)))
        obvious.append(timed(lambda: [printed_sum(lrs, distance, T, np.float64) for T in timed_at]))
    at = np.append(np.random.default_rng(0).integers(1, steps + 1, SAMPLED), steps)
    exact = np.array([printed_sum(lrs, distance, T, np.longdouble) for T in at])
    finite = np.isfinite(exact)
    errors = np.abs(bound_curve(lrs, 1.0, distance)[at - 1][finite] / exact[finite] - 1)
    return min(ours), min(obvious) * steps / len(timed_at), float(errors.max(initial=0))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--steps",
        type=int,
        nargs="+",
        default=[1000, 20_000, 1_000_000],
        help="run lengths T, default 1000 20000 1000000",
    )
    parser.add_argument("--turns", type=int, default=3, help="of each way, default 3")
    args = parser.parse_args()
    for steps in args.steps:
        print(f"\nT = {steps:,}{'':17} bound_curve     obvious way     ratio  largest error")
        for name, lrs in arrays(steps):
            ours, obvious, error = compare(lrs, args.turns)
            about = "~" if steps > 1000 else " "
            print(
                f"{name:24} {ours:12.4f} s {about:>3}{obvious:10.3f} s {obvious / ours:9,.0f}"
                f"        {error:.1e}",
                flush=True,
            )


if __name__ == "__main__":
    main()
