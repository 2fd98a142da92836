"""Schedules against formulas written a second time, then names, errors, files and properties."""

import csv
import math
import os
import pickle
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st

import schedulers
from nanosched.cli import load_toml
from schedulers import Schedule, get_schedule, list_schedules, load_file, register, resolve, split_specs
from schedulers.core.base import own_fields
from schedulers.core.registry import REGISTRY

BLOG = Path(__file__).parent / "motsepe_2024_lrs.csv"  # the lr arrays that its runs stored
PEAK = 6e-4


def close(a, b):
    np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-19)


# --- formulas: t, p are arrays from the end of the warmup on, T and W numbers ---------------------


def cooled(v, start, T, t, shape, f, exponent=1.2):
    """v (per step) until start, then from its value there to f."""
    q = np.clip((t - start) / max(T - start, 1), 0, 1)
    v0 = v[t >= start][0] if (t >= start).any() else 1.0
    shapes = {
        "linear": 1 - q,
        "sqrt": 1 - q**0.5,
        "cosine": np.cos(np.pi * q / 2) ** 2,
        "mirror_cosine": 2 - 2 * q - np.cos(np.pi * q / 2) ** 2,
        "square": (1 - q) * (1 + q),
        "power": np.exp(exponent * np.log1p(-q)),
    }
    if shape == "exp":
        down = v0 * np.exp(q * np.log(f / v0))
    else:
        down = 1 / ((1 - q) / v0 + q / f) if shape == "inverse" else f + (v0 - f) * shapes[shape]
    return np.where(t < start, v, down)


def piecewise(t, at, factors):
    return np.prod([np.where(t >= m, f, 1.0) for m, f in zip(at, factors)], axis=0)


def cooldowns(T, W, ends, part, *shape):
    """Segments that end at `ends`, each with a cooldown over this part of it."""
    segments, begin = [], 0
    for end in ends:
        t = np.arange(begin, end, dtype=float)
        start = max(W, end - round(part * (end - begin)))
        segments.append(cooled(np.ones(len(t)), start, end, t, *shape))
        begin = end
    return np.concatenate(segments)[W:]


def restarts(t, n, m, f, d):
    at, out, length, level, start = t - t[0], np.empty(len(t)), n, 1.0, 0.0
    while start < len(t):
        c = (at >= start) & (at < start + length)
        out[c] = f + (max(level, f) - f) * np.cos(np.pi * (at[c] - start) / length / 2) ** 2
        start, length, level = start + length, length * m, level * d
    return out


def fast_slow(t, T, W, m, v, exponent, f):
    fast = 1 + (v - 1) * np.clip((t - W) / (m - W), 0, 1) ** exponent
    return np.minimum(fast, np.interp(t, [m, T], [v, f]) + (t < m))


def isqrt(t, W, s):
    return (1 + (t - W) / s) ** -0.5


def bound_optimal(n):
    """From what is left to step, left[i] before step i; differences lose a few digits, but not 12."""
    x, ratios = 2**0.5, []
    for _ in range(n - 1):
        ratios, x = [1 / x, *ratios], (2 * x - 1) ** 0.5
    left = np.append(np.cumprod([1, *ratios]), 0)
    return np.diff(left) / np.diff(left).min()


