"""Checkpoints in nanoGPT's layout, which its own scripts read, with what a run needs to go on."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

import torch

from .files import atomic

NAME = "ckpt.pt"


def save_checkpoint(folder: Path, run_id: str, state, history, config):
    """Write folder/ckpt.pt, whole or not at all; torch.load(weights_only=True) reads it."""
    checkpoint = dict(
        model=state.model.state_dict(),
        optimizer=state.optimizer.state_dict(),
        model_args=state.model.config.to_dict(),
        iter_num=state.step,
        best_val_loss=min((loss for _, loss in history.val), default=float("inf")),
        config=asdict(config),
        run_id=run_id,
        history=asdict(history),
    )
    with atomic(folder / NAME) as path:
        torch.save(checkpoint, path)


def load_checkpoint(folder: Path, run_id: str, state, history):
    """Set state and history to folder's checkpoint if there is one; one that is damaged is left aside with a warning.

    Raises:
        ValueError: the checkpoint is another run's.
    """
    path = folder / NAME
    if not path.exists():
        return
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
        owner = checkpoint["run_id"]
    except Exception as e:  # a damaged file makes torch raise many kinds
        print(f"{path} can't be read ({type(e).__name__}): the run starts again at step 0", file=sys.stderr)
        return
    if owner != run_id:
        raise ValueError(f"{path} belongs to run {owner}, not to {run_id}: give another --out")
    state.model.load_state_dict(checkpoint["model"])
    state.optimizer.load_state_dict(checkpoint["optimizer"])
    state.step = checkpoint["iter_num"]
    for name, values in checkpoint["history"].items():
        setattr(history, name, values)
