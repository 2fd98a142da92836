"""How long a training step takes, by the clock of the device that takes it."""

from __future__ import annotations

import time


class StepTimer:
    """Runs from its making until `stop`. On a GPU both are events in its queue, which wait for nothing.

    Args:
        device: cpu or cuda.
        runs: how many runs share the step; each is charged the same part of it.
    """

    def __init__(self, device: str, runs: int = 1):
        self.device, self.runs = device, runs
        self.start = self.now()

    def stop(self) -> StepTimer:
        self.end = self.now()
        return self

    def seconds(self) -> float:
        """Of one run, from start to stop; on a GPU this waits until the step is done."""
        on_gpu = self.device == "cuda"
        elapsed = self.start.elapsed_time(self.end) / 1000 if on_gpu else self.end - self.start
        return elapsed / self.runs

    def now(self):
        if self.device == "cpu":
            return time.perf_counter()
        import torch

        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event
