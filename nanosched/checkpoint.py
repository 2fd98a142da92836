"""Checkpoints in nanoGPT's layout, which its own scripts read, with what a run needs to go on."""

from __future__ import annotations

import sys
import zipfile
from dataclasses import asdict
from pathlib import Path

import torch

from .files import atomic

NAME = "ckpt.pt"


def save_checkpoint(path: Path, run_id: str, trained_from: int, state, history, config):
    """Write `path`, whole or not at all; torch.load(weights_only=True) reads it.

    `run_id` is the run's that was trained to here, and `trained_from` the number of steps it took over from another.
    """
    checkpoint = dict(
        model=state.model.state_dict(),
        optimizer=state.optimizer.state_dict(),
        model_args=state.model.config.to_dict(),
        iter_num=state.step,
        best_val_loss=min((loss for _, loss in history.val), default=float("inf")),
        config=asdict(config),
        run_id=run_id,
        trained_from=trained_from,
        history=asdict(history),
    )
    with atomic(path) as temporary:
        try:
            torch.save(checkpoint, temporary)
        except RuntimeError as e:  # torch says "enforce fail at inline_container"
            raise OSError(f"{path} can't be written: is the disk full?") from e


def load_checkpoint(path: Path, state, history) -> dict | None:
    """Set state and history to a checkpoint's and return it; None and a warning if it is damaged."""
    try:
        with zipfile.ZipFile(path) as file:  # torch doesn't look at the checksums
            if damaged := file.testzip():
                raise ValueError(f"{damaged} has another checksum")
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
        model, optimizer, steps, past = (
            checkpoint[key] for key in ("model", "optimizer", "iter_num", "history")
        )
    except Exception as e:  # a damaged file makes torch raise many kinds
        print(f"{path} can't be read ({type(e).__name__}): its steps are trained again", file=sys.stderr)
        return None
    state.model.load_state_dict(model)
    state.optimizer.load_state_dict(optimizer)
    state.step = steps
    for name, values in past.items():
        setattr(history, name, values)
    return checkpoint
