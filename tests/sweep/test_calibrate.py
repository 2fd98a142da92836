"""Stacked or separate: by speed for a new comparison, and as it was begun for one that the store has."""

import os
from dataclasses import replace

import pytest
from helpers import schedule_of

from nanosched.config import Config
from nanosched.run_files import write_run
from sweep import calibrate
from sweep.calibrate import choose_slots
from sweep.plan import plan_runs
from sweep.store import Store
from train import train

FASTER = dict(  # what a calibration may give
    stacked=dict(separate=1.0, stacked={"2": 0.6, "4": 0.5}),
    separate=dict(separate=0.4, stacked={"2": 0.6, "4": 0.5}),
)
SEEDS = [0, 1]


@pytest.fixture
def config(tiny):
    return lambda **changes: Config(**{**tiny, **changes})


@pytest.fixture
def choose(dataset, tmp_path, monkeypatch):
    """choose_slots for two schedules with two seeds, on a machine where this is faster."""

    def choose(config, faster, **more):
        monkeypatch.setattr(calibrate, "max_workers", lambda config: 2)
        monkeypatch.setattr(calibrate, "measured_before", lambda *args: None)
        monkeypatch.setattr(calibrate, "measure", lambda *args: FASTER[faster])
        return choose_slots(config, dataset, Store(tmp_path), schedules(config), SEEDS, **more)

    return choose


def schedules(config):
    return [(spec, schedule_of(config, spec)) for spec in ("cosine", "constant")]


@pytest.fixture
def finish(dataset, tmp_path):
    """Puts this many runs of the comparison into the store, under the ids of `replicas`."""

    def finish(config, replicas, n_runs):
        config = replace(config, replicas=replicas)
        runs = plan_runs(config, schedules(config), SEEDS, dataset.fingerprint)
        for run in runs[:n_runs]:
            record = train(config, run.schedule, run.seed, dataset, tmp_path / "train")
            curve_csv = (tmp_path / "train" / "curve.csv").read_text()
            write_run(Store(tmp_path).folder(run.id), replace(record, run_id=run.id), curve_csv)

    return finish


def test_an_empty_store_is_decided_by_speed(config, choose):
    assert choose(config(), "stacked") == 4
    assert choose(config(), "separate") == 0
    assert choose(config(), "stacked", measure_now=False) == 0  # not known: as if separate were faster


@pytest.mark.parametrize("n_runs", [1, 4])
def test_a_comparison_that_was_trained_separately_goes_on_so(config, choose, finish, n_runs):
    """Else the calibration of a rerun could give all its runs other ids, and train them again."""
    finish(config(), "separate", n_runs)
    assert choose(config(), "stacked") == 0


def test_a_comparison_that_was_trained_stacked_goes_on_so(config, choose, finish):
    finish(config(), "stacked", 1)
    assert choose(config(), "separate") == 4
    assert choose(config(), "separate", measure_now=False) == calibrate.FALLBACK


def test_what_has_more_runs_is_kept(config, choose, finish):
    finish(config(), "separate", 1)
    finish(config(), "stacked", 2)
    assert choose(config(), "separate") == 4
    finish(config(), "separate", 4)
    assert choose(config(), "stacked") == 0


def test_runs_of_another_comparison_decide_nothing(config, choose, finish):
    finish(config(n_embd=32), "separate", 4)
    assert choose(config(), "stacked") == 4


def test_what_is_asked_for_by_name_is_done(config, choose, finish):
    finish(config(), "separate", 4)
    assert choose(config(replicas="stacked"), "separate") == 4
    assert choose(config(replicas="separate"), "stacked") == 0
    assert choose(config(dropout=0.1), "stacked") == 0
    with pytest.raises(ValueError, match="replicas='stacked' is not allowed with dropout=0.1"):
        choose(config(replicas="stacked", dropout=0.1), "stacked")


WRONG = [
    "",
    "null",
    "[]",
    "[" * 100_000,
    '{"separate": 1.0}',
    '{"separate": "1", "stacked": {}}',
    '{"separate": NaN, "stacked": {"2": 0.5}}',
    '{"separate": -1.0, "stacked": {"2": 0.5}}',
    '{"separate": 1.0, "stacked": {"2": null}}',
    '{"separate": 1.0, "stacked": {"many": 0.5}}',
    '{"separate": 1.0, "stacked": {"-3": 0.5}}',
    '{"separate": 1.0, "stacked": [0.5]}',
]


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("NANOSCHED_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.mark.parametrize("cached", WRONG, ids=range(len(WRONG)))
def test_what_is_wrong_in_the_cache_is_measured_again(config, cache, cached):
    path = calibrate.calibration_file(config(), 65)
    path.parent.mkdir(parents=True)
    path.write_text(cached)
    assert calibrate.measured_before(config(), 65) is None
    assert calibrate.seconds_per_run_step(config(), 65) is None


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(calibrate, "max_workers", lambda config: 1)
    monkeypatch.setattr(calibrate, "time_separate", lambda *args: 1.0)
    monkeypatch.setattr(calibrate, "time_stacked", lambda *args: {"2": 0.5})


def test_a_cache_is_never_needed(config, cache, quick):
    measured = dict(separate=1.0, stacked={"2": 0.5})
    cache.write_text("a file, where a folder can't be made")
    assert calibrate.measure(config(), 65) == measured and calibrate.measured_before(config(), 65) is None
    cache.unlink()
    assert calibrate.measure(config(), 65) == measured == calibrate.measured_before(config(), 65)


def test_what_cant_be_measured_stops_nothing(config, cache, quick, monkeypatch):
    def broken(*args):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(calibrate, "time_separate", broken)
    assert calibrate.measure(config(), 65) is None and not cache.exists()


def dies(pipe, barrier, is_first, config, vocab_size):
    if not is_first:
        os._exit(9)
    barrier.wait()


def test_a_measuring_process_that_dies_leaves_nobody_waiting(config, cache, monkeypatch):
    monkeypatch.setattr(calibrate, "max_workers", lambda config: 2)
    monkeypatch.setattr(calibrate, "measuring_worker", dies)
    assert calibrate.measure(config(), 65) is None
