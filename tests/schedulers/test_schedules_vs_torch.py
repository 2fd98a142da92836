"""Schedules against torch's, torch's schedulers as schedules, and schedules as torch schedulers."""

import io
import math
import random
import warnings

import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler

from schedulers import get_schedule

PEAK, T = 6e-4, 60


def sgd(lr=PEAK, groups=1):
    return torch.optim.SGD([{"params": [torch.nn.Parameter(torch.zeros(1))]} for _ in range(groups)], lr=lr)


def torch_lrs(make, steps=T):
    optimizer = sgd()
    scheduler = make(optimizer)
    lrs = [optimizer.param_groups[0]["lr"]]
    while len(lrs) < steps:
        optimizer.step()
        scheduler.step()
        lrs.append(optimizer.param_groups[0]["lr"])
    return lrs


@pytest.mark.parametrize(
    "spec, make",
    [
        ("step:step_size=7,gamma=0.3", lambda o: lr_scheduler.StepLR(o, 7, 0.3)),
        ("multistep:milestones=[10,25],gamma=0.3", lambda o: lr_scheduler.MultiStepLR(o, [10, 25], 0.3)),
        ("exponential:gamma=0.97", lambda o: lr_scheduler.ExponentialLR(o, 0.97)),
        ("cosine", lambda o: lr_scheduler.CosineAnnealingLR(o, T, 0.1 * PEAK)),
        ("linear", lambda o: lr_scheduler.PolynomialLR(o, T, 1)),
        ("polynomial", lambda o: lr_scheduler.PolynomialLR(o, T, 2)),
        ("linear:final_lr_ratio=0.25", lambda o: lr_scheduler.LinearLR(o, 1, 0.25, T)),
        (
            "cosine_restarts:period=5,t_mult=2",
            lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 5, 2, 0.1 * PEAK),
        ),
        *(
            (
                f"cyclic:half_period=8,mode={mode},gamma=0.98",
                lambda o, mode=mode: lr_scheduler.CyclicLR(o, 0.1 * PEAK, PEAK, 8, mode=mode, gamma=0.98),
            )
            for mode in ("triangular", "triangular2", "exp_range")
        ),
    ],
)
def test_same_as_torch(spec, make):
    # torch's recursions drift
    np.testing.assert_allclose(get_schedule(spec, T, PEAK).lrs(), torch_lrs(make), rtol=1e-11)


# --- torch:NAME -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spec, make",
    [
        (
            "torch:OneCycleLR:max_lr=0.0006,total_steps=60,three_phase=True",
            lambda o: lr_scheduler.OneCycleLR(o, 6e-4, total_steps=60, three_phase=True),
        ),
        (
            "torch:MultiStepLR:milestones=[10,25],gamma=0.3",
            lambda o: lr_scheduler.MultiStepLR(o, [10, 25], 0.3),
        ),
        (
            "torch:CyclicLR:base_lr=0.0001,max_lr=0.0006,mode=triangular2,step_size_up=9",
            lambda o: lr_scheduler.CyclicLR(o, 1e-4, 6e-4, 9, mode="triangular2"),
        ),
        ("torch:ConstantLR", lambda o: lr_scheduler.ConstantLR(o)),
    ],
)
def test_torch_by_name(spec, make):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        s = get_schedule(spec, T, PEAK, warmup_steps=10)
    want = torch_lrs(make)
    assert s.lrs().tolist() == want and s(10 * T) == want[-1]  # torch's own array: no warmup, the end is held
    assert s.spec == spec and get_schedule(s.spec, T, PEAK, warmup_steps=10) == s and len({s}) == 1
    assert s.name == ":".join(spec.split(":")[:2])


