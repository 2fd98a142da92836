"""The simulated makespan has closed forms and bounds, and the fastest plan trains the same no later."""

import os
from dataclasses import replace
from types import SimpleNamespace

from helpers import Silent, is_one_line_error
from helpers_cluster import untimed
from hypothesis import given, settings
from hypothesis import strategies as st

from nanosched.config import Config
from studies.scaling.bounds import any_plan_bound, area_bound, critical_path
from sweep import workers as side_by_side
from sweep.dry_run import print_plans
from sweep.execute import count_workers, execute
from sweep.makespan import choose_plan, makespan, timetable, trained_anyway
from sweep.plan import Branch, Run, distinct, make_schedules, plan_branches, plan_runs
from sweep.store import Store

CONFIG = Config(device="cpu", dtype="float32", compile="false", steps=300, warmup_steps=30, eval_interval=20)

worker_counts = st.integers(1, 6)


@st.composite
def forests(draw):
    """Branches of random trees, some of them reactive: they branch off from the run that they wait for."""
    branches = []
    for index in range(draw(st.integers(1, 9))):
        seed = draw(st.integers(0, 1))
        run = Run(f"{index}", SimpleNamespace(steps=draw(st.integers(1, 20))), seed, f"{index}")
        parents = [b for b in branches if b.run.seed == seed and not b.untriggered and b.steps]
        parent = draw(st.sampled_from([None, *parents]))
        if parent is None:
            branches.append(Branch(run, turn=seed))
            continue
        start = draw(st.integers(parent.start + 1, parent.run.schedule.steps))
        run.schedule.steps = max(run.schedule.steps, start)
        waits_for = parent.run if draw(st.booleans()) else None
        branches.append(Branch(run, start, parent.run, untriggered=waits_for, turn=seed))
    points = {branch.run.id: set() for branch in branches}
    for branch in branches:
        if branch.parent:
            points[branch.parent.id].add(branch.start)
    return [replace(branch, branch_points=tuple(sorted(points[branch.run.id]))) for branch in branches]


def planned(specs, seeds=(0,), config=CONFIG, data="data"):
    schedules = make_schedules(config, specs, [config.peak_lr], [config.steps])
    return plan_branches(distinct(plan_runs(config, schedules, list(seeds), data)), config)


@given(forests())
def test_one_worker_takes_every_step(branches):
    for plan in "cheapest", "fastest":
        assert makespan(choose_plan(plan, branches, 1), 1) == sum(branch.steps for branch in branches)


@given(forests())
def test_enough_workers_take_the_longest_path(branches):
    ends = {}
    for branch in branches:  # each after those that it needs
        if branch.untriggered:
            begin = ends[branch.untriggered.id]
        elif branch.parent:
            begin = ends[branch.parent.id] - branch.parent.schedule.steps + branch.start
        else:
            begin = 0
        ends[branch.run.id] = begin + branch.steps
    assert critical_path(branches) == max(ends.values())


@given(forests(), worker_counts)
def test_every_step_is_trained_once_what_it_starts_from_is_there(branches, workers):
    starts = timetable(branches, workers)
    assert starts.keys() == {branch.run.id for branch in branches}
    assert list(starts.values()) == sorted(starts.values())
    by_id = {branch.run.id: branch for branch in branches}
    for branch in branches:
        start = starts[branch.run.id]
        if branch.parent:
            parent = by_id[branch.parent.id]
            assert start >= starts[parent.run.id] + branch.start - parent.start
        if branch.untriggered:
            other = by_id[branch.untriggered.id]
            assert start >= starts[other.run.id] + other.steps
        at_once = [b for b in branches if starts[b.run.id] <= start < starts[b.run.id] + b.steps]
        assert len(at_once) <= workers


@given(forests(), worker_counts, st.data())
def test_no_plan_falls_below_the_bounds(branches, workers, data):
    alone = [Branch(branch.run, turn=branch.turn) for branch in branches]
    twice = loose(branches, data)
    for plan in branches, choose_plan("fastest", branches, workers), alone, twice:
        assert makespan(plan, workers) >= area_bound(plan, workers)
        assert makespan(plan, workers) >= critical_path(plan)
        assert makespan(plan, workers) >= any_plan_bound(branches, workers)
    assert any_plan_bound(branches, workers) >= area_bound(branches, workers)


def loose(branches, data):
    """Some of them trained from their first step on, so that what they share is trained twice."""
    chosen = [branch.run.id for branch in branches if data.draw(st.booleans())]
    waits = [replace(branch, untriggered=None) for branch in branches]
    return [replace(b, start=0, parent=None) if b.run.id in chosen else b for b in waits]


