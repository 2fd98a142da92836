"""Results and comparisons made by hand, as if they came from a store."""

import math
from types import SimpleNamespace

import numpy as np

from analysis.comparison import Comparison, Result, Setting
from nanosched.config import Config
from nanosched.history import History
from nanosched.run_files import FinishedRun, RunRecord

RECORD = dict(
    run_id="0" * 16,
    status="complete",
    final_val_loss=2.5,
    schedule="cosine",
    seed=0,
    peak_lr=0.01,
    steps=3,
    steps_taken=3,
    trained_from=0,
    tokens=192,
    parameters=1000,
    flops_per_token=1000.0,
    peak_flops=1e6,
    device="Xeon, the big one",
    dataset="a, b.txt",
    data_fingerprint="f",
    torch_version="2",
    code_version="0",
    config=dict(grad_clip=1.0, dtype="float32"),
)
HISTORY = History([4.0, 3.0, 2.0], [0.01, 0.005, 0.0], [1.5, 0.5, 1.0], [0.25, 0.5, 0.25], [(2, 2.5)])
DATASET = SimpleNamespace(
    name="a, b.txt", tokenizer="char", vocab_size=65, fingerprint="f", train=range(900), val=range(100)
)


def finished_run(history=HISTORY, **changes) -> FinishedRun:
    """A run of three steps, or of `history`, as the store gives it."""
    return FinishedRun(RunRecord(**{**RECORD, **changes}), history.to_csv())


def result(scheduler, loss, status="complete", peak_lr=0.01, seed=0, steps=300, **changes) -> Result:
    """A row of runs.csv with this final validation loss; a failed run has none and no curve."""
    setting = Setting(scheduler, peak_lr, steps)
    if status == "failed":
        return Result(setting, seed, "0", None)
    run = finished_run(status=status, final_val_loss=loss if status == "complete" else None, **changes)
    return Result(setting, seed, "0", run, peak_flops=1e6)


def comparison_of(results, **changes) -> Comparison:
    """A finished comparison with these results."""
    results = tuple(results)
    runs = tuple(
        SimpleNamespace(
            id=r.run_id,
            label=r.setting.scheduler,
            seed=r.seed,
            schedule=SimpleNamespace(peak_lr=r.setting.peak_lr, steps=r.setting.steps),
        )
        for r in results
    )
    facts = dict(requested=runs, config=Config(peak_lr=0.01), dataset=DATASET, command="python compare.py")
    return Comparison(results, **{**facts, **changes})


def losses_of(**losses) -> list[Result]:
    """Results of schedules by name, a loss for each seed; None is a run that diverged."""
    return [
        result(name, loss, "diverged" if loss is None else "complete", seed=seed)
        for name, values in losses.items()
        for seed, loss in enumerate(values)
    ]


def history_of(n=3, **columns) -> History:
    """A history of n steps with some columns given."""
    arrays = dict(loss=np.ones(n), lr=np.ones(n), grad_norm=np.ones(n), step_s=np.full(n, 0.1))
    arrays |= {name: np.array(values, float) for name, values in columns.items() if name != "val_loss"}
    val = [(i, v) for i, v in enumerate(columns.get("val_loss", [])) if not math.isnan(v)]
    return History(*(arrays[name].tolist() for name in ("loss", "lr", "grad_norm", "step_s")), val)
