"""TensorBoard event files of a comparison, for people who keep their other runs there."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from urllib.parse import quote

import numpy as np

from nanosched.history import read_curve
from sweep.store import run_folder

TAGS = dict(loss="loss/train", val_loss="loss/val", lr="lr", grad_norm="grad_norm", step_s="step_s")


def check_installed():
    """ValueError where the extra is missing, before anything is trained."""
    if importlib.util.find_spec("tensorboard") is None:
        raise ValueError(
            '--tensorboard needs a package that is not installed: pip install -e ".[tensorboard]"'
        )


def write_events(out: Path, rows: list[dict]) -> Path:
    """Write out/tensorboard/, a folder for each run that has a curve, in place of what an earlier call left there.

    The time of a step is the seconds of training up to it, from 1970 on: a run's own clock, the same at every call.

    Args:
        out: the comparison's folder.
        rows: those of runs.csv.
    """
    from torch.utils.tensorboard import SummaryWriter

    folder = Path(out) / "tensorboard"
    shutil.rmtree(folder, ignore_errors=True)
    for row in rows:
        if row["status"] != "failed":
            curve = read_curve(run_folder(out, row["run_id"]) / "curve.csv")
            seconds = curve["step_s"].cumsum()
            with SummaryWriter(folder / folder_name(row)) as writer:
                for column, tag in TAGS.items():
                    for step in np.flatnonzero(~np.isnan(curve[column])):
                        writer.add_scalar(tag, curve[column][step], step, walltime=seconds[step])
    return folder


def folder_name(row: dict) -> str:
    """A name that only this run has: the label with what a path can't have escaped, and not longer than a path may be."""
    label = quote(row["scheduler"], safe=":=,[]")
    label = label if len(label) <= 150 else f"{label[:140]}-{row['run_id'][:8]}"
    return f"{label}-lr{row['peak_lr']:g}-steps{row['steps']}-seed{row['seed']}"
