"""Tasks on SLURM, by way of submitit: those that can start at one time are one job array."""

from __future__ import annotations

import os
import signal
import time
from contextlib import contextmanager
from pathlib import Path

import submitit

from nanosched.config import Config
from nanosched.errors import FIRST_LINE, shortened
from nanosched.interrupt import unheard_by_children

from .cluster import Died
from .session import Session
from .task import Ending, Task, python_path, run_task

CLUSTER = "slurm"  # submitit's "local" runs the same jobs as processes of this machine
LIMIT_MIN = 240  # of a job; a longer run goes on in the next one. $SBATCH_TIMELIMIT overrides it
REQUEUES = 1000
ASK_S = 60  # seconds between two questions to SLURM; what ends well is seen by its file


class SlurmTask(submitit.helpers.Checkpointable):
    """A task as a job, which is requeued when it is preempted or at its time limit."""

    def __call__(self, task: Task) -> Ending:
        warning, preempted = signal.Signals[f"SIG{submitit.JobEnvironment.USR_SIG}"], []
        requeue = signal.signal(warning, lambda number, frame: preempted.append(number))
        ending = run_task(task, lambda: bool(preempted))
        if preempted and ending.stopped:
            Session(task.session).forget(task.run_id)
            requeue(warning, None)  # and ends this process
        return ending


class SlurmCluster:
    """`with SlurmCluster(config, folder) as cluster:`; a task gets `threads` cores, and perhaps a GPU.

    Args:
        config: of the runs.
        folder: for submitit's scripts and logs, on shared storage.
    """

    def __init__(self, config: Config, folder: Path):
        self.asked = -float("inf")
        requeues = dict(slurm_max_num_timeout=REQUEUES) if CLUSTER == "slurm" else {}
        self.executor = submitit.AutoExecutor(folder, cluster=CLUSTER, **requeues)
        self.executor.update_parameters(
            name="nanosched",
            timeout_min=LIMIT_MIN,
            cpus_per_task=config.threads,
            gpus_per_node=int(config.device == "cuda"),
            slurm_additional_parameters=dict(requeue=True),
        )

    def __enter__(self) -> SlurmCluster:
        return self

    def __exit__(self, *exception): ...

    def submit(self, tasks: list[Task]) -> list[submitit.Job]:
        with unheard_by_children(), environment_of_jobs(), self.executor.batch():
            return [self.executor.submit(SlurmTask(), task) for task in tasks]

    def ended(self, jobs: list[submitit.Job], wait_s: float) -> list[submitit.Job]:
        ask = time.monotonic() - self.asked > ASK_S
        if ask:
            self.asked = time.monotonic()
            jobs[0].done(force_check=True)  # of all jobs, whose states the others then know
        ended = [job for job in jobs if job.done()]
        if not ended:
            time.sleep(wait_s)
        return ended

    def ending(self, job: submitit.Job) -> Ending:
        try:
            return job.result()
        except submitit.core.utils.FailedJobError as e:
            raise RuntimeError(last_line(str(e).rpartition("\n---")[0])) from None
        except submitit.core.utils.UncompletedJobError:
            raise Died(last_line(job.stderr() or "")) from None

    def cancel(self, job: submitit.Job):
        job.cancel(check=False)


@contextmanager
def environment_of_jobs():
    """Nothing of the job that this may be part of, but what sbatch was told, and where the code is."""
    told = {name: value for name, value in os.environ.items() if name.startswith("SBATCH_")}
    with (
        submitit.helpers.clean_env(),
        submitit.helpers.environment_variables(**told, PYTHONPATH=python_path()),
    ):
        yield


def last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return shortened(lines[-1], FIRST_LINE) if lines else ""
