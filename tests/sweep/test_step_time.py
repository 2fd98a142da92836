"""What a step costs, from the runs in a store or from a few steps."""

from dataclasses import replace

import pytest
from helpers import schedule_of

from nanosched.config import Config
from nanosched.run_files import write_run
from sweep import step_time
from sweep.step_time import stored_step_s, timed_step_s
from sweep.store import Store
from train import train


@pytest.fixture
def config(tiny):
    return Config(**tiny, replicas="separate")


def test_the_steps_in_the_store_tell_the_time(config, dataset, tmp_path, monkeypatch):
    monkeypatch.setattr(step_time, "max_workers", lambda config: 4)
    store = Store(tmp_path)
    assert stored_step_s(config, store) is None
    record = train(config, schedule_of(config, "cosine"), 0, dataset, tmp_path / "alone")
    header, *rows = (tmp_path / "alone" / "curve.csv").read_text().splitlines()
    for run_id, step_s in [("a", "0.2"), ("b", "0.4"), ("c", "0.9")]:
        timed = (",".join([*row.split(",")[:4], step_s, row.split(",")[5]]) for row in rows)
        write_run(store.folder(run_id), replace(record, run_id=run_id), "\n".join([header, *timed]) + "\n")
    assert stored_step_s(config, store) == pytest.approx(0.4 / 4)  # four side by side
    assert stored_step_s(replace(config, peak_lr=0.5, steps=99), store) == pytest.approx(0.1)
    for other in (dict(n_embd=32), dict(dtype="bfloat16"), dict(replicas="stacked"), dict(threads=2)):
        assert stored_step_s(replace(config, **other), store) is None


@pytest.mark.parametrize("replicas", ["separate", "stacked"])
def test_a_few_steps_tell_it_too(config, replicas):
    assert timed_step_s(replace(config, replicas=replicas), 65) > 0
