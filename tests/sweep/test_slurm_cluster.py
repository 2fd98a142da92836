"""A sweep by way of submitit, whose local executor runs the jobs that SLURM would as processes."""

import os
import signal

import pytest
from helpers import ROOT
from helpers_cluster import Listening, plan, untimed, write_dying

from nanosched.config import Config
from sweep.cluster import Died
from sweep.execute import execute
from sweep.plan import plan_branches
from sweep.store import Store
from train import train

submitit = pytest.importorskip("submitit")


@pytest.fixture
def local(monkeypatch):
    from sweep import slurm_cluster

    monkeypatch.setattr(slurm_cluster, "CLUSTER", "local")
    monkeypatch.setattr(submitit.Job, "_results_timeout_s", 0)  # nothing is late on this disk


def is_the_run_alone(run, config, dataset, store, folder):
    train(config, run.schedule, 0, dataset, folder / run.id)
    return untimed(store.folder(run.id) / "curve.csv") == untimed(folder / run.id / "curve.csv")


def test_a_killed_job_costs_a_branch_one_try_and_no_number(tiny, dataset, tmp_path, capfd, local):
    config, store, display = Config(**tiny, checkpoint_interval=3), Store(tmp_path / "sweep"), Listening()
    mine = write_dying(tmp_path)
    runs, _ = plan(config, dataset, f"{mine},constant")
    runs = [run for run in runs if run.schedule.name != "dies_twice"]
    branches = plan_branches(runs, config)
    errors = execute(branches, config, dataset, store, [mine], display, lambda: False, executor="slurm")
    assert errors == {} and capfd.readouterr().err == ""
    assert (tmp_path / "dies_once").read_text() == "xx" and len(display.ended) == len(runs) == 2
    assert all(is_the_run_alone(run, config, dataset, store, tmp_path) for run in runs)


def test_a_preempted_job_is_checkpointed_and_requeued(tiny, dataset, tmp_path, monkeypatch, local):
    """Its own process says so; SLURM would signal the same."""
    from sweep import slurm_cluster

    jobs, log, config = [], [], Config(**{**tiny, "steps": 1000, "checkpoint_interval": 5000})
    store = Store(tmp_path / "sweep")
    runs, branches = plan(config, dataset, "constant")

    class Kept(slurm_cluster.SlurmCluster):
        def submit(self, tasks):
            jobs.extend(super().submit(tasks))
            return jobs

    class Preempting(Listening):
        def step(self, branch, steps, loss):
            if not self.heard:
                children = subprocess_of(jobs[0])
                os.kill(children[0], signal.SIGUSR2)
            super().step(branch, steps, loss)

        def end(self, branch, record, error):
            log.append(jobs[0].stdout())

    monkeypatch.setattr(slurm_cluster, "SlurmCluster", Kept)
    errors = execute(branches, config, dataset, store, [], Preempting(), lambda: False, executor="slurm")
    assert not errors and len(jobs) == 1
    assert log[0].count("Starting with") == 2 and "Requeued job" in log[0]
    assert is_the_run_alone(runs[0], config, dataset, store, tmp_path)


def subprocess_of(job):
    """The processes that the job's controller started."""
    path = f"/proc/{job.job_id}/task/{job.job_id}/children"
    with open(path) as file:
        return [int(pid) for pid in file.read().split()]


@pytest.fixture
def sbatch(tmp_path, monkeypatch):
    """The script that sbatch was given last, and the environment it was given it in."""
    folder, script, env = tmp_path / "bin", tmp_path / "script", tmp_path / "env"
    folder.mkdir()
    commands = {
        "sbatch": f'cp "$1" {script}; env > {env}; echo Submitted batch job 7',
        "srun": "exit 1",
        "sacct": "echo 'JobID|State|NodeList'; echo '7_0|RUNNING|a'; echo '7_1|NODE_FAIL|b'",
    }
    for name, does in commands.items():
        (folder / name).write_text(f"#!/bin/sh\n{does}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return lambda: (script.read_text(), env.read_text())


def test_what_can_start_is_one_array_of_jobs_with_the_share_that_each_needs(
    tiny, tmp_path, monkeypatch, sbatch
):
    from sweep.slurm_cluster import SlurmCluster

    monkeypatch.setenv("SBATCH_PARTITION", "gpu")
    monkeypatch.setenv("SLURM_JOB_ID", "3")  # the command may be in a job too
    monkeypatch.setattr(submitit.Job, "_results_timeout_s", 0)
    config = Config(**{**tiny, "threads": 3, "device": "cuda"})
    cluster = SlurmCluster(config, tmp_path / "slurm")
    jobs = cluster.submit(["a task", "another"])
    script, env = sbatch()
    for option in ("array=0-1%2", "cpus-per-task=3", "gpus-per-node=1", "requeue", "time=240"):
        assert f"#SBATCH --{option}\n" in script
    assert "SBATCH_PARTITION=gpu\n" in env and "SLURM_JOB_ID" not in env
    assert f"PYTHONPATH={ROOT}" in env and [job.job_id for job in jobs] == ["7_0", "7_1"]
    assert cluster.ended(jobs, 0) == jobs[1:]
    with pytest.raises(Died):
        cluster.ending(jobs[1])
