"""Averages of the weights: how they are written, what a run keeps for them, and that they are true means."""

import numpy as np
import pytest
from helpers import one_line
from hypothesis import given
from hypothesis import strategies as st

from nanosched.averages import Ema, Tail, averaged_model, parse_averages, start_means, update_means
from nanosched.config import NOT_IDENTITY, Config
from schedulers import get_schedule

STEP = 768  # tokens


def test_a_spec_is_read_in_any_case_and_written_in_one_way():
    text = " EMA:decay=.990, tail:Fraction=0.2,ema:decay=0.5,ema:tokens=1e5,tail:tokens=7680 "
    specs = [average.spec for average in parse_averages(text, STEP)]
    assert specs == [
        "ema:decay=0.99",
        "tail:fraction=0.2",
        "ema:decay=0.5",
        "ema:tokens=100000",
        "tail:tokens=7680",
    ]
    assert Config(average=text).average == ",".join(specs) == Config(average=",".join(specs)).average
    assert parse_averages("", STEP) == parse_averages(" ", STEP) == ()


@pytest.mark.parametrize(
    "text, allowed",
    [
        ("ema", "ema:decay=X"),
        ("ema:0.99", "ema:decay=X"),
        ("swa:decay=0.99", "tail:tokens=N"),
        ("ema:fraction=0.2", "ema:tokens=N"),
        ("tail:decay=0.2", "tail:fraction=X"),
        ("ema:decay=0.9,,tail:fraction=0.1", "with commas between them"),
        ("ema:decay=", "above 0 and below 1"),
        ("ema:decay=1", "above 0 and below 1"),
        ("ema:decay=0", "above 0 and below 1"),
        ("ema:decay=nan", "above 0 and below 1"),
        ("tail:fraction=0", "at most 1"),
        ("tail:fraction=1.1", "at most 1"),
        ("ema:tokens=767", "at least a step's 768"),
        ("tail:tokens=1e400", "at least a step's 768"),
        ("tail:tokens=1000.5", "a whole number"),
        ("ema:decay=0.9,ema:decay=0.90", "twice"),
    ],
)
def test_a_bad_spec_is_refused_in_one_line_with_what_is_allowed(text, allowed):
    with pytest.raises(ValueError) as error:
        Config(average=text)
    assert one_line(error).startswith("average=") and allowed in one_line(error)


@given(
    st.text(max_size=30) | st.from_regex(r"(ema|tail):(decay|tokens|fraction)=[-0-9.e]{1,9}", fullmatch=True)
)
def test_whatever_is_written_is_understood_or_refused_in_one_line(text):
    try:
        averages = parse_averages(text, STEP)
    except ValueError as e:
        assert str(e).startswith("average=") and "\n" not in str(e)
    else:
        for average in averages:
            assert parse_averages(average.spec, STEP) == (average,)
            assert 0 <= average.mean(1000, STEP).share(1000) <= 1


@pytest.mark.parametrize(
    "spec, steps, mean",
    [
        ("ema:decay=0.99", 300, Ema(0.99)),
        ("ema:tokens=76800", 300, Ema(0.99)),
        ("tail:fraction=0.2", 300, Tail(240)),
        ("tail:fraction=0.7", 10, Tail(3)),  # (1 - 0.7) * 10 is above 3 in floating point
        ("tail:fraction=0.25", 10, Tail(8)),
        ("tail:fraction=1", 300, Tail(0)),
        ("tail:fraction=0.001", 300, Tail(299)),  # at least the last weights
        ("tail:tokens=7680", 300, Tail(290)),
        ("tail:tokens=7680", 5, Tail(0)),
        ("ema:tokens=1e30", 5, Ema(1.0)),  # 1 - 768 / 1e30 is 1 in floating point
    ],
)
def test_what_a_run_keeps_for_an_average(spec, steps, mean):
    (average,) = parse_averages(spec, STEP)
    assert average.mean(steps, STEP) == mean
    assert Config(average=spec, steps=steps, warmup_steps=0).means(steps) == (mean,)


def test_an_average_changes_no_id_and_one_mean_is_kept_once():
    schedule = get_schedule("cosine", steps=300, peak_lr=1e-3, warmup_steps=30)
    plain, averaged = Config(), Config(average="ema:decay=0.99,tail:fraction=0.1,tail:tokens=23040")
    assert "average" in NOT_IDENTITY
    assert plain.run_id(schedule, 0, "data") == averaged.run_id(schedule, 0, "data")
    assert averaged.means(300) == (Ema(0.99), Tail(270))


@pytest.mark.parametrize("n", [1, 2, 3, 10, 57])
def test_means_are_the_explicit_weighted_means(n):
    import torch
    from torch.optim.swa_utils import AveragedModel

    model, kept = torch.nn.Linear(3, 2), (Ema(0.9), Ema(0.0), Ema(1.0), Tail(0), Tail(n - 1), Tail(n // 2))
    means, uniform, generator = start_means(kept, model), AveragedModel(model), np.random.default_rng(0)
    history = generator.normal(size=(n, 2, 3)).astype(np.float32)
    for step, weights in enumerate(history, 1):
        with torch.no_grad():
            model.weight.copy_(torch.from_numpy(weights))
        update_means(means, list(model.parameters()), step)
        uniform.update_parameters(model)
    ema = 0.9 ** np.arange(n)[::-1]
    mean = history.mean(0)
    expected = [np.average(history, axis=0, weights=ema), history[-1], mean, mean, history[-1]]
    expected.append(history[n // 2 :].mean(0))
    for mean, values in zip(kept, expected):
        assert means[mean][0].numpy() == pytest.approx(values, abs=1e-6), mean
    assert torch.allclose(means[Tail(0)][0], uniform.module.weight, atol=1e-6)

    copy = averaged_model(model, means[Tail(0)])
    assert torch.equal(copy.weight, means[Tail(0)][0]) and torch.equal(
        model.weight, torch.from_numpy(history[-1])
    )
