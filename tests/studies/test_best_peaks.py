"""Peaks chosen by seeds that don't judge, the same for both studies that judge so."""

import numpy as np
import pytest

from studies.best_peaks import best_by, is_end, others_of
from studies.claims.claim import BASE, PEAKS, Cell, tuned
from studies.claims.peaks import at_the_end, judged
from studies.claims.runs import Runs, key_of
from studies.transfer.agreement import judge
from studies.transfer.by_peak_runs import CONSTANT


def test_of_equals_the_first_is_chosen_and_a_single_seed_chooses_for_itself():
    assert best_by({1.0: {0: 2.0, 1: 4.0}, 2.0: {0: 3.0, 1: 3.0}}, [0, 1]) == 1.0
    assert best_by({1.0: {0: 2.0, 1: 4.0}, 2.0: {0: 3.0, 1: 3.0}}, [1]) == 2.0
    assert others_of([3, 5, 8], 5) == [3, 8] and others_of([3], 3) == [3]


def test_an_end_has_no_worse_peak_beyond_it():
    peaks = {1.0: {0: 2.0}, 2.0: {0: 1.0, 1: 1.0}, 4.0: {1: 1.5}}
    assert not is_end(2.0, peaks) and is_end(1.0, peaks)
    assert is_end(2.0, {**peaks, 4.0: {2: 9.0}})  # of no seed that both have


@pytest.mark.parametrize("key", range(5))
def test_both_studies_judge_alike(key):
    rng = np.random.Generator(np.random.Philox(key))
    losses = {peak: dict(enumerate(rng.normal(size=4).tolist())) for peak in PEAKS}
    (one,) = judge({CONSTANT: losses}).values()
    cells = {peak: Cell(BASE, "constant", peak) for peak in PEAKS}
    runs = Runs({key_of(BASE, c.schedule, c.peak_lr, c.average): losses[peak] for peak, c in cells.items()})
    choice = tuned("constant")
    assert judged(runs, choice) == dict(enumerate(one.losses.tolist()))
    assert at_the_end(runs, choice) == one.at_the_end
