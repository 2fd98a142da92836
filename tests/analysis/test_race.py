"""Seeds in looks: who gets more of them, when it is over, and that it can be killed at any point."""

import math

import numpy as np
import pytest

from analysis.looks import looks_up_to
from analysis.race import expected_runs, race
from analysis.verdicts import Verdict

LOOKS = looks_up_to(20)
MARGIN = 0.005


def drawn(means, sd=0.003, seed_sd=0.02, seed=0):
    """20 seeds of losses; what seeds have in common is larger than what tells schedules apart."""
    rng = np.random.default_rng(seed)
    common = seed_sd * rng.standard_normal(20)
    return {
        name: dict(enumerate((mean + common + sd * rng.standard_normal(20)).tolist()))
        for name, mean in means.items()
    }


def run(losses, baseline=None, looks=LOOKS):
    """All looks, with what each asks for trained at once; (the race, how many seeds each schedule got)."""
    known = {name: {} for name in losses}
    while not (found := race(known, looks, baseline, MARGIN)).over:
        before = {name: len(row) for name, row in known.items()}
        for name in found.running:
            known[name] = {seed: losses[name][seed] for seed in range(found.seeds)}
        assert {name: len(row) for name, row in known.items()} != before
    return found, {name: len(row) for name, row in known.items()}


def verdicts(found):
    return {name: decision.verdict for name, decision in found.decisions.items()}


def test_who_is_far_above_the_best_gets_no_more_seeds():
    losses = drawn({"best": 3.0, "near": 3.007, "far": 3.1})
    found, seeds = run(losses)
    assert seeds["far"] == 3 and seeds["best"] == seeds["near"] > 3
    assert found.decisions["far"].seeds == 3 and verdicts(found)["far"] is Verdict.WORSE


def test_equal_ones_end_equivalent():
    found, seeds = run(drawn({"a": 3.0, "b": 3.0}, sd=0.002))
    assert set(verdicts(found).values()) == {Verdict.EQUIVALENT} and max(seeds.values()) < 20


def test_it_ends_undecided_where_the_seeds_don_t_suffice():
    found, seeds = run(drawn({"a": 3.0, "b": 3.006}, sd=0.05))
    assert set(verdicts(found).values()) == {Verdict.UNDECIDED} and set(seeds.values()) == {20}
    assert found.over and not found.running


def test_the_baseline_is_there_as_long_as_anybody():
    losses = drawn({"baseline": 3.05, "lower": 3.0, "near": 3.053, "higher": 3.2})
    found, seeds = run(losses, baseline="baseline")
    assert verdicts(found)["lower"] is Verdict.BETTER and seeds["lower"] == 3
    assert verdicts(found)["higher"] is Verdict.WORSE and seeds["higher"] == 3
    assert seeds["baseline"] == max(seeds.values()) and "baseline" not in found.decisions


def test_the_same_runs_under_two_names_are_decided_at_once():
    losses = drawn({"a": 3.0})
    found, seeds = run({"a": losses["a"], "again": dict(losses["a"])})
    assert set(verdicts(found).values()) == {Verdict.IDENTICAL} and set(seeds.values()) == {3}


def test_seeds_that_did_not_complete_stop_nobody():
    losses = drawn({"a": 3.0, "b": 3.0, "c": 3.1})
    losses["b"] = dict.fromkeys(range(20), math.nan)
    found, seeds = run(losses)
    assert found.over and seeds["b"] == 3 and verdicts(found)["c"] is Verdict.WORSE


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("baseline", [None, "b"])
def test_it_goes_on_from_any_point_to_the_same_decisions(seed, baseline):
    losses = drawn({"a": 3.0, "b": 3.004, "c": 3.01, "d": 3.02}, sd=0.006, seed=seed)
    whole, seeds = run(losses, baseline)
    rng = np.random.default_rng(seed)
    for _ in range(5):  # killed with some of the runs of a look there, and perhaps some of the next ones
        some = {
            name: {s: loss for s, loss in row.items() if s < seeds[name] and rng.random() < 0.9}
            for name, row in losses.items()
        }
        while not (found := race(some, LOOKS, baseline, MARGIN)).over:
            for name in found.running:
                some[name] |= {s: losses[name][s] for s in range(found.seeds)}
        assert found.decisions == whole.decisions
        assert {name: len(row) for name, row in some.items()} == seeds


def test_the_expected_number_of_runs_is_that_of_differences_as_they_are():
    losses = drawn({"best": 3.0, "near": 3.007, "far": 3.1})
    first = {name: {seed: row[seed] for seed in range(3)} for name, row in losses.items()}
    expected, (_, seeds) = expected_runs(first, LOOKS, None, MARGIN), run(losses)
    assert 9 < expected <= 2 * sum(seeds.values())
    assert expected_runs({name: {0: row[0]} for name, row in losses.items()}, LOOKS, None, MARGIN) is None


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("baseline", [None, "b"])
def test_p_and_interval_agree_at_every_look(seed, baseline):
    losses = drawn({"a": 3.0, "b": 3.003, "c": 3.006, "d": 3.02}, sd=0.006, seed=seed)
    found, _ = run(losses, baseline)
    for decision in found.decisions.values():
        interval = decision.interval
        assert (interval.low > 0 or interval.high < 0) == (interval.p < 0.05)
