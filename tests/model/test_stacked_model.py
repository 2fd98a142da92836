"""The stacked GPT-2 against model.gpt2, run by run, in double precision: losses, gradients, dropout."""

import math

import numpy as np
import pytest
import torch

from model import GPT2, GPT2Config, gpt2
from model.masks import Masks, mask_key
from model.stacked import StackedGPT2, in_order, row_of

TOLERANCE = 1e-12


@pytest.fixture
def models():
    """Three models whose biases and LayerNorm weights are not the initial zeros and ones."""

    def models(**changes):
        config = GPT2Config(**{**dict(block_size=8, vocab_size=17, n_layer=2, n_head=2, n_embd=8), **changes})
        torch.manual_seed(0)
        models = [GPT2(config).double() for _ in range(3)]
        with torch.no_grad():
            for model in models:
                for p in model.parameters():
                    p.add_(0.1 * torch.randn_like(p))
        return models

    return models


def rows_of(models):
    return torch.stack([row_of([p.detach() for _, p in in_order(model)]) for model in models])


def tokens(T=8, vocab=17):
    return torch.randint(vocab, (2, 3, 4, T), generator=torch.Generator().manual_seed(1)).unbind()


def assert_close(one, other):
    torch.testing.assert_close(one, other, rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("T", [8, 5])
def test_losses_and_gradients_are_those_of_each_model(models, bias, T):
    models = models(bias=bias)
    x, y = tokens(T)
    y[0, 1, 2:] = y[2, :, 0] = -1  # left out of the mean: another number of targets in each run
    rows = rows_of(models).requires_grad_()
    losses = StackedGPT2(models[0]).losses(rows, x, y)
    losses.sum().backward()
    assert losses.shape == (3,)
    for model, *batch, loss, gradient in zip(models, x, y, losses, rows.grad):
        expected = model(*batch)[1]
        expected.backward()
        assert_close(loss, expected)
        assert_close(gradient, row_of([p.grad for _, p in in_order(model)]))


def test_dropout_is_where_gpt2_has_it(models, monkeypatch):
    """GPT-2's own forward pass, its dropout replaced by the masks of one run."""
    models = models(dropout=0.3)
    x, y = tokens()
    keys = torch.from_numpy(np.array([mask_key(seed, 0, 0) for seed in range(3)]))
    losses = StackedGPT2(models[0]).losses(rows_of(models), x, y, keys)

    for model, *batch, loss, key in zip(models, x, y, losses, keys):
        masks, sites = Masks(key[None], 0.3, 7), iter(range(7))

        def attention(q, k, v, dropout, masks=masks, sites=sites):
            later = torch.ones(8, 8, dtype=torch.bool).triu(1)
            scores = (q @ k.mT / math.sqrt(4)).masked_fill(later, -math.inf)
            return masks.drop(scores.softmax(-1), next(sites)) @ v

        def dropout(self, h, masks=masks, sites=sites):
            return masks.drop(h, next(sites))

        monkeypatch.setattr(gpt2, "causal_attention", attention)
        monkeypatch.setattr(torch.nn.Dropout, "forward", dropout)
        assert_close(loss, model(*batch)[1])
        assert next(sites, None) is None  # each was passed, in this order
    assert (losses - StackedGPT2(models[0]).losses(rows_of(models), x, y)).abs().min() > 1e-4


def test_a_row_has_what_decays_first(models):
    model = models(bias=True)[0]
    stacked = StackedGPT2(model)
    decaying = row_of([p for p in model.parameters() if p.dim() >= 2])
    row = rows_of([model])
    assert stacked.n_decaying == len(decaying) and sum(stacked.sizes) == row.shape[1]
    assert_close(row[0, : stacked.n_decaying].sort().values, decaying.detach().sort().values)
    parts = stacked.split(row)
    assert parts.keys() == dict(model.named_parameters()).keys()
    for name, p in model.named_parameters():
        assert torch.equal(parts[name][0], p)