@given(forests(), worker_counts, st.data())
def test_who_trains_a_shared_step_second_could_have_waited_for_it(branches, workers, data):
    """So training a prefix twice ends nothing earlier: the second could start behind it, when it is there."""
    twice, steps, trained = loose(branches, data), {}, {}
    for branch in branches:  # a step's name is that of the run that trains it if all that is shared is
        shared = steps[branch.parent.id][: branch.start] if branch.parent else []
        own = [(branch.run.id, step) for step in range(branch.start, branch.run.schedule.steps)]
        steps[branch.run.id] = shared + own
    starts = timetable(twice, workers)
    for branch in twice:
        for taken, step in enumerate(steps[branch.run.id][branch.start :]):
            end = starts[branch.run.id] + taken + 1
            trained.setdefault(step, []).append((end, branch.run.id))
    for branch in twice:
        first = [min(trained[step])[1] == branch.run.id for step in steps[branch.run.id][branch.start :]]
        assert first == sorted(first)  # others are first up to some step, and it is from there on


@settings(max_examples=200)
@given(forests(), worker_counts)
def test_the_fastest_plan_is_no_slower_and_differs_in_order_and_waits_alone(branches, workers):
    fastest = choose_plan("fastest", branches, workers)
    assert makespan(fastest, workers) <= makespan(branches, workers)
    for one, other in zip(branches, fastest, strict=True):
        assert other.turn in (one.turn, 0) and other.untriggered in (one.untriggered, None)
        assert other == replace(one, turn=other.turn, untriggered=other.untriggered)
    if trained_anyway(fastest) > trained_anyway(branches):  # which costs steps if nothing triggers them
        assert makespan(fastest, workers) < 0.99 * makespan(branches, workers)
    assert choose_plan("cheapest", branches, workers) is branches


def test_a_reactive_run_waits_for_nobody_where_that_ends_earlier():
    branches = planned(["constant", "plateau"])
    assert [branch.start for branch in branches] == [0, 20]
    fastest = choose_plan("fastest", branches, 2)
    assert makespan(branches, 2) == 300 + 280
    assert makespan(fastest, 2) == 300 and fastest[1].parent is branches[0].run
    assert choose_plan("fastest", branches, 1) == branches


def test_a_long_branch_of_the_last_seed_is_not_left_to_the_end():
    branches = planned(["constant", "wsd:cooldown=0.1", "wsd:cooldown=0.2"], seeds=range(4))
    fastest = choose_plan("fastest", branches, 3)
    by_id = {branch.run.id: branch for branch in branches}
    order = [by_id[run_id] for run_id in timetable(branches, 3)]
    assert [branch.steps for branch in order[3:]] == [59, 29, 59, 29, 59, 29, 300, 59, 29]
    order = [by_id[run_id] for run_id in timetable(fastest, 3)]
    assert [branch.steps for branch in order] == [300, 300, 300, 300, 59, 59, 59, 29, 29, 29, 59, 29]
    assert makespan(fastest, 3) == 600 < makespan(branches, 3)


def test_the_numbers_are_those_of_the_cheapest_plan(tiny, dataset, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    config, curves = Config(**tiny), []
    branches = planned(
        ["constant", "plateau:patience=1", "plateau:patience=9"], (0,), config, dataset.fingerprint
    )
    fastest = [replace(branch, turn=0) for branch in choose_plan("fastest", branches, len(branches))]
    assert sum(branch.untriggered is None for branch in branches) == 1 and fastest[1].untriggered is None
    for name, plan in ("cheapest", branches), ("fastest", fastest):
        store = Store(tmp_path / name)
        assert not execute(plan, config, dataset, store, [], Silent(), lambda: False)
        curves.append([untimed(store.folder(branch.run.id) / "curve.csv") for branch in branches])
    assert curves[0] == curves[1] and all(len(curve) == config.steps for curve in curves[0])


def test_the_dry_run_names_both_plans_where_they_differ(capsys):
    branches = planned(["constant", "plateau"])
    print_plans(branches, 2, "fastest")
    assert capsys.readouterr().out.splitlines() == [
        "plan cheapest: 580 steps trained, 300 if nothing triggers a reaction; "
        "with 2 at a time the last run ends after 580",
        "plan fastest, chosen: 580 steps trained; with 2 at a time the last run ends after 300",
    ]
    print_plans(branches[:1], 2, "cheapest")
    (line,) = capsys.readouterr().out.splitlines()
    assert line.endswith("the last run ends after 300; no other is faster")


def test_the_workers_at_hand(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(side_by_side, "free_memory", lambda: None)
    assert count_workers(9, CONFIG) == 2 and count_workers(1, CONFIG) == 1
    assert count_workers(9, CONFIG, slots=4) == 4
    assert count_workers(9, CONFIG, executor="ray") == 9


def test_carrying_over_has_one_order(cli, toml):
    result = cli("compare.py", "--config", toml(), "--protocol", "carry-over", "--plan", "fastest")
    is_one_line_error(result, "--plan fastest", "carry-over")
