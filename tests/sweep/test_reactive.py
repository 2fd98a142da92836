"""A reactive schedule that gives no learning rate fails its own run in one line, however runs are trained."""

import pytest
from helpers import Silent

from nanosched.config import Config
from schedulers import resolve
from sweep import workers
from sweep.execute import execute
from sweep.plan import make_schedules, plan_branches, plan_runs
from sweep.store import Store

REACTS = """
import sys
from schedulers import Schedule, register

@register("reacts")
class Reacts(Schedule):
    reactive = True

    def __call__(self, step, val_losses=None):
        if step >= {step} and val_losses is not None:
            {does}
        return self.peak_lr
"""
DOES = {
    "return float('nan')": "gives nan at step {step}: a learning rate must be finite and not negative",
    "return -0.1": "gives -0.1 at step {step}: a learning rate must be finite and not negative",
    "return float('inf')": "gives inf at step {step}",
    "return None": "returned None at step {step}: return a number",
    "raise KeyError('a')": "fails at step {step}: KeyError",
    "sys.exit(0)": "fails at step {step}: SystemExit",
    "raise GeneratorExit": "fails at step {step}: GeneratorExit",
    "raise KeyboardInterrupt": "fails at step {step}: KeyboardInterrupt",
}


@pytest.fixture
def sweep(tiny, dataset, tmp_path, monkeypatch):
    """Trains a reactive schedule that does this from a step on, and cosine; returns its run and its error."""

    def sweep(does, step, slots=0, cores=1):
        monkeypatch.setattr("os.cpu_count", lambda: cores)
        monkeypatch.setattr(workers, "free_memory", lambda: None)
        file = tmp_path / "mine.py"
        file.write_text(REACTS.format(does=does, step=step))
        config, store = Config(**tiny), Store(tmp_path / "out")
        schedules = make_schedules(config, resolve(f"{file},cosine"), [config.peak_lr], [config.steps])
        runs = plan_runs(config, schedules, [0], dataset.fingerprint)
        branches = plan_branches(runs, config)
        errors = execute(branches, config, dataset, store, [str(file)], Silent(), lambda: False, slots)
        assert list(errors) == [runs[0].id] and store.get(runs[1].id).record.complete
        assert store.get(runs[0].id) is None
        return store.folder(runs[0].id), errors[runs[0].id]

    return sweep


@pytest.mark.parametrize("slots", [0, 2])
@pytest.mark.parametrize("step", [0, 8])  # before and after the first validation
@pytest.mark.parametrize("does", DOES)
def test_its_run_fails_alone(sweep, does, step, slots):
    folder, error = sweep(does, step, slots)
    assert DOES[does].format(step=step) in error and "mine.py: reacts" in error and "\n" not in error
    rows = (folder / "curve.csv").read_text().splitlines()
    assert len(rows) <= 1 + step and "nan" not in "".join(rows)  # what no figure has to survive


def test_in_a_process_of_its_own_too(sweep):
    assert "fails at step 8: SystemExit" in sweep("sys.exit(0)", 8, cores=2)[1]
