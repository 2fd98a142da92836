"""Loss spikes, recovery, and why the blog's score rewards a run that learns nothing."""

import doctest

import numpy as np
import pytest

from analysis import stability as module
from analysis.stability import WINDOW, loss_stability, medians_before, recoveries, stability


def noisy(steps=400, level=2.0, noise=0.05, key=7):
    return level + noise * np.random.Generator(np.random.Philox(key)).standard_normal(steps)


def test_the_worked_example():
    assert doctest.testmod(module).attempted == 2
    assert doctest.testmod(module).failed == 0


def test_noise_and_a_fall_are_no_spikes():
    assert recoveries(noisy(), 0) == []
    assert recoveries(np.linspace(11, 3, 400), 0) == []
    assert recoveries(noisy() + np.linspace(3, 0, 400), 0) == []


@pytest.mark.parametrize("height, steps", [(1.0, 1), (1.0, 12), (np.inf, 5)])
def test_a_spike_and_the_steps_that_it_took_to_recover(height, steps):
    loss = noisy()
    median = np.median(loss[200 - WINDOW : 200])
    loss[200 : 200 + steps] += height
    loss[200 + steps] = median
    assert recoveries(loss, 30) == [steps]


def test_two_spikes_while_the_first_recovers_are_one():
    loss = noisy()
    loss[200:210], loss[204], loss[210] = 2.5, 4.0, 1.8
    loss[300], loss[301] = 3.0, 1.8
    assert recoveries(loss, 0) == [10, 1]


def test_a_spike_that_never_recovers_lasts_to_the_end():
    loss = noisy()
    loss[350:] = 6.0
    assert recoveries(loss, 0) == [50]


def test_the_warmup_and_short_runs_have_none():
    loss = noisy()
    loss[70] = 9.0
    assert recoveries(loss, 30) == []  # the window after the warmup is not full yet
    assert len(recoveries(loss, 0)) == 1
    assert recoveries(loss[:40], 0) == []


def test_columns_agree_with_the_list():
    loss = noisy()
    loss[200:210], loss[210] = 2.5, 1.8
    columns = stability(loss, np.ones(400), 30, 1.0)
    assert (columns.loss_spikes, columns.loss_recovery) == (1, 10)
    assert columns.loss_stability == loss_stability(loss)
    steady = stability(noisy(), np.ones(400), 30, 1.0)
    assert (steady.loss_spikes, steady.loss_recovery) == (0, 0)


@pytest.mark.parametrize("steps", [1, 2, 49, 50, 51, 52, 130])
def test_medians_are_of_the_window_before(steps):
    values = noisy(steps)
    expected = [np.nan, *(np.median(values[max(0, t - WINDOW) : t]) for t in range(1, steps))]
    assert np.array_equal(medians_before(values), expected, equal_nan=True)
