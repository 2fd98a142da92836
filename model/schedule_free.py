"""Schedule-free AdamW, of the package schedulefree; schedulers/schedule_free.py says what it is."""

from __future__ import annotations

import torch
from schedulefree import AdamWScheduleFree


class ScheduleFreeAdamW(AdamWScheduleFree):
    """schedulefree.AdamWScheduleFree, number for number, always in its training mode.

    Its eval() puts the mean x in the place of the weights y that it trains at, and its train() brings them
    back but for rounding. Here y stays, so that a validation or a checkpoint changes no number of a run.
    """

    name = "schedule_free"
    moments = ("z", "exp_avg_sq")  # kept of each parameter

    def __init__(self, params, **settings):
        super().__init__(params, **settings)
        self.train()

    @torch.no_grad()
    def evaluated(self, weights: list) -> list:
        """The weights to validate: after a step, x of each of these parameters, as eval() would set it."""
        beta1, _ = self.param_groups[0]["betas"]
        return [y.lerp(self.state[y]["z"], 1 - 1 / beta1) for y in weights]
