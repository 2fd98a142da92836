"""Dropout masks from a hash: as random as they have to be, and a function of key, site and element alone.

Bounds are five standard deviations of what independent draws would give: the masks are always the same, so
the tests always give the same answer.
"""

import math

import numpy as np
import pytest
import torch

from model.masks import Masks, mask_key, mixed

N = 2**20


def keys_of(*runs):
    """int32 (R, 2) for (seed, step, micro_batch) triples."""
    return torch.from_numpy(np.array([mask_key(*run) for run in runs]))


def kept(keys, dropout, site=0, n=N):
    """bool (R, n)."""
    return Masks(keys, dropout, sites=site + 1).drop(torch.ones(len(keys), n), site) != 0


def assert_rate(mask, p):
    """`p` of the elements are true, as far as chance goes."""
    n = mask.numel()
    assert abs(mask.double().mean().item() - p) < 5 * math.sqrt(p * (1 - p) / n)


@pytest.mark.parametrize("dropout", [0.01, 0.2, 0.5, 0.9])
def test_the_rate_is_kept_everywhere(dropout):
    mask = kept(keys_of((0, 0, 0), (1, 0, 0)), dropout)
    for part in (mask, mask[0], mask[:, ::2], mask[:, 1::2], mask[:, :4096], mask[:, ::1024]):
        assert_rate(part, 1 - dropout)


def test_masks_of_other_runs_steps_micro_batches_and_sites_are_independent():
    keys = keys_of((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1))
    dropped = torch.cat([~kept(keys, 0.2, site) for site in range(3)])
    for i in range(len(dropped)):
        for j in range(i):
            assert_rate(dropped[i] & dropped[j], 0.04)


@pytest.mark.parametrize("distance", [1, 2, 3, 64, 256, 384, 4096, 65536])
def test_elements_are_independent_of_those_beside_them(distance):
    """Next to each other in a row, in a column, in another sequence."""
    dropped = ~kept(keys_of((0, 0, 0)), 0.2)[0]
    both = (dropped[distance:] & dropped[:-distance]).double()
    # pairs overlap in one element, which adds covariances of p^3 - p^4 on both sides
    deviation = math.sqrt((0.04 - 0.0016 + 2 * (0.008 - 0.0016)) / len(both))
    assert abs(both.mean().item() - 0.04) < 5 * deviation


def test_a_runs_masks_are_its_own_whatever_is_stacked_with_it():
    keys = keys_of((0, 0, 0), (1, 5, 0), (2, 0, 0))
    x = torch.rand(3 * 4, 5, 6)
    together, alone = Masks(keys, 0.3, 4).drop(x, 3), Masks(keys[1:2], 0.3, 4).drop(x[4:8], 3)
    assert torch.equal(together[4:8], alone)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_what_is_kept_is_scaled_up_and_so_is_its_gradient(dtype):
    x = torch.rand(2, 1000).to(dtype).requires_grad_()
    out = Masks(keys_of((0, 0, 0), (1, 0, 0)), 0.5, 1).drop(x, 0)
    mask = out != 0
    assert out.dtype == dtype and 0 < mask.sum() < mask.numel()
    assert torch.equal(out[mask], 2 * x[mask])
    out.sum().backward()
    assert torch.equal(x.grad, 2 * mask.to(dtype))


def test_the_hash_is_that_of_32_bit_words():
    """In Python's integers, which don't wrap around by themselves; among them both ends of the range."""

    def hashed(x):
        x ^= x >> 16
        x = x * 0x21F0AAAD % 2**32
        x ^= x >> 15
        x = x * 0x735A2D97 % 2**32
        return x ^ x >> 15

    words = np.array([0, 1, 2**31 - 1, 2**31, 2**32 - 1, *range(3, 2**32, 2**32 // 1000)], np.uint32)
    ours = mixed(torch.from_numpy(words.view(np.int32))).numpy().view(np.uint32)
    assert ours.tolist() == [hashed(int(word)) for word in words]


def test_no_two_elements_share_a_number():
    """The hash is one to one, so it loses nothing of what it is given."""
    assert len(mixed(torch.arange(N, dtype=torch.int32)).unique()) == N
