"""Schedule-free AdamW as the package has it, but for what its eval() does to the weights."""

import pytest
import torch

from schedulers import get_schedule

schedulefree = pytest.importorskip("schedulefree")
SETTINGS = dict(betas=(0.9, 0.95), weight_decay=0.1)


@pytest.fixture
def descend():
    """Takes 7 steps on the same gradients; gives the optimizer and its parameters."""
    from model.schedule_free import ScheduleFreeAdamW

    def descend(ours, lrs, **settings):
        generator = torch.Generator().manual_seed(0)
        parameters = [torch.nn.Parameter(torch.ones(shape)) for shape in [(7, 5), (5,)]]
        optimizer = (ScheduleFreeAdamW if ours else schedulefree.AdamWScheduleFree)(
            parameters, lr=0.0, **SETTINGS, **settings
        )
        optimizer.train()
        for lr in lrs:
            optimizer.param_groups[0]["lr"] = lr
            for p in parameters:
                p.grad = torch.randn(p.shape, generator=generator)
            optimizer.step()
        return optimizer, parameters

    return descend


def test_its_weights_are_the_packages_and_stay_when_they_are_judged(descend):
    lrs = get_schedule("schedule_free", 7, 0.01, warmup_steps=3).lrs().tolist()
    (ours, weights), (theirs, expected) = descend(True, lrs), descend(False, lrs)
    before = [p.detach().clone() for p in weights]
    assert all(torch.equal(a, b) for a, b in zip(weights, expected))
    judged = ours.evaluated(weights)
    theirs.eval()
    assert all(torch.equal(a, b) for a, b in zip(judged, expected))
    assert all(torch.equal(a, b) and not torch.equal(a, c) for a, b, c in zip(weights, before, judged))


def test_the_comparisons_warmup_is_the_packages_of_one_step_more(descend):
    lrs = get_schedule("schedule_free", 7, 0.01, warmup_steps=3).lrs().tolist()
    (_, weights), (_, expected) = descend(True, lrs), descend(False, [0.01] * 7, warmup_steps=4)
    (_, without) = descend(False, [0.01] * 7)
    assert all(torch.allclose(a, b, rtol=1e-6) for a, b in zip(weights, expected))
    assert not any(torch.allclose(a, b, rtol=1e-3) for a, b in zip(weights, without))
