"""The time of a step."""

import time

import torch

from nanosched.step_timer import StepTimer


def test_it_ends_at_stop_and_runs_share_a_step(monkeypatch):
    clock = iter([10.0, 16.0, 20.0, 26.0])
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    alone, shared = StepTimer("cpu").stop(), StepTimer("cpu", runs=3).stop()
    assert (alone.seconds(), shared.seconds()) == (6.0, 2.0)
    assert alone.seconds() == 6.0


class FakeEvent:
    """A torch.cuda.Event: the times of its two records, in ms."""

    clock = iter([100.0, 250.0])

    def __init__(self, enable_timing):
        assert enable_timing

    def record(self):
        self.ms = next(self.clock)

    def elapsed_time(self, end):
        return end.ms - self.ms


def test_on_a_gpu_it_is_two_events_which_are_read_later(monkeypatch):
    monkeypatch.setattr(torch.cuda, "Event", FakeEvent)
    assert StepTimer("cuda", runs=2).stop().seconds() == 0.15 / 2
