"""Pending numbers, their flush, and the rows of curve.csv."""

import math

import pytest
import torch

from nanosched.history import History, parse_curve
from nanosched.recorder import MAX_PENDING, Recorder


class OneSecond:
    def seconds(self):
        return 1.0


def add(recorder, *losses):
    for loss in losses:
        recorder.add(0.1, torch.tensor(loss), torch.tensor(2.0), OneSecond())


@pytest.mark.parametrize("device, pending", [("cpu", 1), ("cuda", MAX_PENDING)])
def test_it_is_full_at_once_on_a_cpu_and_later_on_a_gpu(tmp_path, device, pending):
    recorder = Recorder(tmp_path, History(), device)
    add(recorder, *[1.0] * (pending - 1))
    assert not recorder.full
    add(recorder, 3.0)
    assert recorder.full and recorder.steps == 0
    assert recorder.flush() and not recorder.full
    assert (recorder.steps, recorder.last_loss) == (pending, 3.0)


def test_a_flush_ends_at_a_loss_that_is_not_finite(tmp_path):
    recorder = Recorder(tmp_path, History(), "cuda")
    add(recorder, 1.0, math.inf, 2.0)
    assert not recorder.flush()
    assert recorder.history.loss == [1.0, math.inf] and not recorder.pending


def test_rows_are_appended_and_a_history_taken_over_is_written_at_once(tmp_path):
    (tmp_path / "curve.csv").write_text("of an earlier try")
    recorder = Recorder(tmp_path, History([4.0], [0.1], [1.0], [0.5], [(0, 3.5)]), "cuda")
    assert (tmp_path / "curve.csv").read_text() == recorder.history.to_csv()
    add(recorder, 3.0, 2.0)
    recorder.flush()
    recorder.add_validation(1.5)
    recorder.write_curve()
    curve = parse_curve((tmp_path / "curve.csv").read_text())
    assert curve.loss.tolist() == [4.0, 3.0, 2.0] and curve.step_s.tolist() == [0.5, 1.0, 1.0]
    assert curve.val_loss[[0, 2]].tolist() == [3.5, 1.5] and math.isnan(curve.val_loss[1])
