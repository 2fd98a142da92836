"""Tasks on Ray: on the cluster that runs, or on a Ray of this machine alone."""

from __future__ import annotations

import os
import sys

import ray
from ray.exceptions import RayError, RaySystemError, RayTaskError

from nanosched.config import Config
from nanosched.errors import first_line
from nanosched.interrupt import unheard_by_children
from nanosched.limits import training_bytes

from .cluster import Died
from .task import Ending, Task, python_path, run_task
from .workers import WORKER_BYTES


class RayCluster:
    """`with RayCluster(config) as cluster:`; a task gets `threads` cores, and memory or a whole GPU.

    Ray itself tries no task again, and keeps nothing of a run: checkpoints and results are files.
    """

    def __init__(self, config: Config):
        self.ours = not ray.is_initialized()
        if self.ours:
            connect()
        share = task_share(config)
        self.function = ray.remote(run_task).options(max_retries=0, **share)
        warn_of_no_room(share)

    def __enter__(self) -> RayCluster:
        return self

    def __exit__(self, *exception):
        if self.ours:
            ray.shutdown()

    def submit(self, tasks: list[Task]) -> list[ray.ObjectRef]:
        return [self.function.remote(task) for task in tasks]

    def ended(self, jobs: list[ray.ObjectRef], wait_s: float) -> list[ray.ObjectRef]:
        if ray.wait(jobs, num_returns=1, timeout=wait_s)[0]:
            return ray.wait(jobs, num_returns=len(jobs), timeout=0)[0]
        return []

    def ending(self, job: ray.ObjectRef) -> Ending:
        try:
            return ray.get(job)
        except RayTaskError as e:
            raise e.cause from None
        except RaySystemError:  # it can't be unpickled there: other code, or none
            raise
        except RayError as e:
            raise Died(first_line(e)) from None

    def cancel(self, job: ray.ObjectRef):
        ray.cancel(job)


def connect():
    """To $RAY_ADDRESS, else to the cluster that this machine is part of, else start a Ray here."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # a benchmark reports to nobody
    with unheard_by_children():
        ray.init(
            runtime_env=dict(env_vars=dict(PYTHONPATH=python_path())),
            include_dashboard=None if os.environ.get("RAY_ADDRESS") else False,
            logging_level="error",
            log_to_driver=False,  # a task's ending has what it said
        )


def task_share(config: Config) -> dict:
    """What of a machine one task takes, as options of a Ray task."""
    share = dict(num_cpus=config.threads)
    if config.device == "cuda":
        return share | dict(num_gpus=1)
    return share | dict(memory=max(WORKER_BYTES, training_bytes(config)))


def warn_of_no_room(share: dict):
    """A line where no machine is large enough now: a cluster that grows may get one."""
    names = dict(num_cpus="CPU", num_gpus="GPU", memory="memory")
    machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    if not any(all(m.get(names[key], 0) >= need for key, need in share.items()) for m in machines):
        needs = ", ".join(f"{names[key]}: {need:,}" for key, need in share.items())
        print(f"no machine of the Ray cluster has room for one run ({needs}): they wait", file=sys.stderr)
