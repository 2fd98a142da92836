"""Where the branches of a plan are trained: on this machine, on a Ray cluster, or as SLURM's jobs."""

from __future__ import annotations

import importlib.util
import shutil

from nanosched.distributed import processes

EXECUTORS = {"local": None, "ray": "ray", "slurm": "submitit"}  # name -> the package of its extra


def check_executor(name: str, protocol: str = "fresh", replicas: str = "auto"):
    """Refuse, before anything is trained, what an executor can't do or what it needs and isn't there.

    Args:
        name: one of EXECUTORS.
        protocol: fresh or carry-over.
        replicas: as in nanosched.config.Config.

    Raises:
        ValueError: one line that says what to do instead.
    """
    if name == "local":
        return
    if processes() > 1:
        raise ValueError(
            f"--executor {name} is not allowed under torchrun, whose processes share each run: leave it out"
        )
    if protocol == "carry-over":
        raise ValueError(
            f"--executor {name} is not allowed with --protocol carry-over, whose runs go on from one "
            "another: leave it out"
        )
    if replicas == "stacked":
        raise ValueError(
            f"--executor {name} is not allowed with --replicas stacked, which trains the runs in one "
            "process: leave one of them out"
        )
    if importlib.util.find_spec(EXECUTORS[name]) is None:
        raise ValueError(
            f'--executor {name} needs a package that is not installed: pip install "nanosched[{name}]"'
        )
    if name == "slurm" and shutil.which("sbatch") is None:
        raise ValueError("--executor slurm needs sbatch, which isn't here: start it where jobs are submitted")
