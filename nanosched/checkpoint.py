"""Checkpoints in nanoGPT's layout, which its own scripts read, with what a run needs to go on."""

from __future__ import annotations

import sys
import zipfile
from dataclasses import asdict
from pathlib import Path

from .files import atomic

NAME = "ckpt.pt"
AGAIN = "its steps are trained again"


class OneCheckpoint:
    """folder/ckpt.pt: the only checkpoint of a run that is trained on its own.

    Args:
        folder: of the run.
        keep_last: leave the checkpoint at the end there.
    """

    branch_points = ()  # numbers of steps after which a checkpoint is kept for other runs
    tails = ()  # Tails that other runs need in their checkpoints

    def __init__(self, folder: Path, keep_last: bool):
        self.file, self.keep_last = folder / NAME, keep_last

    def candidates(self) -> list[tuple[int | None, Path]]:
        """(steps that the name states, path) of where the run can start, the best first."""
        return [(None, self.file)] if self.file.exists() else []

    def path(self, step: int) -> Path:
        """Where the checkpoint after `step` steps goes."""
        return self.file

    def saved(self, step: int):
        """The checkpoint after `step` steps is at its path."""

    def finished(self):
        """The run has ended."""
        if not self.keep_last:
            self.file.unlink(missing_ok=True)


def save_checkpoint(path: Path, run_id: str, trained_from: int, state, history, config, fingerprint=None):
    """Write a checkpoint, whole or not at all; torch.load(weights_only=True) reads it.

    Args:
        path: the file.
        run_id: of the run that was trained to here.
        trained_from: number of steps that it took over from another run.
        state: a train.State.
        history: a History of the same steps.
        config: the run's Config.
        fingerprint: of the data; default unknown: then it is of use to this run alone.

    Raises:
        OSError: the disk doesn't take it.
    """
    import torch

    checkpoint = dict(
        model=state.model.state_dict(),
        optimizer=state.optimizer.state_dict(),
        optimizer_name=state.optimizer.name,
        model_args=state.model.config.to_dict(),
        iter_num=state.step,
        best_val_loss=min((loss for _, loss in history.val), default=float("inf")),
        config=asdict(config),
        run_id=run_id,
        trained_from=trained_from,
        seed=state.seed,
        data_fingerprint=fingerprint,
        history=asdict(history),
        averages={mean.name: tensors for mean, tensors in state.means.items()},
    )
    with atomic(path) as temporary:
        try:
            torch.save(checkpoint, temporary)
        except RuntimeError as e:  # torch says "enforce fail at inline_container"
            raise OSError(f"{path} can't be written: is the disk full?") from e


def read_checkpoint(path: Path) -> dict | None:
    """What a checkpoint holds; None, and a warning on stderr, if it is damaged.

    Args:
        path: the file.
    """
    import torch

    try:
        with zipfile.ZipFile(path) as file:  # torch doesn't look at the checksums
            if damaged := file.testzip():
                raise ValueError(f"{damaged} has another checksum")
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
        if not isinstance(checkpoint, dict):
            raise TypeError
        return checkpoint
    except Exception as e:  # a damaged file makes torch raise many kinds
        print(f"{path} can't be read ({type(e).__name__}): {AGAIN}", file=sys.stderr)
        return None


def names_of_means(path: Path) -> set[str]:
    """Of the means of the weights that a checkpoint holds; none of a damaged one. No weights are read."""
    import torch

    try:
        return set(torch.load(path, map_location="cpu", weights_only=True, mmap=True)["averages"])
    except Exception:  # as in read_checkpoint, which says so
        return set()


def fits(checkpoint: dict, state) -> bool:
    """Whether a checkpoint's weights, moments and means have the shapes of `state`, a train.State."""
    try:
        model, optimizer = checkpoint["model"], checkpoint["optimizer"]
        groups = [len(group["params"]) for group in state.optimizer.param_groups]
        parameters = [p for group in state.optimizer.param_groups for p in group["params"]]
        moments = optimizer["state"]
        return (
            shapes(model) == shapes(state.model.state_dict())
            and [len(group["params"]) for group in optimizer["param_groups"]] == groups
            and len(moments) == (len(parameters) if checkpoint["iter_num"] else 0)
            and all(
                moments[index][name].shape == parameters[index].shape
                for index in moments
                for name in state.optimizer.moments
            )
            and all(
                [tensor.shape for tensor in saved] == [p.shape for p in state.model.parameters()]
                for _, saved in shared_means(checkpoint, state)
            )
        )
    except Exception:  # whatever a file from elsewhere holds
        return False


def shapes(weights: dict) -> dict:
    return {name: tensor.shape for name, tensor in weights.items()}


def shared_means(checkpoint: dict, state) -> list[tuple[list, list]]:
    """(the state's tensors, the checkpoint's) of each mean that both have."""
    saved = checkpoint.get("averages", {})
    return [(tensors, saved[mean.name]) for mean, tensors in state.means.items() if mean.name in saved]


def restore(checkpoint: dict, state, history):
    """Set `state` and `history` to those of a checkpoint that fits."""
    state.model.load_state_dict(checkpoint["model"])
    state.optimizer.load_state_dict(checkpoint["optimizer"])
    state.step = checkpoint["iter_num"]
    for tensors, saved in shared_means(checkpoint, state):
        for tensor, value in zip(tensors, saved):
            tensor.copy_(value)
    for name, values in checkpoint["history"].items():
        setattr(history, name, values)
