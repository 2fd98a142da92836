"""What a comparison trains: schedules at peak lrs and horizons with seeds, as a tree of shared prefixes.

A run is a pure function of (config, lr array, seed). So two runs with one config, optimizer and seed are the
same run for as long as their lr arrays agree: what they share is trained once, and the later one starts
where it branches off.
"""

from __future__ import annotations

from bisect import bisect
from dataclasses import dataclass, replace

import numpy as np

from nanosched.averages import Tail
from nanosched.config import Config
from nanosched.limits import check_fits
from schedulers import Schedule, get_schedule
from schedulers.core.optimizers import check_optimizer
from schedulers.core.reactive import known_lrs


@dataclass(frozen=True)
class Run:
    """One training run that was asked for."""

    label: str  # the schedule as the user spelled it
    schedule: Schedule
    seed: int
    id: str | None = None  # None until the data is known


@dataclass(frozen=True)
class Branch:
    """How a run is trained: where it starts, and where others branch off from it."""

    run: Run
    start: int = 0  # steps that are trained already when it starts
    parent: Run | None = None  # which trains them; None for fresh weights or a checkpoint that the store has
    branch_points: tuple[int, ...] = ()  # numbers of steps after which it is checkpointed for others
    tails: tuple[Tail, ...] = ()  # that begin before a branch point and that the runs from there on need
    untriggered: Run | None = (
        None  # of a reactive run: the one that it equals if nothing triggers it; goes first
    )
    turn: int = 0  # of the branches that can start, those of the lowest turn do

    @property
    def steps(self) -> int:
        """The steps it trains itself."""
        return self.run.schedule.steps - self.start


def make_schedules(
    config: Config, specs: list[str], peak_lrs: list[float], horizons: list[int]
) -> list[tuple[str, Schedule]]:
    """Every spec at every horizon and peak lr, all with the comparison's warmup.

    Args:
        config: gives `warmup_steps`.
        specs: schedules as the user spelled them, such as "wsd:cooldown=0.4".
        peak_lrs: each above 0.
        horizons: steps of a run.

    Returns:
        (label, schedule) for each; horizons are the outer loop, specs the inner one.

    Raises:
        ValueError: one line on the first schedule that can't be right or trained, before any is, or on
            steps that the memory has no room for, before any array is made.
    """
    check_fits(replace(config, steps=max(horizons)), schedules=len(specs) * len(peak_lrs) * len(horizons))
    schedules = []
    for steps in horizons:
        for peak_lr in peak_lrs:
            for spec in specs:
                schedule = get_schedule(spec, steps=steps, peak_lr=peak_lr, warmup_steps=config.warmup_steps)
                schedule.lrs()  # a formula that fails at some step fails here
                check_optimizer(schedule, config)
                schedules.append((spec, schedule))
    return schedules


def plan_runs(
    config: Config, schedules: list[tuple[str, Schedule]], seeds: list[int], data_fingerprint: str | None
) -> list[Run]:
    """Every schedule with every seed; seeds are the outer loop: a stopped comparison has whole seeds."""
    return [
        Run(label, schedule, seed, data_fingerprint and config.run_id(schedule, seed, data_fingerprint))
        for seed in seeds
        for label, schedule in schedules
    ]


def distinct(runs: list[Run]) -> list[Run]:
    """The first run of each id: two names for one lr array are trained once."""
    return list({run.id: run for run in reversed(runs)}.values())[::-1]


