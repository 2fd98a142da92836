"""The prefix tree: every run is spelled exactly, no step is trained twice, all that can be shared is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nanosched.config import Config
from schedulers import get_schedule, resolve
from sweep.plan import distinct, known_lrs, make_schedules, plan_branches, plan_runs, separate_runs, share
from sweep.queue import Queue

CONFIG = Config(device="cpu", dtype="float32", compile="false", steps=300, warmup_steps=30)

few_values = st.lists(st.sampled_from([0.0, -0.0, 1e-3, 2e-3]), min_size=1, max_size=7)
sweeps = st.lists(few_values.map(np.array), min_size=1, max_size=12, unique_by=lambda array: array.tobytes())


def prefix(array, steps):
    return array[:steps].tobytes()


@given(sweeps)
def test_leaves_spell_the_arrays_and_no_step_is_trained_twice(arrays):
    trained, states = [], {prefix(arrays[0], 0)}
    for array, (start, parent) in zip(arrays, share(arrays)):
        assert prefix(array, start) in states  # somebody before it has been there
        assert parent is None or prefix(arrays[parent], start) == prefix(array, start)
        steps = [prefix(array, t + 1) for t in range(start, len(array))]
        trained += steps
        states |= set(steps)
    assert all(array.tobytes() in states for array in arrays)
    assert len(trained) == len(set(trained)) == len({prefix(a, t + 1) for a in arrays for t in range(len(a))})


@settings(max_examples=300)
@given(sweeps, st.data())
def test_checkpoints_that_are_there_are_used_and_every_branch_point_is_passed(arrays, data):
    saved = [data.draw(st.integers(0, len(array))) for array in arrays]
    plan = share(arrays, saved)
    for array, there, (start, parent) in zip(arrays, saved, plan):
        assert start >= there
        if parent is None:
            assert start == there
        else:  # the parent begins before the branch point, so it comes past it
            assert plan[parent][0] < start <= len(arrays[parent])
            assert prefix(arrays[parent], start) == prefix(array, start)
    trained = [
        prefix(array, t + 1) for array, (start, _) in zip(arrays, plan) for t in range(start, len(array))
    ]
    assert len(trained) == len(set(trained))


def runs_of(specs, config=CONFIG, peak_lrs=(1e-3,), horizons=(300,), seeds=(0,)):
    return distinct(plan_runs(config, make_schedules(config, specs, peak_lrs, horizons), seeds, "data"))


def steps_to_train(runs, config=CONFIG):
    return sum(branch.steps for branch in plan_branches(runs, config))


def test_everything_shares_its_warmup_and_cooldowns_their_trunk():
    branches = {branch.run.schedule.name: branch for branch in plan_branches(runs_of(resolve("all")), CONFIG)}
    cosine, wsd = branches["cosine"], branches["wsd"]
    assert cosine.start >= 30 and cosine.parent is branches["bound_optimal"].run  # the first by name
    assert wsd.start == 241 and wsd.parent is branches["constant"].run  # p = 0 is at the peak too
    assert branches["inverse_sqrt_cooldown"].parent is branches["inverse_sqrt"].run
    assert set(branches["constant"].branch_points) >= {
        branches[name].start for name in ("wsd", "trapezoid", "step", "multistep", "wssd")
    }
    assert branches["one_cycle"].start <= 1  # a rise of its own


def test_several_horizons_of_wsd_are_one_trunk_and_their_cooldowns():
    horizons = (250, 500, 1000, 1500, 2000)
    trained = steps_to_train(runs_of(["wsd"], horizons=horizons))
    cooldowns = sum(round(0.2 * steps) for steps in horizons)
    assert trained <= 1600 + cooldowns  # the first step of a cooldown is at the peak still


def test_a_wsd_family_costs_at_most_035_of_training_each_alone():
    specs = [
        f"wsd:cooldown={c},shape={s}" for s in ("linear", "sqrt", "cosine", "square") for c in (0.1, 0.2, 0.4)
    ]
    runs = runs_of(specs, horizons=(250, 500, 1000))
    assert len(runs) == 36
    assert steps_to_train(runs) <= 0.35 * sum(run.schedule.steps for run in runs)


def test_seeds_and_peak_lrs_share_nothing():
    assert steps_to_train(runs_of(["cosine"], seeds=(0, 1))) == 600
    assert steps_to_train(runs_of(["cosine"], peak_lrs=(1e-3, 2e-3))) == 600


def test_a_reactive_schedule_is_certain_up_to_the_first_validation():
    plateau = get_schedule("plateau", steps=300, peak_lr=1e-3, warmup_steps=30)
    assert known_lrs(plateau, CONFIG).tolist() == plateau.lrs()[: CONFIG.eval_interval].tolist()
    both = plan_branches(runs_of(["constant", "plateau"]), CONFIG)
    assert [branch.start for branch in both] == [0, CONFIG.eval_interval]


def test_the_queue_gives_out_what_can_start_the_longest_first():
    branches = plan_branches(runs_of(["constant", "cosine", "wsd", "cyclic"], seeds=(0, 1)), CONFIG)
    queue = Queue(branches)
    constant, cyclic = queue.next(), queue.next()
    assert [branch.run.schedule.name for branch in (constant, cyclic)] == ["constant", "cyclic"]
    assert queue.next().run.seed == 1  # cosine and wsd of seed 0 wait for constant
    queue.reached(constant.run.id, 31)
    assert queue.next().run.schedule.name == "cosine"
    queue.ended(constant.run.id)
    assert queue.next().run.schedule.name == "wsd"


@pytest.mark.parametrize("steps", [1, 2, 29, 30, 31])
def test_horizons_as_short_as_the_warmup(steps):
    config = Config(device="cpu", dtype="float32", compile="false", steps=40, warmup_steps=min(steps, 5))
    runs = runs_of(resolve("constant,cosine,wsd,linear"), config, horizons=(steps, 40))
    seen = {prefix(run.schedule.lrs(), t + 1) for run in runs for t in range(run.schedule.steps)}
    assert steps_to_train(runs, config) == len(seen)


def test_the_cost_in_separate_runs():
    assert separate_runs(steps_trained=150, steps_asked=300, runs=3) == 1.5
    assert separate_runs(steps_trained=0, steps_asked=0, runs=0) == 0
