"""Time and memory to plan the prefix tree of 10,000 runs of 10,000 steps.

python -m benchmarks.plan
"""

from __future__ import annotations

import resource
import time

import numpy as np

from sweep.plan import share

RUNS, STEPS = 10_000, 10_000


def family(rng) -> list[np.ndarray]:
    """wsd at random cooldowns and shapes, from five peaks: long trunks, many branches."""
    arrays = []
    for index in range(RUNS):
        lrs = np.full(STEPS, 1e-3 * (1 + index % 5))
        branch_point = int(rng.integers(100, STEPS))
        decay = np.linspace(1, 0, STEPS - branch_point, endpoint=False)
        lrs[branch_point:] *= decay ** (1 + index % 7)
        arrays.append(lrs)
    return arrays


def main():
    arrays = family(np.random.default_rng(0))
    start = time.perf_counter()
    plan = share(arrays)
    seconds = time.perf_counter() - start
    trained = sum(STEPS - begin for begin, _ in plan)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{RUNS:,} runs of {STEPS:,} steps planned in {seconds:.1f} s, {memory:.1f} GB with the arrays")
    print(f"{trained:,} of {RUNS * STEPS:,} steps to train: {trained / (RUNS * STEPS):.3f}")


if __name__ == "__main__":
    main()
