"""A sweep on a real Ray cluster of this machine: two workers, one of them killed, and Ctrl-C."""

import os
import signal
import subprocess
import sys
import time

import pytest
from helpers import ROOT, write_toml
from helpers_cluster import Listening, plan, untimed, write_dying

from nanosched.config import Config
from sweep.cluster import DIED
from sweep.execute import execute
from sweep.store import Store
from train import train

ray = pytest.importorskip("ray")


@pytest.fixture(scope="module")
def cluster(session_cache):
    """Started once: it takes seconds."""
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    context = ray.init(
        address="local",
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="error",
        runtime_env=dict(env_vars=dict(PYTHONPATH=path)),
    )
    yield context.address_info["address"]
    ray.shutdown()


def test_a_killed_worker_costs_a_branch_one_try_and_no_number(tiny, dataset, tmp_path, cluster):
    config, store, display = Config(**tiny, checkpoint_interval=3), Store(tmp_path / "sweep"), Listening()
    mine = write_dying(tmp_path)
    runs, branches = plan(config, dataset, f"{mine},constant,wsd")
    assert sum(branch.parent is not None for branch in branches) == 2
    errors = execute(branches, config, dataset, store, [mine], display, lambda: False, executor="ray")
    (failed,) = (run for run in runs if run.schedule.name == "dies_twice")
    assert list(errors) == [failed.id] and errors[failed.id].startswith(DIED)
    assert "\n" not in errors[failed.id]
    assert (tmp_path / "dies_once").read_text() == "xx" and len(display.ended) == 4
    for run in runs:
        if run is not failed:
            record = train(config, run.schedule, 0, dataset, tmp_path / run.id)
            assert untimed(store.folder(run.id) / "curve.csv") == untimed(tmp_path / run.id / "curve.csv")
            assert display.ended[run.label].final_val_loss == record.final_val_loss


def test_the_files_are_those_of_this_machine_alone(cli, toml, tmp_path, cluster, no_figures):
    path = toml(schedulers=["wsd", "constant", "plateau"], seeds=[0, 1])
    assert cli("compare.py", "--config", path, "--out", "here").code == 0
    done = cli("compare.py", "--config", path, "--out", "there", "--executor", "ray")
    assert (done.code, done.err) == (0, ""), done.out
    names = [path.name for path in (tmp_path / "here").glob("*.csv")]
    assert {"runs.csv", "curves.csv", "summary.csv"} <= set(names)
    for name in names:
        assert untimed(tmp_path / "there" / name) == untimed(tmp_path / "here" / name), name
    assert not (tmp_path / "there" / "tasks").exists() and not (tmp_path / "there" / "states").exists()


def test_ctrl_c_leaves_a_checkpoint(tiny, tmp_path, cluster):
    toml = write_toml(tmp_path, **{**tiny, "steps": 2000}, schedulers=["constant"])
    running = subprocess.Popen(
        [sys.executable, ROOT / "compare.py", "--config", toml, "--executor", "ray", "--no-probe"],
        cwd=tmp_path,
        env={**os.environ, "RAY_ADDRESS": cluster},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    out, end = tmp_path / "results" / "tiny", time.monotonic() + 60
    while not list(out.glob("runs/*/curve.csv")) and time.monotonic() < end:
        time.sleep(0.1)
    running.send_signal(signal.SIGINT)
    said, err = running.communicate(timeout=60)
    assert running.returncode == 130 and "Stopped." in said and err == ""
    assert list(out.glob("states/*.pt")) and not list(out.glob("runs/*/run.json"))
