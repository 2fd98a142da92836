"""Runs of a compiled model: the same numbers in every process, after a stop and from a branch."""

import os

import pytest
from helpers import Silent

from nanosched import compiler
from nanosched.config import Config
from schedulers import get_schedule
from sweep import workers
from sweep.execute import execute
from sweep.plan import distinct, plan_branches, plan_runs
from sweep.store import Store
from train import train


@pytest.mark.skipif(bool(compiler.fault()), reason="torch.compile needs a C++ compiler")
def test_compiled_runs_have_the_same_numbers_everywhere(tiny, dataset, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    config = Config(**{**tiny, "dtype": "bfloat16", "compile": "true"}, checkpoint_interval=4)
    schedules = [
        (name, get_schedule(name, steps=12, peak_lr=0.01, warmup_steps=2)) for name in ("constant", "wsd")
    ]
    runs = distinct(plan_runs(config, schedules, [0], dataset.fingerprint))
    store, branches = Store(tmp_path / "sweep"), plan_branches(runs, config)
    assert any(branch.start for branch in branches) and workers.max_workers(config) == 2
    assert execute(branches, config, dataset, store, [], Silent(), lambda: False) == {}
    for run in runs:
        alone = tmp_path / run.id
        assert train(config, run.schedule, 0, dataset, alone, steps_now=5) is None
        record = train(config, run.schedule, 0, dataset, alone)
        assert record.trained_from == 0 and losses(alone) == losses(store.folder(run.id))


def losses(folder):
    """curve.csv without step_s."""
    rows = (line.split(",") for line in (folder / "curve.csv").read_text().splitlines())
    return [row[:4] + row[5:] for row in rows]
