"""The time of a step."""

import time

from nanosched.step_timer import StepTimer


def test_it_stops_when_told_and_runs_share_a_step(monkeypatch):
    clock = iter([10.0, 16.0, 20.0, 26.0])
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    alone, shared = StepTimer("cpu").stop(), StepTimer("cpu", runs=3).stop()
    assert (alone.seconds(), shared.seconds()) == (6.0, 2.0)
    assert alone.seconds() == 6.0