def plan_branches(runs: list[Run], config: Config, saved: dict[str, int] | None = None) -> list[Branch]:
    """The prefix forest of runs with distinct ids, one tree per seed and optimizer: no shared step is trained
    twice, and one seed is trained after another: a stopped comparison has whole seeds.

    Args:
        runs: the first of those that share a step trains it, reactive ones last.
        config: theirs.
        saved: run id -> number of steps after which the store has a checkpoint of it; 0 where not named.

    Returns:
        a Branch for each run, in the same order.
    """
    saved, alike = saved or {}, {}
    for run in sorted(runs, key=lambda run: run.schedule.reactive):  # these wait, so nobody may wait for them
        alike.setdefault((run.seed, run.schedule.optimizer), []).append(run)
    branches = {}
    for group in alike.values():
        arrays = [known_lrs(run.schedule, config) for run in group]
        shared = share(arrays, [saved.get(run.id, 0) for run in group])
        for run, (start, parent) in zip(group, shared):
            branches[run.id] = Branch(run, start, None if parent is None else group[parent])
    points, tails = {}, needed_tails(list(branches.values()), config)
    seeds = list(dict.fromkeys(run.seed for run in runs))
    for branch in branches.values():
        if branch.parent:
            points.setdefault(branch.parent.id, set()).add(branch.start)
    return [
        replace(
            branches[run.id],
            branch_points=tuple(sorted(points.get(run.id, ()))),
            tails=tuple(sorted(tails[run.id], key=lambda tail: tail.start)),
            untriggered=untriggered_run(run, runs),
            turn=seeds.index(run.seed),
        )
        for run in runs
    ]


def needed_tails(branches: list[Branch], config: Config) -> dict[str, set[Tail]]:
    """run id -> the tails that its checkpoints must have, its own and those of all that branch off from it:
    where a tail begins depends on the run's steps.

    Args:
        branches: each after the one that it branches off from.
        config: theirs.
    """
    needed = {}
    for branch in reversed(branches):
        means = config.means(branch.run.schedule.steps)
        tails = needed.setdefault(branch.run.id, set())
        tails.update(mean for mean in means if isinstance(mean, Tail))
        if branch.parent:
            begun = {tail for tail in tails if tail.start < branch.start}
            needed.setdefault(branch.parent.id, set()).update(begun)
    return needed


def untriggered_run(run: Run, runs: list[Run]) -> Run | None:
    """Of a reactive run, the one among `runs` that it equals if nothing triggers a reaction."""
    if not run.schedule.reactive:
        return None
    plain = (other for other in runs if other.seed == run.seed and other.schedule.predictable)
    same = (other for other in plain if np.array_equal(other.schedule.lrs(), run.schedule.lrs()))
    return next(same, None)


def share(arrays: list[np.ndarray], saved: list[int] | None = None) -> list[tuple[int, int | None]]:
    """Where each run branches off from those before it.

    Args:
        arrays: float64 (steps,), compared by their bits.
        saved: of each, the number of steps after which its checkpoint is there already; default 0.

    Returns:
        (start, parent) for each: it trains from step `start` on, in the state that `parent` (an index) is in
        after `start` steps; parent is None for fresh weights or its own checkpoint.
    """
    saved = saved or [0] * len(arrays)
    bits, starts, parents = [], [], []
    placed = []  # indices of those before, in the order of their bits: the most alike are next to each other
    for index, array in enumerate(arrays):
        bits.append(np.ascontiguousarray(array, dtype=np.float64).tobytes())
        place = bisect(placed, bits[index], key=bits.__getitem__)
        neighbours = placed[max(place - 1, 0) : place + 1]
        placed.insert(place, index)
        alike = ((common(bits[index], bits[other]), other) for other in neighbours)
        start, parent = max(alike, default=(0, None))
        while parent is not None and starts[parent] >= start:  # that one doesn't train the last shared step
            parent = parents[parent]
        if parent is None and start > saved[index]:  # a checkpoint cut the way to the one that does
            shared = [(common(bits[index], bits[other]), other) for other in placed if other != index]
            trains_it = (pair for pair in shared if starts[pair[1]] < pair[0])
            start, parent = max(trains_it, default=(0, None))
        if parent is None or saved[index] >= start:
            start, parent = saved[index], None
        starts.append(start)
        parents.append(parent)
    return list(zip(starts, parents))


def common(one: bytes, other: bytes) -> int:
    """How many float64 numbers from the start on are the same in both."""
    n = min(len(one), len(other)) // 8
    differ = np.frombuffer(one, np.uint64, n) != np.frombuffer(other, np.uint64, n)
    return int(differ.argmax()) if differ.any() else n


def separate_runs(steps_trained: int, steps_asked: int, runs: int) -> float:
    """How many runs trained separately cost as much as `runs` runs that share their steps."""
    return runs * steps_trained / steps_asked if steps_asked else 0.0
