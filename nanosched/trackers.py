"""The packages that `--log` knows, each behind the same three calls."""

from __future__ import annotations

import contextvars
import json
import os
from pathlib import Path
from typing import Protocol

from .errors import first_line
from .log import LoggedRun

PROJECT = "nanosched"


class Tracked(Protocol):
    """One run in a log."""

    def log(self, step: int, metrics: dict[str, float]):
        """The numbers of a step, counted from 0; steps come in order."""

    def end(self, step: int, metrics: dict[str, float]):
        """The final losses, after the last step."""

    def close(self, complete: bool): ...


class Tracker(Protocol):
    """A log that has been reached; made with the folder of the runs, it raises where that is impossible."""

    where: str  # people find it, in one line

    def open(self, run: LoggedRun, logged: int) -> Tracked:
        """The run's log, begun or gone on with after so many steps."""


class Wandb:
    """Weights & Biases: a run's id there is its id here."""

    def __init__(self, out: Path):
        import wandb

        settings = wandb.setup().settings
        if settings.mode == "online":
            self.log_in()
        self.out, self.project = out, settings.project or PROJECT
        self.where = f"project {self.project} of wandb"
        if settings.mode == "offline":
            self.where = f"offline, `wandb sync {out}/wandb/offline-run-*` uploads it"

    def log_in(self):
        """ValueError where nobody is logged in, or wandb can't be reached or refuses the key."""
        import wandb

        try:
            fault = "" if wandb.login(prompt=False) else "nobody is logged in, `wandb login` does that"
        except wandb.errors.Error as e:
            fault = first_line(e)
        if fault:
            raise ValueError(f"{fault}; WANDB_MODE=offline does without")

    def open(self, run: LoggedRun, logged: int) -> WandbRun:
        import wandb

        return WandbRun(
            wandb.init(
                project=self.project,
                group=str(self.out),
                id=run.run_id,
                name=run.name,
                config=run.config,
                dir=self.out,
                resume="allow",
                reinit="create_new",  # several at a time
            )
        )


class WandbRun:
    def __init__(self, run):
        self.run = run

    def log(self, step: int, metrics: dict[str, float]):
        self.run.log(metrics, step=step)

    def end(self, step: int, metrics: dict[str, float]):
        self.run.summary.update(metrics)

    def close(self, complete: bool):
        self.run.finish(exit_code=0 if complete else 1)


class Trackio:
    """trackio, which keeps its runs on this machine, or in the space that $TRACKIO_SPACE_ID names."""

    def __init__(self, out: Path):
        import trackio  # noqa: F401  it can be

        space = os.environ.get("TRACKIO_SPACE_ID")
        self.out, self.where = out, space or f"`trackio show --project {PROJECT}` shows it"

    def open(self, run: LoggedRun, logged: int) -> TrackioRun:
        import trackio

        # trackio ends the run that is current in its context: each has a context of its own
        return TrackioRun(
            contextvars.Context().run(
                trackio.init,
                project=PROJECT,
                name=run.name,
                group=str(self.out),
                config=run.config,
                resume="allow",
                auto_log_cpu=False,
            )
        )


class TrackioRun:
    def __init__(self, run):
        self.run = run

    def log(self, step: int, metrics: dict[str, float]):
        self.run.log(metrics, step=step)

    end = log

    def close(self, complete: bool):
        self.run.finish()


class TensorBoard:
    """TensorBoard's event files, a folder for each run."""

    def __init__(self, out: Path):
        self.folder = out / "tensorboard"
        self.where = f"`tensorboard --logdir {self.folder}` shows it"

    def open(self, run: LoggedRun, logged: int) -> TensorBoardRun:
        from torch.utils.tensorboard import SummaryWriter

        writer = SummaryWriter(self.folder / run.name, purge_step=logged or None)
        if not logged:
            writer.add_text("config", f"```\n{json.dumps(run.config, indent=1)}\n```")
        return TensorBoardRun(writer)


class TensorBoardRun:
    def __init__(self, writer):
        self.writer = writer

    def log(self, step: int, metrics: dict[str, float]):
        for tag, value in metrics.items():
            self.writer.add_scalar(tag, value, step)

    end = log

    def close(self, complete: bool):
        self.writer.close()


TRACKERS = dict(wandb=Wandb, trackio=Trackio, tensorboard=TensorBoard)
