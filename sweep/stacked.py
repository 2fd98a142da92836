"""Several runs of one model shape, stacked: each operation is done once for all of them.

That pays where an operation takes longer to start than to do: on a GPU, and on a CPU for models whose step
takes less than a few milliseconds. A larger model on a CPU trains faster alone, its tensors in the cache.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch

from model.masks import mask_key
from model.stacked import StackedGPT2, in_order, row_of
from nanosched.averages import Ema, Tail
from nanosched.config import Config
from train import State, autocast

from .cuda_graph import CudaGraph, rehearse
from .stacked_adamw import adamw_factors, clipped_adamw

GRAPHED_PARAMETERS = 11_000_000  # nanoGPT's char model has 10.7M; a larger one's kernels outlast their launch


class Stack:
    """Models of one shape, a slot each: parameters, AdamW moments and each mean of the weights are the rows
    of a tensor.

    Without dropout a slot's numbers are those of train.train_step on its run alone, but for rounding: nothing
    is summed over slots. With dropout its masks are a function of (seed, step), not torch's for that run.

    Args:
        states: one per slot, all of one model shape; their weights, moments and step counts are copied.
        config: theirs, with the machine's settings decided. It is compiled on a GPU only: on a CPU a slot's
            bits would be others for another number of slots.
        means: of the weights, that any of the states has; default none.
    """

    def __init__(self, states: list[State], config: Config, means: Sequence[Ema | Tail] = ()):
        self.config, self.model, self.means = config, StackedGPT2(states[0].model), tuple(means)
        shape = (0, sum(self.model.sizes))
        self.rows = [torch.zeros(shape, device=config.device) for _ in range(3 + len(self.means))]
        self.steps, self.seeds = [], []
        self.losses, self.adamw, self.compiled = self.model.losses, clipped_adamw, False
        if config.device == "cuda" and config.compile == "true":
            self.compile()
        self.append(states)

    def compile(self, **options):
        """Compile the two parts of a step; options: torch.compile's."""
        self.losses = torch.compile(self.losses, fullgraph=True, **options)
        self.adamw = torch.compile(self.adamw, fullgraph=True, **options)
        self.compiled = True

    @property
    def weights(self) -> torch.Tensor:
        """float32 (R, parameters), the first of `rows`: both moments and the means follow."""
        return self.rows[0]

    def write(self, slot: int, state: State):
        """Put a copy of `state`, all of it, into a slot, over what is there."""
        for row, new in zip(self.rows, rows_of(state, self.means)):
            row[slot] = new
        self.steps[slot], self.seeds[slot] = state.step, state.seed

    def append(self, states: list[State]):
        """Give copies of the states slots of their own, after the others."""
        added = [torch.stack(rows) for rows in zip(*(rows_of(state, self.means) for state in states))]
        self.resize(torch.cat(pair) for pair in zip(self.rows, added))
        self.steps += [state.step for state in states]
        self.seeds += [state.seed for state in states]

    def keep(self, slots: list[int]):
        """Drop the other slots; slots[i] becomes slot i."""
        self.resize(rows[slots] for rows in self.rows)
        self.steps = [self.steps[slot] for slot in slots]
        self.seeds = [self.seeds[slot] for slot in slots]

    def resize(self, rows):
        self.rows = list(rows)
        self.graph, self.prepared = None, False

    @torch.no_grad()
    def read(self, slot: int, state: State):
        """Make `state` a copy of a slot: it is trained on, validated and saved as if it had been alone."""
        rows = [self.model.split(rows[slot : slot + 1]) for rows in self.rows]
        for (_, p), weight, exp_avg, exp_avg_sq in zip(
            in_order(state.model), *(r.values() for r in rows[:3])
        ):
            p.copy_(weight[0])
            step = torch.tensor(float(self.steps[slot]), device=p.device)
            moments = dict(exp_avg=exp_avg[0].clone(), exp_avg_sq=exp_avg_sq[0].clone())
            state.optimizer.state[p] = dict(step=step, **moments)
        state.step = self.steps[slot]
        for mean, row in zip(self.means, rows[3:]):
            for (name, _), tensor in zip(state.model.named_parameters(), state.means.get(mean, ())):
                tensor.copy_(row[name][0])

    def step(self, x, y, lrs: list[float]):
        """One update of every slot, in place; nothing waits for the device.

        Args:
            x, y: int64 (R, gradient_accumulation_steps * batch_size, block_size), on the stack's device.
            lrs: R learning rates of this step.

        Returns:
            (losses, grad_norms): float32 (R,) on the device; the losses of the whole batches, the norms
            before clipping.
        """
        self.prepare(x, y)
        inputs = self.inputs(x, y, lrs)
        self.steps = [step + 1 for step in self.steps]
        return (self.graph or self.update)(*inputs)

    def prepare(self, x, y):
        """Compile and capture what `step` runs, if that is still to do: up to a minute, which is no step's.

        Args:
            x, y: as for `step`; no number is changed.
        """
        if self.prepared:
            return
        inputs = self.inputs(x, y, [0.0] * len(self.steps))
        if self.config.device == "cuda" and sum(self.model.sizes) <= GRAPHED_PARAMETERS:
            self.graph = CudaGraph(self.update, inputs, self.rows)
        elif self.compiled:
            rehearse(self.update, inputs, self.rows)
        self.prepared = True

    def inputs(self, x, y, lrs) -> list[torch.Tensor]:
        """All that a step depends on beside the slots, on the device."""
        c, runs = self.config, list(zip(self.seeds, self.steps))
        factors = [adamw_factors(lr, step + 1, c) for lr, step in zip(lrs, self.steps)]
        shares = [[mean.share(step + 1) for mean in self.means] for step in self.steps]
        factors = torch.tensor([[*factor, *share] for factor, share in zip(factors, shares)])
        inputs = [x, y, sent(factors, c.device)]
        if c.dropout:
            micro_batches = range(c.gradient_accumulation_steps)
            keys = [[mask_key(seed, step, micro) for seed, step in runs] for micro in micro_batches]
            inputs.append(sent(torch.from_numpy(np.array(keys)), c.device))
        return inputs

    def update(self, x, y, factors, keys=None):
        """`step` as a function of tensors alone.

        Args:
            factors: float32 (R, 3 + means), AdamW's and the share of the new weights in each mean.
            keys: int32 (gradient_accumulation_steps, R, 2).
        """
        losses, gradients = self.losses_and_gradients(x, y, keys)
        c, model = self.config, self.model
        clip = c.grad_clip or math.inf
        sizes, n_decaying = model.sizes, model.n_decaying
        rows, adamw = self.rows[:3], factors[:, :3]
        norms = self.adamw(rows, gradients, adamw, sizes, n_decaying, c.beta1, c.beta2, clip)
        for index, mean in enumerate(self.rows[3:], 3):
            mean.lerp_(self.weights, factors[:, index : index + 1])
        return losses, norms

    def losses_and_gradients(self, x, y, keys=None):
        """float32 (R,) and (R, parameters) of the whole batches."""
        n = self.config.gradient_accumulation_steps
        keys = [None] * n if keys is None else keys
        weights, losses, gradients = self.weights.detach().requires_grad_(), None, None
        for x_micro, y_micro, micro_keys in zip(x.chunk(n, 1), y.chunk(n, 1), keys):
            with autocast(self.config):
                micro_losses = self.losses(weights, x_micro, y_micro, micro_keys) / n
            # to each slot's weights its own loss's gradient
            (micro_gradients,) = torch.autograd.grad(micro_losses.sum(), weights)
            micro_losses = micro_losses.detach()
            losses = micro_losses if losses is None else losses + micro_losses
            gradients = micro_gradients if gradients is None else gradients.add_(micro_gradients)
        return losses, gradients


def rows_of(state: State, means: Sequence[Ema | Tail]) -> list[torch.Tensor]:
    """The weights, both moments and each of the means, (parameters,) each; zeros for what it doesn't have."""
    parameters = [p for _, p in in_order(state.model)]
    weights = row_of(parameters).detach()
    nothing = torch.zeros_like(weights)
    moments = [nothing, nothing]  # of a fresh optimizer
    if state.step:
        of_each = [state.optimizer.state[p] for p in parameters]
        moments = [row_of([m[name] for m in of_each]) for name in ("exp_avg", "exp_avg_sq")]
    kept = [row_of_mean(state, mean) if mean in state.means else nothing for mean in means]
    return [weights, *moments, *kept]


def row_of_mean(state: State, mean: Ema | Tail) -> torch.Tensor:
    named = dict(zip((name for name, _ in state.model.named_parameters()), state.means[mean]))
    return row_of([named[name] for name, _ in in_order(state.model)])


def sent(tensor: torch.Tensor, device: str) -> torch.Tensor:
    """To the device, without waiting for what it still has to do: that takes memory that can't be paged."""
    return tensor.pin_memory().to(device, non_blocking=True) if device == "cuda" else tensor
