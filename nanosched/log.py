"""`--log`: runs where people look, in Weights & Biases, trackio or TensorBoard, step by step.

A process of its own follows the runs' curve.csv (nanosched/log_process.py), so a log is never in a run's
way: not with its time, its network or its errors.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import quote

LOGS = ("wandb", "trackio", "tensorboard")  # each the name of its package, and of its extra
CLOSE_S = 60  # for what is left to send when the command is at its end
HELP = (
    "show the runs there, step by step, as they train; needs the extra nanosched[wandb], nanosched[trackio] "
    "or nanosched[tensorboard]"
)


@dataclass(frozen=True)
class LoggedRun:
    """A run as its log knows it."""

    run_id: str
    name: str
    folder: str  # of its curve.csv and run.json
    config: dict  # what it is made from

    @classmethod
    def of(cls, run_id: str, label: str, schedule, seed: int, config, folder: Path) -> LoggedRun:
        """The run with this schedule, as the user spelled it, and this seed."""
        label = quote(label, safe=":=,[]")
        label = label if len(label) <= 100 else f"{label[:97]}..."
        steps, peak_lr = schedule.steps, schedule.peak_lr
        name = f"{label}-lr{peak_lr:g}-steps{steps}-seed{seed}-{run_id[:8]}"
        made_from = asdict(config) | dict(
            run_id=run_id, schedule=schedule.spec, seed=seed, peak_lr=peak_lr, steps=steps
        )
        return cls(run_id, name, str(folder.resolve()), made_from)


class Log:
    """What a command without --log has: nothing is logged."""

    def follow(self, runs: Iterable[LoggedRun]):
        """Log these runs from here on, whoever trains them; those that are logged already are passed over."""

    def __enter__(self):
        return self

    def __exit__(self, *exception): ...


class ProcessLog(Log):
    """A log that another process writes; at the end it has what was trained, or a warning says why not.

    Args:
        tool: one of LOGS.
        out: the folder of the runs; its subfolder of this name keeps what the log needs, and how far it is.

    Raises:
        ValueError: the package is missing, or it refuses to start: no login, no network.
    """

    def __init__(self, tool: str, out: Path):
        check_log(tool)
        folder = out / tool
        folder.mkdir(parents=True, exist_ok=True)
        path = os.pathsep.join(filter(None, [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH")]))
        with open(folder / "messages.txt", "w") as messages:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "nanosched.log_process", tool, str(out)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=messages,
                text=True,
                env=os.environ | dict(PYTHONPATH=path),
                start_new_session=True,  # Ctrl-C is for this process; the log ends with its standard input
            )
        ready, _, words = self.process.stdout.readline().strip().partition(" ")
        if ready != "ready":
            self.process.communicate()
            raise ValueError(f"--log {tool} can't start: {words or f'see {messages.name}'}")
        print(f"logged: {words}")

    def follow(self, runs: Iterable[LoggedRun]):
        with suppress(OSError):  # the process has died, which is said at the end
            for run in runs:
                self.process.stdin.write(json.dumps(asdict(run)) + "\n")
            self.process.stdin.flush()

    def __exit__(self, *exception):
        try:
            words, _ = self.process.communicate(timeout=CLOSE_S)
            doubt = words.strip() or "its process died" * (self.process.returncode != 0)
        except subprocess.TimeoutExpired:
            self.process.kill()
            doubt = f"it was still sending after {CLOSE_S} s"
        except (OSError, ValueError) as e:
            doubt = str(e)
        if doubt:
            print(f"warning: the log is not complete: {doubt}; no run is affected", file=sys.stderr)


def check_log(tool: str | None):
    """ValueError where the package of a log that is asked for is missing."""
    if tool and importlib.util.find_spec(tool) is None:
        raise ValueError(
            f'--log {tool} needs a package that is not installed: pip install "nanosched[{tool}]"'
        )


def open_log(tool: str | None, out: Path) -> Log:
    """`with open_log("wandb", out) as log:` the log that is asked for; raises as `ProcessLog`.

    Args:
        tool: one of LOGS, or None.
        out: the folder of the runs.
    """
    return ProcessLog(tool, out) if tool else Log()
