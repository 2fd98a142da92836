"""torch's AdamW without its detour through torch's compiler, whose import takes longer than a short run."""

from __future__ import annotations

from inspect import unwrap

import torch

# Each is wrapped for the case that torch.compile traces it, and the wrapper imports torch._dynamo.
WRAPPED = ("add_param_group", "zero_grad", "state_dict", "load_state_dict")


class AdamW(torch.optim.AdamW):
    """torch.optim.AdamW, number for number; not to be called in a function that torch compiles."""

    name = "adamw"
    moments = ("exp_avg", "exp_avg_sq")  # kept of each parameter

    step = torch.no_grad()(unwrap(torch.optim.AdamW.step))

    def evaluated(self, weights: list) -> list:
        """The weights to validate: these."""
        return weights


for name in WRAPPED:
    setattr(AdamW, name, unwrap(getattr(torch.optim.AdamW, name)))
