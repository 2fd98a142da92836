"""Several runs of one model shape, stacked: each operation is done once for all of them.

That pays where an operation takes longer to start than to do: on a GPU, and on a CPU for models whose step
takes less than a few milliseconds. A larger model on a CPU trains faster alone, its tensors in the cache.
"""

from __future__ import annotations

import math

import torch
from torch.func import functional_call, vmap
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from nanosched.config import Config
from train import State, autocast


class Stack:
    """Models of one shape, a slot each: parameters and AdamW moments are stacked along dimension 0.

    A slot's numbers are those of train.train_step on its run alone, but for rounding: nothing is summed over
    slots.

    Args:
        states: one per slot, all of one model shape; their weights, moments and step counts are copied.
        config: theirs, with the machine's settings decided; `compile` is not looked at.

    Raises:
        ValueError: for a dropout other than 0.
    """

    def __init__(self, states: list[State], config: Config):
        if config.dropout:
            raise ValueError(f"dropout={config.dropout} is not allowed: stacked runs can't have any; give 0")
        self.config = config
        self.model = states[0].model  # only its code is used
        self.shapes = {name: p.shape for name, p in in_order(self.model)}
        self.sizes = [shape.numel() for shape in self.shapes.values()]
        self.n_decaying = sum(shape.numel() for shape in self.shapes.values() if len(shape) >= 2)
        self.weights, self.exp_avg, self.exp_avg_sq = torch.zeros(
            3, len(states), sum(self.sizes), device=config.device
        )
        self.steps = [0] * len(states)
        for slot, state in enumerate(states):
            self.write(slot, state)

    @torch.no_grad()
    def write(self, slot: int, state: State):
        """Put a copy of `state` (weights, moments, step count) into a slot, over what is there."""
        parameters = [p for _, p in in_order(state.model)]
        moments = [state.optimizer.state[p] for p in parameters] if state.step else []
        self.weights[slot] = joined(parameters)
        self.exp_avg[slot] = joined([m["exp_avg"] for m in moments]) if moments else 0.0
        self.exp_avg_sq[slot] = joined([m["exp_avg_sq"] for m in moments]) if moments else 0.0
        self.steps[slot] = state.step

    @torch.no_grad()
    def read(self, slot: int, state: State):
        """Make `state` a copy of a slot: it is trained on, validated and saved as if it had been alone."""
        rows = [
            self.split(stacked[slot]).values() for stacked in (self.weights, self.exp_avg, self.exp_avg_sq)
        ]
        for (_, p), weight, exp_avg, exp_avg_sq in zip(in_order(state.model), *rows):
            p.copy_(weight)
            step = torch.tensor(float(self.steps[slot]), device=p.device)
            state.optimizer.state[p] = dict(step=step, exp_avg=exp_avg.clone(), exp_avg_sq=exp_avg_sq.clone())
        state.step = self.steps[slot]

    def keep(self, slots: list[int]):
        """Drop the other slots; slots[i] becomes slot i."""
        self.weights, self.exp_avg, self.exp_avg_sq = (
            self.weights[slots],
            self.exp_avg[slots],
            self.exp_avg_sq[slots],
        )
        self.steps = [self.steps[slot] for slot in slots]

    def step(self, x, y, lrs: list[float]):
        """One update of every slot, in place.

        Args:
            x, y: int64 (R, gradient_accumulation_steps * batch_size, block_size), on the stack's device.
            lrs: R learning rates of this step.

        Returns:
            (losses, grad_norms): float32 (R,) on the device; the losses of the whole batches, the norms
            before clipping.
        """
        losses, gradients = self.losses_and_gradients(x, y)
        # by parameter: one sum over a whole row can be off by 1e-4
        norms = [part.norm(dim=1) for part in gradients.split(self.sizes, 1)]
        grad_norms = torch.stack(norms, 1).norm(dim=1)
        shrink = (self.config.grad_clip or math.inf) / (grad_norms + 1e-6)  # clip_grad_norm_'s
        gradients *= shrink.clamp(max=1.0)[:, None]
        self.adamw(gradients, lrs)
        return losses, grad_norms

    def losses_and_gradients(self, x, y):
        """float32 (R,) and (R, parameters) of the whole batches."""
        weights = self.weights.detach().requires_grad_()
        losses = 0.0
        for x_micro, y_micro in zip(x.split(self.config.batch_size, 1), y.split(self.config.batch_size, 1)):
            with autocast(self.config), VmapRules():
                micro_losses = vmap(self.loss)(weights, x_micro, y_micro)
            micro_losses = micro_losses / self.config.gradient_accumulation_steps
            micro_losses.sum().backward()  # to each slot's weights its own loss's gradient
            losses = losses + micro_losses.detach()
        return losses, weights.grad

    def loss(self, weights, x, y):
        """One slot's."""
        return functional_call(self.model, self.split(weights), (x, y))[1]

    def split(self, row) -> dict:
        """One slot's tensors by parameter name, views of its row."""
        return {
            name: part.view(shape) for (name, shape), part in zip(self.shapes.items(), row.split(self.sizes))
        }

    @torch.no_grad()
    def adamw(self, gradients, lrs):
        c = self.config
        self.steps = [step + 1 for step in self.steps]
        rows = [
            (1 - lr * c.weight_decay, lr / (1 - c.beta1**step), math.sqrt(1 - c.beta2**step))
            for lr, step in zip(lrs, self.steps)
        ]
        shrink, size, root = torch.tensor(rows).to(c.device, non_blocking=True).T[..., None]  # (R, 1) each
        self.weights[:, : self.n_decaying] *= shrink
        self.exp_avg.lerp_(gradients, 1 - c.beta1)
        self.exp_avg_sq.mul_(c.beta2).addcmul_(gradients, gradients, value=1 - c.beta2)
        scale = self.exp_avg_sq.sqrt().div_(root).add_(1e-8)
        self.weights.addcdiv_(self.exp_avg * size, scale, value=-1)


def in_order(model) -> list:
    """(name, parameter), each distinct one once: those that decay first, as in the optimizer's groups."""
    return sorted(model.named_parameters(), key=lambda item: item[1].dim() < 2)


def joined(tensors):
    return torch.cat([t.flatten() for t in tensors])


class VmapRules(TorchFunctionMode):
    """How vmap does two functions of the model, in place of its own ways."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if function is F.scaled_dot_product_attention:  # its own is, on a CPU, a call for each slot
            return StackedAttention.apply(*args, kwargs)
        if function is F.cross_entropy:  # taken apart, so that autocast can't see that it wants float32
            return function(args[0].float(), *args[1:], **kwargs)
        return function(*args, **kwargs)


class StackedAttention(torch.autograd.Function):
    """F.scaled_dot_product_attention under vmap: one call, with the slots as more rows of the batch."""

    @staticmethod
    def forward(q, k, v, kwargs):
        raise NotImplementedError("only under vmap")

    @staticmethod
    def setup_context(ctx, inputs, output):
        raise NotImplementedError("only under vmap")

    @staticmethod
    def vmap(info, in_dims, q, k, v, kwargs):
        q, k, v = (t.movedim(dim, 0).flatten(0, 1) for t, dim in zip((q, k, v), in_dims))
        return F.scaled_dot_product_attention(q, k, v, **kwargs).unflatten(0, (info.batch_size, -1)), 0