@pytest.mark.parametrize(
    "spec, message",
    [
        ("torch:StepLRR", "torch.optim.lr_scheduler has no class 'StepLRR'; did you mean 'StepLR'?"),
        ("torch:", "torch.optim.lr_scheduler has no class ''"),
        ("torch:LRScheduler", "torch.optim.lr_scheduler has no class 'LRScheduler'"),
        ("torch:StepLR", "torch:StepLR: TypeError: "),
        ("torch:StepLR:step_size=3,x=2", "torch:StepLR: TypeError: "),
        ("torch:OneCycleLR:max_lr=1e-3,total_steps=50", "torch:OneCycleLR: Tried to step 51 times"),
        (
            "torch:ReduceLROnPlateau",
            "torch:ReduceLROnPlateau reacts to the validation loss: use the schedule 'plateau'",
        ),
        ("torch:SequentialLR", "torch:SequentialLR is made from functions or other schedulers"),
        ("torch:LambdaLR:lr_lambda=3", "torch:LambdaLR is made from functions or other schedulers"),
    ],
)
def test_torch_by_name_errors(spec, message):
    with pytest.raises(ValueError) as error:
        get_schedule(spec, T, PEAK)
    assert str(error.value).startswith(message) and "\n" not in str(error.value)


# --- plateau --------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_plateau_is_torchs(seed):
    rng = random.Random(seed)
    losses = [3 * 0.97**i + rng.gauss(0, 0.1) for i in range(T)]
    losses[20] = math.nan
    s = get_schedule("plateau:factor=0.7,patience=1,threshold=0.01", T, PEAK)
    optimizer = sgd()
    theirs = lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.7, patience=1, threshold=0.01, eps=0)
    seen = []
    for t in range(T):
        theirs.step(losses[t])
        seen.append((t, losses[t]))
        assert s(t, seen) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-12)
    assert s(30, seen) == s(30, seen[:31]) == s(30, seen[:31][::-1])  # the future and the order don't matter
    assert s(T - 1, seen) < 0.1 * PEAK


def test_plateau_ignores_the_warmup():
    s = get_schedule("plateau:patience=0", T, 1.0, warmup_steps=10)
    assert s(20, [(t, 1.0) for t in range(10)]) == 1.0 and s(20, [(10, 1.0), (15, 1.0), (20, 1.0)]) == 0.25
    assert s.reactive and s.lrs()[-1] == 1.0
    with pytest.raises(TypeError, match="plateau reacts to the validation loss"):
        s.to_torch(sgd())


# --- to_torch -------------------------------------------------------------------------------------


@pytest.mark.parametrize("spec", ["wsd", "one_cycle", "torch:StepLR:step_size=9"])
@pytest.mark.parametrize(
    "lr", [0.0, 0.5, torch.tensor(0.5, dtype=torch.float64)], ids=["zero", "float", "tensor"]
)
def test_to_torch_gives_every_group_the_schedule(spec, lr):
    s = get_schedule(spec, T, PEAK, warmup_steps=5)
    optimizer = sgd(groups=2)
    for group in optimizer.param_groups:
        group["lr"] = lr.clone() if torch.is_tensor(lr) else lr
    scheduler = s.to_torch(optimizer)
    assert isinstance(scheduler, lr_scheduler.LambdaLR)
    for t in range(T + 3):
        assert [float(group["lr"]) for group in optimizer.param_groups] == [s(t), s(t)]
        optimizer.step()
        scheduler.step()
    assert not torch.is_tensor(lr) or torch.is_tensor(optimizer.param_groups[0]["lr"])


def test_to_torch_stops_before_the_end():
    s = get_schedule("linear:stop=0.75", T, PEAK, warmup_steps=5)
    assert torch_lrs(s.to_torch) == s.lrs().tolist() and s.lrs()[-1] > 0.25 * PEAK


@pytest.mark.parametrize("kind", [float, torch.tensor], ids=["float", "tensor"])
def test_to_torch_keeps_the_ratios_of_the_groups(kind):
    s = get_schedule("wsd", T, PEAK, warmup_steps=5)
    optimizer = sgd(groups=4)
    for group, lr in zip(optimizer.param_groups, (0.02, 0.04, 0.0, 0.01)):
        group["lr"] = kind(lr)
    scheduler = s.to_torch(optimizer)
    for t in range(T + 3):
        lrs = [float(group["lr"]) for group in optimizer.param_groups]
        assert lrs == pytest.approx([s(t) * ratio for ratio in (0.5, 1, 0, 0.25)], rel=1e-6)
        assert lrs[1] == pytest.approx(s(t), rel=1e-6 if kind is torch.tensor else 0)
        optimizer.step()
        scheduler.step()