FORMULAS = [
    ("constant", lambda t, p, T, W: np.ones(len(t))),
    ("step", lambda t, p, T, W: 0.5 ** np.floor(4 * p)),
    ("step:step_size=7,gamma=0.9", lambda t, p, T, W: 0.9 ** ((t - W) // 7)),
    ("multistep", lambda t, p, T, W: piecewise(t, [round(T / 2), round(0.75 * T)], [0.1, 0.1])),
    (
        "multistep:milestones=[3,0.25,90],gamma=0.3",
        lambda t, p, T, W: piecewise(t, [3, round(T / 4), 90], [0.3] * 3),
    ),
    ("piecewise", lambda t, p, T, W: piecewise(t, [round(0.8 * T), round(0.9 * T)], [10**-0.5] * 2)),
    (
        "piecewise:milestones=[20,0.9],factors=[0.5,1.5]",
        lambda t, p, T, W: piecewise(t, [20, round(0.9 * T)], [0.5, 1.5]),
    ),
    ("linear", lambda t, p, T, W: 1 - p),
    ("linear:final_lr_ratio=0.2", lambda t, p, T, W: 0.2 + 0.8 * (T - t) / (T - W)),
    ("polynomial", lambda t, p, T, W: (1 - p) ** 2),
    ("polynomial:power=0.5,final_lr_ratio=0.05", lambda t, p, T, W: 0.05 + 0.95 * np.sqrt(1 - p)),
    ("exponential", lambda t, p, T, W: 10 ** (-2 * p)),
    ("exponential:gamma=0.98", lambda t, p, T, W: np.exp((t - W) * np.log(0.98))),
    ("inverse_sqrt", lambda t, p, T, W: isqrt(t, W, W or 1)),
    ("inverse_sqrt:timescale=12.5", lambda t, p, T, W: isqrt(t, W, 12.5)),
    (
        "inverse_sqrt_cooldown",
        lambda t, p, T, W: cooled(isqrt(t, W, W or 1), max(W, T - round(0.2 * T)), T, t, "linear", 0),
    ),
    (
        "inverse_sqrt_cooldown:timescale=30,cooldown=0.5,shape=exp,final_lr_ratio=0.01",
        lambda t, p, T, W: cooled(isqrt(t, W, 30), max(W, T - round(0.5 * T)), T, t, "exp", 0.01),
    ),
    ("cosine", lambda t, p, T, W: 0.1 + 0.9 * np.cos(np.pi * p / 2) ** 2),
    ("cosine:final_lr_ratio=0,cycle=0.5", lambda t, p, T, W: np.cos(np.pi * np.minimum(p, 0.5)) ** 2),
    ("cosine_restarts", lambda t, p, T, W: restarts(t, (T - W) / 4, 1, 0.1, 1.0)),
    (
        "cosine_restarts:period=5,t_mult=2,final_lr_ratio=0.2,decay_mult=0.7",
        lambda t, p, T, W: restarts(t, 5, 2, 0.2, 0.7),
    ),
    (
        "power:a=4.0",
        lambda t, p, T, W: cooled(
            np.minimum(1, 4 * np.maximum(t, 1.0) ** -0.51), max(W, T - round(0.2 * T)), T, t, "exp", 0.01
        ),
    ),
    ("rex", lambda t, p, T, W: 2 * (1 - p) / (2 - p)),
    ("rex:final_lr_ratio=0.1", lambda t, p, T, W: 0.1 + 1.8 * (1 - p) / (2 - p)),
    ("tanh", lambda t, p, T, W: 1 / (1 + np.exp(2 * (9 * p - 6)))),
    ("tanh:lower=-2,upper=2.5", lambda t, p, T, W: 1 / (1 + np.exp(9 * p - 4))),
    ("trapezoid", lambda t, p, T, W: cooled(1 + 0 * t, max(W, T - round(0.4 * T)), T, t, "linear", 0)),
    ("wsd", lambda t, p, T, W: cooled(1 + 0 * t, max(W, T - round(0.2 * T)), T, t, "linear", 0)),
    ("wsd:cooldown_steps=9,cooldown=0.9", lambda t, p, T, W: cooled(1 + 0 * t, T - 9, T, t, "linear", 0)),
    ("wsd:cooldown=0", lambda t, p, T, W: np.ones(len(t))),
    (
        "wssd",
        lambda t, p, T, W: cooled(
            np.where(t < round(T / 2), 1, 0.5), max(W, T - round(0.2 * T)), T, t, "linear", 0
        ),
    ),
    (
        "inverse_sqrt_cooldown:shape=power,exponent=0.7,final_lr_ratio=0.01",
        lambda t, p, T, W: cooled(isqrt(t, W, W or 1), max(W, T - round(0.2 * T)), T, t, "power", 0.01, 0.7),
    ),
    (
        "wssd:shape=inverse,final_lr_ratio=0.02",
        lambda t, p, T, W: cooled(
            np.where(t < round(T / 2), 1, 0.5), max(W, T - round(0.2 * T)), T, t, "inverse", 0.02
        ),
    ),
    ("wsd_s", lambda t, p, T, W: cooldowns(T, W, [round(T / 4), round(T / 2), T], 0.2, "linear", 0)),
    (
        "wsd_s:milestones=[30,0.5,5000],cooldown=0.7,shape=inverse,final_lr_ratio=0.1",
        lambda t, p, T, W: cooldowns(T, W, [30, round(T / 2), T], 0.7, "inverse", 0.1),
    ),
    (
        "wsd_s:milestones=[40],cooldown=1.0,shape=power,exponent=3",
        lambda t, p, T, W: cooldowns(T, W, [40, T], 1.0, "power", 0, 3),
    ),
    ("fast_slow", lambda t, p, T, W: fast_slow(t, T, W, round(0.56 * T), 0.2, 0.6, 0)),
    (
        "fast_slow:milestone=40,factor=0.3,exponent=2,final_lr_ratio=0.1",
        lambda t, p, T, W: fast_slow(t, T, W, 40, 0.3, 2, 0.1),
    ),
    (
        "wssd:milestone=20,factor=0.3,cooldown=0.5,shape=cosine",
        lambda t, p, T, W: cooled(np.where(t < 20, 1, 0.3), max(W, T - round(0.5 * T)), T, t, "cosine", 0),
    ),
    ("plateau", lambda t, p, T, W: np.ones(len(t))),
    ("bound_optimal", lambda t, p, T, W: bound_optimal(T - W)),
] + [
    (
        f"wsd:cooldown=1.0,shape={shape},final_lr_ratio=0.1",
        lambda t, p, T, W, shape=shape: cooled(1 + 0 * t, W, T, t, shape, 0.1),
    )
    for shape in ("linear", "sqrt", "cosine", "mirror_cosine", "square", "power", "exp", "inverse")
]


@pytest.mark.parametrize("T, W", [(100, 10), (97, 0), (250, 33)])
@pytest.mark.parametrize("spec, formula", FORMULAS, ids=[spec for spec, _ in FORMULAS])
def test_formula(spec, formula, T, W):
    t = np.arange(W, T, dtype=float)
    rise = PEAK * (np.arange(W) + 1) / (W + 1)  # nanoGPT's warmup
    close(
        get_schedule(spec, T, PEAK, warmup_steps=W).lrs(),
        np.concatenate([rise, PEAK * formula(t, (t - W) / (T - W), T, W)]),
    )


@pytest.mark.parametrize("T, W", [(100, 0), (90, 20)])
def test_schedules_with_their_own_rise_leave_the_warmup_unused(T, W):
    t = np.arange(T)
    up = np.interp(t, [0, 0.3 * T, T], [0, 1, 0])
    tri = np.interp(t % 20, [0, 10, 20], [0, 1, 0])
    for spec, want in {
        "one_cycle": 0.1 + 0.9 * up,
        "one_cycle:shape=cosine,final_lr_ratio=0": np.sin(np.pi * up / 2) ** 2,
        "one_cycle:pct_start=0": 1 - 0.9 * t / T,
        "one_cycle:pct_start=1": 0.1 + 0.9 * t / T,
        "cyclic": 0.1 + 0.9 * np.interp(t % (T / 2), [0, T / 4, T / 2], [0, 1, 0]),
        "cyclic:half_period=10,mode=triangular2": 0.1 + 0.9 * tri / 2 ** (t // 20),
        "cyclic:half_period=10,mode=exp_range,gamma=0.97,final_lr_ratio=0": tri * 0.97**t,
    }.items():
        close(get_schedule(spec, T, PEAK, warmup_steps=W).lrs(), PEAK * want)


def test_every_registered_schedule_has_a_formula_here():
    assert {spec.split(":")[0] for spec, _ in FORMULAS} | {"one_cycle", "cyclic"} == set(split_specs("all"))


def test_warmup_conventions():
    for start, want in ((None, [0.2, 0.4, 0.6, 0.8, 1, 1]), (0, [0, 0.25, 0.5, 0.75, 1, 1]), (1, [1] * 6)):
        close(get_schedule("constant", 6, 1.0, warmup_steps=4, warmup_start=start).lrs(), want)
    close(get_schedule("cosine", 4, 1.0, warmup_steps=4).lrs(), [0.2, 0.4, 0.6, 0.8])  # nothing but warmup
    s = get_schedule("linear", 10, 1.0, final_lr_ratio=0.1)
    close([s(9), s(10), s(1000)], [0.19, 0.1, 0.1])  # the final value belongs to t = T and is held


def test_a_power_cooldown():
    for spec, want in {
        "wsd:cooldown=0.5,shape=power": [1, 1, 1, 0.75**1.2, 0.5**1.2, 0.25**1.2],
        "wsd:cooldown=0.5,shape=power,exponent=1.2": [1, 1, 1, 0.75**1.2, 0.5**1.2, 0.25**1.2],
        "wsd:cooldown=0.5,shape=power,exponent=2": [1, 1, 1, 0.5625, 0.25, 0.0625],
        "wsd:cooldown=0.5,shape=power,exponent=1": [1, 1, 1, 0.75, 0.5, 0.25],
    }.items():
        close(get_schedule(spec, 8, 1.0).lrs()[2:], want)


def test_wsd_s_goes_on_at_the_peak():
    s = get_schedule("wsd_s:cooldown=0.4", 40, 1.0, warmup_steps=3)
    rise, down, last = [0.25, 0.5, 0.75], [1, 0.75, 0.5, 0.25], [1 - q / 8 for q in range(8)]
    close(s.lrs(), rise + [1] * 3 + down + [1] * 6 + down + [1] * 12 + last)
    assert s(40) == s(41) == 0


def test_fast_slow_gives_the_lrs_of_the_record_it_is_from():
    t = np.arange(200, 3125)
    fast = 0.030 + (0.006 - 0.030) * (np.minimum(t - 200, 1550) / (1750 - 200)) ** 0.6
    want = np.where(t < 1750, fast, 0.006 * (1 - (t - 1750) / (3125 - 1750)))
    close(get_schedule("fast_slow", 3125, 0.030, warmup_steps=200).lrs()[200:], want)


def test_the_2024_blog():
    names, *rows = csv.reader(BLOG.read_text().splitlines())
    specs = load_toml("motsepe_2024")["schedulers"]
    for spec, name, lrs in zip(specs, names, np.array(rows, float).T, strict=True):
        np.testing.assert_allclose(get_schedule(spec, 50, 6e-4).lrs(), lrs, rtol=1e-12, err_msg=name)


# --- properties -----------------------------------------------------------------------------------


def test_power_takes_over_where_the_warmup_ends():
    lrs = get_schedule("power:cooldown=0", 400, 1.0, warmup_steps=50).lrs()
    assert lrs[50] == pytest.approx(1.0, rel=1e-12) and lrs[200] == pytest.approx(4**-0.51, rel=1e-12)


@settings(max_examples=150, deadline=None)
@given(st.data(), st.sampled_from(split_specs("all")), st.integers(1, 60), st.floats(1e-8, 100))
def test_properties(data, name, T, peak):
    W = data.draw(st.integers(0, T))
    s = get_schedule(name, T, peak, warmup_steps=W)
    lrs = s.lrs()
    assert lrs.dtype == np.float64 and lrs.shape == (T,) and np.isfinite(lrs).all()
    assert (lrs >= 0).all() and (lrs <= peak * (1 + 1e-12)).all()
    assert [s(t) for t in range(T)] == lrs.tolist() and all(type(s(t)) is float for t in (0, T, 2 * T))
    assert get_schedule(s.spec, T, peak, warmup_steps=W) == s and s.spec == name and hash(s) is not None
    close(get_schedule(name, T, 3 * peak, warmup_steps=W).lrs(), 3 * lrs)
    assert (pickle.loads(pickle.dumps(s)).lrs() == lrs).all()


@settings(max_examples=100, deadline=None)
@given(st.data(), st.sampled_from(split_specs("all")), st.integers(1, 60), st.floats(0.05, 0.99))
def test_a_stopped_schedule_is_the_beginning_of_a_longer_one(data, name, T, stop):
    W = data.draw(st.integers(0, T))
    if REGISTRY[name].reactive:
        with pytest.raises(ValueError, match="follows the loss, so it has no end to stop before"):
            get_schedule(name, T, PEAK, warmup_steps=W, stop=stop)
        return
    s = get_schedule(f"{name}:stop={stop!r}", T, PEAK, warmup_steps=W)
    whole = get_schedule(name, round(T / stop), PEAK, warmup_steps=W)
    assert s.lrs().tolist() == whole.lrs()[:T].tolist() == [s(t) for t in range(T)]
    assert (s.steps, s.peak_lr, s.warmup_steps, s.first) == (T, PEAK, W, whole.first)
    assert s(T) == s(3 * T) == whole(T)
    assert get_schedule(s.spec, T, PEAK, warmup_steps=W) == s and s.spec == f"{name}:stop={stop!r}"
    assert s.params == whole.params | {"stop": stop} and s.name == name
    assert pickle.loads(pickle.dumps(s)) == s and hash(s) is not None
    assert replace(s, peak_lr=2 * PEAK) == get_schedule(s.spec, T, 2 * PEAK, warmup_steps=W)


@pytest.mark.parametrize("between", [" ", ",", " , "])
def test_a_parameter_that_is_a_file_ends_a_list(between, tmp_path):
    (law := tmp_path / "law.json").touch()
    specs = ["constant", "wsd:cooldown=0.4", f"forecast_optimal:law={law}"]
    assert split_specs(between.join(specs)) == specs


@pytest.mark.parametrize("name", split_specs("all"))
def test_a_schedule_that_stops_at_its_end_is_the_schedule(name):
    whole = get_schedule(name, 50, PEAK, warmup_steps=5)
    for s in (
        get_schedule(f"{name}:stop=1", 50, PEAK, warmup_steps=5),
        get_schedule(name, 50, PEAK, warmup_steps=5, stop=1.0),
    ):
        assert s == whole and s.spec == name and s.lrs().tobytes() == whole.lrs().tobytes()


def test_stopping_before_the_end():
    close(get_schedule("linear:stop=0.8", 8, 1.0).lrs(), 1 - np.arange(8) / 10)
    close(get_schedule("linear:stop=0.8", 8, 1.0, warmup_steps=2).lrs()[2:], 1 - np.arange(6) / 8)
    s = get_schedule("wsd:cooldown=0.5,stop=0.8,shape=square", 8, 1.0)  # the fraction is of the ten steps
    close(s.lrs(), [1] * 5 + [1, 0.96, 0.84])
    assert s.spec == "wsd:cooldown=0.5,shape=square,stop=0.8"
    close(get_schedule("wsd:cooldown_steps=5,stop=0.8", 8, 1.0).lrs(), [1] * 6 + [0.8, 0.6])
    close(get_schedule("multistep:milestones=[0.5,7],stop=0.8", 8, 1.0).lrs(), [1] * 5 + [0.1] * 2 + [0.01])
    close(
        get_schedule("one_cycle:pct_start=0.5,final_lr_ratio=0,stop=0.8", 8, 1.0).lrs()[4:],
        [0.8, 1, 0.8, 0.6],
    )
    trunk = get_schedule("constant", 90, PEAK, warmup_steps=7).lrs()
    stopped = get_schedule("wsd:stop=0.9", 90, PEAK, warmup_steps=7).lrs()  # 100 steps, 20 of them cooldown
    assert stopped[:81].tobytes() == trunk[:81].tobytes() and (stopped[81:] < trunk[81:]).all()
    track3 = get_schedule("polynomial:power=1.5,stop=0.9728", 3040, 1.0)  # pull request 293
    close(track3.lrs(), (1 - np.arange(3040) / 3125) ** 1.5)


def test_lrs_is_the_callers_own():
    s = get_schedule("linear", 5, 1.0)
    s.lrs()[:] = 0
    assert s.lrs()[0] == 1.0


@pytest.mark.parametrize(
    "spec",
    [
        "wsd:cooldown=0.4,shape=sqrt",
        "multistep:milestones=[10,0.5],gamma=0.2",
        "piecewise:milestones=[0.5],factors=[0.1]",
        "step:step_size=7",
        "wsd:shape=power,exponent=1.5",
        "wsd_s:milestones=[10,0.5],shape=inverse,final_lr_ratio=0.1",
        "linear:final_lr_ratio=0.1,stop=0.9",
    ],
)
def test_spec_is_canonical(spec):
    s = get_schedule(spec, 100, 1.0)
    assert s.spec == spec and get_schedule(s.spec, 100, 1.0) == s


def test_spec_leaves_out_defaults():
    assert get_schedule("wsd:cooldown=0.2,shape=sqrt", 10, 1.0).spec == "wsd:shape=sqrt"
    assert get_schedule("wsd", 10, 1.0).params == dict(
        cooldown=0.2, cooldown_steps=None, shape="linear", exponent=None, final_lr_ratio=0.0
    )


def test_a_cooldown_never_rises():
    for spec in (
        "wssd:factor=0.05,final_lr_ratio=0.2",
        "wsd:shape=inverse,final_lr_ratio=1",
        "fast_slow:factor=0.05,final_lr_ratio=0.2",
        "inverse_sqrt_cooldown:timescale=1,final_lr_ratio=0.9",
        "power:a=4",
    ):
        assert (np.diff(get_schedule(spec, 3000, 1.0).lrs()) <= 0).all()


# --- names ----------------------------------------------------------------------------------------


def test_aliases():
    for other, ours in {
        "fixed_lr": "constant",
        "constant_with_warmup": "constant",
        "cosine_schedule_with_warmup": "cosine",
        "linear_schedule_with_warmup": "linear",
        "polynomial_decay_schedule_with_warmup": "linear",
        "warmup_stable_decay": "wsd",
    }.items():
        assert get_schedule(other, 9, 1.0) == get_schedule(ours, 9, 1.0) and other not in list_schedules()
    assert get_schedule("cosine:end_lr_ratio=0.3", 9, 1.0) == get_schedule(
        "cosine", 9, 1.0, final_lr_ratio=0.3
    )
    assert get_schedule("wsd", 9, 1.0, end_lr_ratio=0.3).params["final_lr_ratio"] == 0.3


def test_split_specs():
    assert split_specs("wsd:cooldown=0.4,shape=sqrt,cosine,my.py") == [
        "wsd:cooldown=0.4,shape=sqrt",
        "cosine",
        "my.py",
    ]
    assert split_specs("multistep:milestones=[3,5],gamma=0.5, torch:StepLR:step_size=3,gamma=0.1") == [
        "multistep:milestones=[3,5],gamma=0.5",
        "torch:StepLR:step_size=3,gamma=0.1",
    ]
    assert split_specs("all") == [
        name for name in list_schedules() if name not in ("forecast_optimal", "schedule_free")
    ]  # which need a law and a package
    assert split_specs("wsd,all,my.py,wsd") == [
        "wsd",
        *(n for n in split_specs("all") if n != "wsd"),
        "my.py",
    ]


@pytest.mark.parametrize(
    "text, specs",
    [
        ("lab=1/mine.py", ["lab=1/mine.py"]),
        ("lab=1/mine.py:k=2", ["lab=1/mine.py:k=2"]),
        ("lab=1/mine.py:k=2,m=[1,2],cosine", ["lab=1/mine.py:k=2,m=[1,2]", "cosine"]),
        ("wsd:cooldown=0.4,lab=1/mine.py", ["wsd:cooldown=0.4", "lab=1/mine.py"]),
        ("wsd:cooldown=0.4,lab=1/mine.py:k=2,m=3", ["wsd:cooldown=0.4", "lab=1/mine.py:k=2,m=3"]),
        ("/a/lr=0.1/mine.py,wsd", ["/a/lr=0.1/mine.py", "wsd"]),
    ],
)
def test_a_path_may_have_an_equals_sign(text, specs):
    assert split_specs(text) == specs


@pytest.mark.parametrize(
    "text, specs",
    [
        ("wsd cosine", ["wsd", "cosine"]),
        ("wsd, cosine linear:final_lr_ratio=0.1", ["wsd", "cosine", "linear:final_lr_ratio=0.1"]),
        ("  wsd \t\n cosine ,linear ", ["wsd", "cosine", "linear"]),
        ("wsd:cooldown=0.4 shape=sqrt cosine", ["wsd:cooldown=0.4,shape=sqrt", "cosine"]),
        ("wsd : cooldown = 0.4 , shape= sqrt", ["wsd:cooldown=0.4,shape=sqrt"]),
        ("multistep:milestones=[3, 5] gamma=0.5 step", ["multistep:milestones=[3, 5],gamma=0.5", "step"]),
        ("a.py b.py:k=1 m=[1, 2] wsd", ["a.py", "b.py:k=1,m=[1, 2]", "wsd"]),
        ("constant all", ["constant", *(n for n in split_specs("all") if n != "constant")]),
    ],
)
def test_spaces_separate_schedules_too(text, specs):
    assert split_specs(text) == specs


def test_a_file_that_exists_may_have_spaces_in_its_path(tmp_path):
    path, law = tmp_path / "my lab" / "mine.py", tmp_path / "my lab" / "law.json"
    path.parent.mkdir()
    path.write_text(MINE.format(name="mine"))
    law.write_text("{}")
    assert resolve(f"wsd,{path}:floor=0.5, {path}") == ["wsd", "mine:floor=0.5", "mine"]
    assert split_specs(f"forecast_optimal:law={law},wsd") == [f"forecast_optimal:law={law}", "wsd"]


def test_names_ignore_case(tmp_path):
    assert split_specs("WSD:cooldown=0.4,Cosine ALL")[:3] == ["wsd:cooldown=0.4", "cosine", "bound_optimal"]
    assert split_specs("WSD,wsd Fixed_LR") == ["wsd", "fixed_lr"]
    for ours, spec in (("wsd", "Wsd"), ("constant", "Fixed_LR"), ("cosine_restarts", "COSINE_RESTARTS")):
        assert get_schedule(spec, 9, 1.0) == get_schedule(ours, 9, 1.0)
        assert get_schedule(spec, 9, 1.0).spec == ours
    path = tmp_path / "mine.py"
    path.write_text(MINE.format(name="Mine"))
    assert resolve(f"mine:floor=0.5,{path}") == ["Mine:floor=0.5", "Mine"]  # as it was registered
    assert get_schedule("MINE", 9, 1.0).name == "Mine"
    path.write_text(MINE.format(name="Cosine"))
    with pytest.raises(ValueError, match="'Cosine' is taken by schedulers.cosine.Cosine: choose another"):
        load_file(path)
    with pytest.raises(ValueError, match="did you mean 'wsd'"):
        get_schedule("WSDD", 9, 1.0)


@pytest.mark.parametrize(
    "text, message",
    [
        ("wsd cooldown=0.4", "'cooldown=0.4' belongs to no schedule: write wsd:cooldown=0.4"),
        ("wsd cosine,", "empty piece"),
        (" ", "empty piece"),
        ("lab=1/mine.py,k=2", "write lab=1/mine.py:k=2"),
        ("wsd,,cosine", "'wsd,,cosine' has an empty piece"),
        ("", "empty piece"),
        ("cooldown=0.4", "write NAME:cooldown=0.4"),
        ("wsd,cooldown=0.4", "write wsd:cooldown=0.4"),
    ],
)
def test_split_specs_errors(text, message):
    with pytest.raises(ValueError, match=message):
        split_specs(text)


@pytest.mark.parametrize(
    "spec, params, message",
    [
        (
            "wsdd",
            {},
            "unknown schedule 'wsdd'; did you mean 'wsd'? (python compare.py --schedulers list shows them",
        ),
        (
            "wsd:cooldwn=0.4",
            {},
            "wsd has no parameter 'cooldwn'; did you mean 'cooldown'? (it takes: cooldown, cooldown_steps,",
        ),
        ("constant", dict(end_lr_ratio=0.1), "constant has no parameter 'end_lr_ratio'"),
        ("wsd:cooldown=1.4", {}, "cooldown=1.4 is not allowed: give a number from 0 to 1"),
        ("wsd:cooldown=nan", {}, "cooldown='nan' is not allowed: give a number from 0 to 1"),
        ("wsd", dict(cooldown=math.nan), "cooldown=nan is not allowed: give a number from 0 to 1"),
        ("wsd", dict(cooldown=True), "cooldown=True is not allowed: give a number from 0 to 1"),
        (
            "wsd:shape=sqr",
            {},
            "shape='sqr' is not allowed: give one of linear, sqrt, cosine, mirror_cosine, square, power, "
            "exp, inverse; did you mean",
        ),
        (
            "wsd:shape=exp",
            {},
            "final_lr_ratio=0.0 is not allowed: an exponential cooldown needs a number above 0",
        ),
        (
            "wsd_s:shape=inverse",
            {},
            "final_lr_ratio=0.0 is not allowed: an inverse cooldown needs a number above 0",
        ),
        (
            "wsd:exponent=1.2",
            {},
            "exponent=1.2 is not allowed: give it with shape=power only, not with linear",
        ),
        (
            "inverse_sqrt_cooldown:shape=sqrt,exponent=2",
            {},
            "exponent=2.0 is not allowed: give it with shape=power only, not with sqrt",
        ),
        ("wssd:shape=power,exponent=0", {}, "exponent=0 is not allowed: give a number above 0"),
        ("wsd_s:milestones=[0.5,0.25]", {}, "milestones=(0.5, 0.25) is not allowed: give milestones in asc"),
        ("fast_slow:milestone=1.5", {}, "milestone=1.5 is not allowed: a milestone is a fraction"),
        ("linear:stop=0", {}, "stop=0 is not allowed: give a number from 0.01 to 1"),
        ("linear", dict(stop=True), "stop=True is not allowed: give a number from 0.01 to 1"),
        ("linear:stop=0.9", dict(stop=0.9), "stop is given twice"),
        ("linear:stop=0.9", dict(steps=0), "steps=0 is not allowed: give a whole number of at least 1"),
        (
            "linear:stop=0.9",
            dict(warmup_steps=101),
            "warmup_steps=101 is not allowed: give a whole number fr",
        ),
        ("linear:stp=0.9", {}, "linear has no parameter 'stp'; did you mean 'stop'?"),
        ("plateau:stop=0.9", {}, "stop=0.9 is not allowed: plateau follows the loss"),
        (
            "torch:StepLR:step_size=3,stop=0.9",
            {},
            "stop=0.9 is not allowed: a torch class has its own length",
        ),
        (
            "wsd:cooldown_steps=91",
            dict(warmup_steps=10),
            "cooldown_steps=91 is not allowed: give a whole number from 0 to 90",
        ),
        ("wsd:cooldown=0.1,cooldown=0.2", {}, "cooldown is given twice"),
        (
            "wsd:cooldown=0.1",
            dict(cooldown=0.2),
            "cooldown is given twice: 0.1 in 'wsd:cooldown=0.1' and 0.2 beside it",
        ),
        ("cosine:end_lr_ratio=0.1", dict(final_lr_ratio=0.1), "final_lr_ratio is given twice"),
        ("wsd:cooldown", {}, "'cooldown' in 'wsd:cooldown' can't be read"),
        ("step:step_size=2.0", {}, "step_size=2.0 is not allowed: give a whole number of at least 1"),
        ("cosine:cycle=0", {}, "cycle=0 is not allowed: give a number above 0"),
        ("exponential:final_lr_ratio=0", {}, "final_lr_ratio=0.0 is not allowed: an exponential needs"),
        (
            "multistep:milestones=[0.5,1.5]",
            {},
            "milestones=(0.5, 1.5) is not allowed: a milestone is a fraction",
        ),
        (
            "multistep:milestones=[0.5,20]",
            {},
            "milestones=(0.5, 20) is not allowed: give milestones in ascending order",
        ),
        ("multistep:milestones=0.5", {}, "milestones=0.5 is not allowed: give a list"),
        ("piecewise:factors=[0.5]", {}, "factors=(0.5,) is not allowed: give 2 numbers"),
        ("wssd:cooldown=0.8", {}, "milestone=0.5 is not allowed: the cooldown starts at step 20"),
        ("tanh:lower=4", {}, "lower=4.0 is not allowed: give a number below 3.0 (upper)"),
        ("tanh:upper=1e999", {}, "upper=inf is not allowed: give a finite number"),
        (
            "constant",
            dict(warmup_steps=101),
            "warmup_steps=101 is not allowed: give a whole number from 0 to 100 (steps)",
        ),
        ("constant", dict(warmup_steps=-1), "warmup_steps=-1 is not allowed"),
        ("constant", dict(warmup_start=1.5), "warmup_start=1.5 is not allowed: give a number from 0 to 1"),
        ("constant", dict(steps=0), "steps=0 is not allowed: give a whole number of at least 1"),
        ("constant", dict(steps=10.0), "steps=10.0 is not allowed"),
        ("constant", dict(peak_lr=0), "peak_lr=0 is not allowed: give a number above 0"),
        ("constant", dict(peak_lr="1e-3"), "peak_lr='1e-3' is not allowed"),
        ("constant", dict(peak_lr=math.inf), "peak_lr=inf is not allowed"),
        ("no/such.py", {}, "no/such.py: can't be read: No such file or directory"),
        (None, {}, "spec=None is not allowed"),
    ],
)
def test_errors(spec, params, message):
    with pytest.raises(ValueError) as error:
        get_schedule(spec, **{"steps": 100, "peak_lr": 1.0, **params})
    assert str(error.value).startswith(message) and "\n" not in str(error.value)


@pytest.mark.parametrize("step", [-1, 1.0, True, "3", None])
def test_step_must_be_a_whole_number(step):
    with pytest.raises(ValueError, match="is not allowed: give a whole number of at least 0"):
        get_schedule("constant", 10, 1.0)(step)


# --- a user's own ---------------------------------------------------------------------------------

MINE = """from dataclasses import dataclass
from schedulers import Schedule, param, register

@register("{name}")
@dataclass(frozen=True)
class Mine(Schedule):
    floor: float = param(0.1, low=0, high=1)

    def scale(self, t):
        return 1 - self.progress(t) * (1 - self.floor)
"""


def test_a_file_by_its_path(tmp_path):
    path = tmp_path / "my_schedule.py"
    path.write_text(MINE.format(name="mine"))
    s = get_schedule(f"{path}:floor=0.5", 10, 1.0, warmup_steps=2)
    assert (
        s
        == get_schedule("mine", 10, 1.0, warmup_steps=2, floor=0.5)
        == get_schedule(s.spec, 10, 1.0, warmup_steps=2)
    )
    close(s.lrs(), get_schedule("linear", 10, 1.0, warmup_steps=2, final_lr_ratio=0.5).lrs())
    assert resolve(f"cosine,{path}:floor=0.5,{path},all")[:3] == ["cosine", "mine:floor=0.5", "mine"]
    with pytest.raises(ValueError, match="floor=2 is not allowed: give a number from 0 to 1"):
        get_schedule(f"{path}:floor=2", 10, 1.0)
    path.write_text(MINE.format(name="yours") + MINE.format(name="ours").replace("Mine", "Ours"))
    assert load_file(path) == ["ours", "yours"] and "mine" not in list_schedules()  # an edit counts at once
    with pytest.raises(ValueError, match="registers 2 schedules"):
        get_schedule(str(path), 10, 1.0)


@pytest.mark.parametrize(
    "text, message",
    [
        ("x = 1", "registers no schedule"),
        ("def f(:", "line 1: SyntaxError"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("raise SystemExit(3)", "SystemExit"),
        (MINE.format(name="wsd"), "'wsd' is taken by schedulers.wsd.WSD: choose another"),
        (MINE.format(name="fixed_lr"), "'fixed_lr' is an alias of constant"),
        (MINE.format(name="a:b"), "can't name a schedule"),
        (MINE.format(name="bad").replace("floor", "lrs"), "the parameter 'lrs' hides Schedule.lrs"),
        (MINE.format(name="bad").replace("scale", "factor"), "bad: override scale"),
        (MINE.format(name="bad").replace("(Schedule)", ""), "is not a subclass of Schedule"),
    ],
)
def test_a_file_that_cant_be_used(tmp_path, text, message):
    path = tmp_path / "broken.py"
    path.write_text(text)
    names = list_schedules()
    with pytest.raises(ValueError) as error:
        load_file(path)
    assert (
        str(error.value).startswith(f"{path}: ")
        and message in str(error.value)
        and "\n" not in str(error.value)
    )
    assert list_schedules() == names


def test_a_file_in_a_folder_with_an_equals_sign(tmp_path):
    path = tmp_path / "lab=1" / "mine.py"
    path.parent.mkdir()
    path.write_text(MINE.format(name="mine"))
    specs = ["wsd:cooldown=0.4", "mine:floor=0.5", "mine"]
    assert resolve(f"wsd:cooldown=0.4,{path}:floor=0.5,{path}") == specs
    assert get_schedule(f"{path}:floor=0.5", 10, 1.0) == get_schedule("mine:floor=0.5", 10, 1.0)


def test_short_forms_of_a_schedule():
    @register("no_decorator")
    class A(Schedule):
        slope: float = 0.5
        every: int = 3

        def scale(self, t):
            return 1 - self.slope * self.progress(t)

    @register("own_call")
    class B(Schedule):
        def __call__(self, step):
            return 1 / (step + 1)

    close(get_schedule("no_decorator:slope=1", 4, 1.0).lrs(), [1, 0.75, 0.5, 0.25])
    close(get_schedule("own_call", 3, 1.0).lrs(), [1, 1 / 2, 1 / 3])
    for spec, message in (
        ("slope=x", "slope='x' is not allowed: give a finite number"),
        ("every=2.5", "give a whole number"),
    ):
        with pytest.raises(ValueError, match=message):
            get_schedule(f"no_decorator:{spec}", 4, 1.0)


@pytest.mark.parametrize(
    "value, message",
    [
        (math.nan, "odd gives nan at step 2"),
        (-1.0, "odd gives -1.0 at step 2"),
        (math.inf, "odd gives inf at step 2"),
        (None, "odd returned None at step 2: return a number"),
    ],
)
def test_a_bad_array_is_refused(value, message):
    @register("odd")
    class Odd(Schedule):
        def scale(self, t):
            return value if t == 2 else 1.0

    with pytest.raises(ValueError, match=message):
        get_schedule("odd", 5, 1.0).lrs()


def test_a_file_dropped_into_the_folder(tmp_path):
    def run(code):
        env = os.environ | {"PYTHONPATH": str(ROOT)}  # for what schedulers imports; the copy comes before it
        command = [sys.executable, "-c", code]
        return subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)

    shutil.copytree(
        ROOT / "schedulers", tmp_path / "schedulers", ignore=shutil.ignore_patterns("__pycache__")
    )
    (tmp_path / "schedulers" / "dropped.py").write_text(MINE.format(name="dropped"))
    done = run(
        "import sys, schedulers as s;"
        " print(s.get_schedule('dropped', 9, 1.0)(0), s.load_file('schedulers/dropped.py'),"
        " 'dropped' in s.split_specs('all'), 'torch' in sys.modules, 'matplotlib' in sys.modules)"
    )
    assert done.stdout.split() == ["1.0", "['dropped']", "True", "False", "False"], done.stderr
    (tmp_path / "schedulers" / "my_lr.v2.py").write_text("def get_lr(step): return 0.5")
    done = run("import schedulers as s; print(s.get_schedule('my_lr_v2', 9, 1.0)(0))")
    assert done.stdout.split() == ["0.5"], done.stderr
    (tmp_path / "schedulers" / "dropped.py").write_text("import nothing_of_this_name")
    error = run("import schedulers").stderr.strip().splitlines()[-1]
    assert (
        error
        == "ImportError: schedulers/dropped.py: ModuleNotFoundError: No module named 'nothing_of_this_name'"
    )


def test_plot():
    Figure = pytest.importorskip("matplotlib.figure").Figure
    ax = Figure().subplots()
    s = get_schedule("wsd:shape=sqrt", 10, 1.0)
    assert s.plot(ax) is ax and (ax.get_xlabel(), ax.get_ylabel()) == ("step", "learning rate")
    assert (ax.lines[0].get_ydata() == s.lrs()).all() and ax.lines[0].get_label() == "wsd:shape=sqrt"


def test_public_names():
    assert all(hasattr(schedulers, name) for name in schedulers.__all__)


@pytest.mark.parametrize("name", list_schedules())
def test_every_schedule_says_what_it_takes_and_where_it_comes_from(name):
    words = REGISTRY[name].__doc__
    assert "lr/peak = " in words or "argmin" in words
    assert "\n    References:\n" in words and ("Raises:" in words or not own_fields(REGISTRY[name]))
    for f in own_fields(REGISTRY[name]):
        assert f"\n        {f.name}: " in words and (f.default is None or "default" in words), f.name
