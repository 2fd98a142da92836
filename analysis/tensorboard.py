"""TensorBoard event files of a comparison, for people who keep their other runs there."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from urllib.parse import quote

import numpy as np

from analysis.comparison import Comparison, Result

TAGS = dict(loss="loss/train", val_loss="loss/val", lr="lr", grad_norm="grad_norm", step_s="step_s")


def check_installed():
    """ValueError where the extra is missing, before anything is trained."""
    if importlib.util.find_spec("tensorboard") is None:
        raise ValueError(
            '--tensorboard needs a package that is not installed: pip install -e ".[tensorboard]"'
        )


def write_events(comparison: Comparison, out: Path) -> list[Path]:
    """Write out/tensorboard/ anew, with a folder for each run that has a curve.

    The time of a step is the seconds of training up to it, from 1970 on: a run's own clock, the same at every
    call.
    """
    folder = out / "tensorboard"
    shutil.rmtree(folder, ignore_errors=True)
    for result in comparison.results:
        if result.run:
            write_run_events(result, folder / folder_name(result))
    return [folder]


def write_run_events(result: Result, folder: Path):
    from torch.utils.tensorboard import SummaryWriter

    seconds = result.curve.step_s.cumsum()
    with SummaryWriter(folder) as writer:
        for column, tag in TAGS.items():
            values = getattr(result.curve, column)
            for step in np.flatnonzero(~np.isnan(values)):
                writer.add_scalar(tag, values[step], step, walltime=seconds[step])


def folder_name(result: Result) -> str:
    """A name that only this run has: what a path can't have is escaped, and a long label is cut."""
    setting = result.setting
    label = quote(setting.scheduler, safe=":=,[]")
    label = label if len(label) <= 150 else f"{label[:140]}-{result.run_id[:8]}"
    return f"{label}-lr{setting.peak_lr:g}-steps{setting.steps}-seed{result.seed}"