@pytest.mark.parametrize("at", [23, T])  # where every lr is zero
def test_to_torch_resumes_with_the_ratios_of_the_groups(at):
    def made():
        optimizer = sgd(groups=2)
        optimizer.param_groups[0]["lr"] = 0.25 * PEAK
        return optimizer

    s = get_schedule("linear", T, PEAK)
    optimizer = made()
    scheduler = s.to_torch(optimizer)
    for _ in range(at):
        optimizer.step()
        scheduler.step()
    saved = optimizer.state_dict(), scheduler.state_dict()
    for order in ("optimizer first", "scheduler first", "made last"):
        optimizer = made()
        if order == "made last":
            optimizer.load_state_dict(saved[0])
        scheduler = s.to_torch(optimizer)
        if order != "scheduler first":
            optimizer.load_state_dict(saved[0])
        scheduler.load_state_dict(saved[1])
        optimizer.load_state_dict(saved[0])
        assert scheduler.base_lrs == [0.25, 1.0]
        for t in range(at, T + 2):
            assert [group["lr"] for group in optimizer.param_groups] == [0.25 * s(t), s(t)]
            optimizer.step()
            scheduler.step()


@pytest.mark.parametrize("order", ["scheduler first", "optimizer first", "made last", "last_epoch"])
def test_to_torch_resumes(order):
    s = get_schedule("cosine", T, PEAK, warmup_steps=5)
    optimizer = sgd()
    scheduler = s.to_torch(optimizer)
    for _ in range(23):
        optimizer.step()
        scheduler.step()
    buffer = io.BytesIO()
    torch.save({"optimizer": optimizer.state_dict(), "scheduler": scheduler.state_dict()}, buffer)
    buffer.seek(0)
    saved = torch.load(buffer, weights_only=True)

    optimizer = sgd(lr=1.0)
    if order in ("scheduler first", "optimizer first"):
        scheduler = s.to_torch(optimizer)
        parts = [(scheduler, "scheduler"), (optimizer, "optimizer")]
        for part, name in parts if order == "scheduler first" else parts[::-1]:
            part.load_state_dict(saved[name])
    elif order == "made last":
        optimizer.load_state_dict(saved["optimizer"])
        scheduler = s.to_torch(optimizer)
        scheduler.load_state_dict(saved["scheduler"])
    else:
        scheduler = s.to_torch(optimizer, last_epoch=22)  # torch's constructor takes the next step
    for t in range(23, T):
        assert optimizer.param_groups[0]["lr"] == s(t)
        optimizer.step()
        scheduler.step()


# --- Hugging Face's lambdas, written out ----------------------------------------------------------


@pytest.mark.parametrize(
    "spec, after",
    [
        ("constant_with_warmup", lambda t, W: 1.0),
        ("linear_schedule_with_warmup", lambda t, W: max(0.0, (T - t) / max(1, T - W))),
        (
            "cosine_schedule_with_warmup:final_lr_ratio=0",
            lambda t, W: 0.5 * (1 + math.cos(math.pi * (t - W) / (T - W))),
        ),
        ("polynomial:power=3,final_lr_ratio=0.01", lambda t, W: 0.99 * (1 - (t - W) / (T - W)) ** 3 + 0.01),
        ("inverse_sqrt", lambda t, W: 1 / math.sqrt(t / W)),
    ],
)
def test_same_as_hugging_face(spec, after):
    W = 12
    want = [PEAK * (t / W if t < W else after(t, W)) for t in range(T)]
    np.testing.assert_allclose(
        get_schedule(spec, T, PEAK, warmup_steps=W, warmup_start=0).lrs(), want, rtol=1e-12, atol=1e-19
    )
