"""What the comparison makes of tasks on other machines, with a cluster that is a list."""

import signal

import pytest
from helpers import Silent, is_one_line_error
from helpers_cluster import Listening, plan, untimed

from nanosched.config import Config
from sweep.bookkeeping import Bookkeeping
from sweep.cluster import DIED, Died, train_on_cluster
from sweep.session import Session
from sweep.store import CheckpointPaths, Store
from sweep.task import Ending, run_task
from train import train


@pytest.fixture(autouse=True)
def sigint():
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


class InHere:
    """A cluster that trains its oldest job in this process, when it is asked which have ended."""

    def __init__(self, dies=lambda run_id: False):
        self.jobs, self.endings, self.cancelled, self.dies = {}, {}, [], dies

    def submit(self, tasks):
        jobs = [len(self.jobs) + i for i in range(len(tasks))]
        self.jobs |= dict(zip(jobs, tasks))
        return jobs

    def ended(self, jobs, wait_s):
        task = self.jobs[jobs[0]]
        died = self.dies(task.run_id)
        self.endings[jobs[0]] = Died("killed") if died else run_task(task)
        return jobs[:1]

    def ending(self, job):
        if isinstance(self.endings[job], Exception):
            raise self.endings[job]
        return self.endings[job]

    def cancel(self, job):
        self.cancelled.append(job)


@pytest.fixture
def sweep(tiny, dataset, tmp_path):
    """Trains specs on a cluster; returns (runs, errors)."""
    config, store = Config(**tiny, checkpoint_interval=3), Store(tmp_path / "sweep")

    def sweep(cluster, specs="constant,cosine,wsd", display=None, should_stop=lambda: False):
        runs, branches = plan(config, dataset, specs)
        books = Bookkeeping(branches, config, dataset.fingerprint, store, display or Silent())
        session = Session.begin(store.out)
        train_on_cluster(cluster, session, config, dataset, [], books, should_stop)
        session.end(keep=False)
        return runs, books.errors

    sweep.config, sweep.store = config, store
    return sweep


def test_branches_start_once_the_checkpoint_that_they_need_is_there(sweep, dataset, tmp_path):
    cluster, display = InHere(), Listening()
    runs, errors = sweep(cluster, display=display)
    assert not errors and not list((tmp_path / "sweep").glob("states/*"))
    assert [task.start is not None for task in cluster.jobs.values()] == [False, True, True]
    assert sorted(display.started) == sorted(display.ended) == sorted(run.label for run in runs)
    for run in runs:
        record = train(sweep.config, run.schedule, 0, dataset, tmp_path / run.id)
        assert untimed(sweep.store.folder(run.id) / "curve.csv") == untimed(tmp_path / run.id / "curve.csv")
        assert display.ended[run.label].final_val_loss == record.final_val_loss


def test_a_branch_whose_process_dies_twice_at_the_same_checkpoint_fails_alone(sweep):
    cluster, deaths = InHere(lambda run_id: deaths.append(run_id) or len(deaths) <= 2), []
    runs, errors = sweep(cluster)
    assert errors == {deaths[0]: f"{DIED}: killed"} and deaths[0] == deaths[1]
    assert all(sweep.store.get(run.id) for run in runs if run.id not in errors)


def test_deaths_with_a_checkpoint_between_them_are_no_failure(sweep, dataset):
    """As on machines that are taken away every hour."""
    deaths = []

    def dies(run_id):
        if len(deaths) < 3:
            deaths.append(run_id)
            (run,) = (run for run in plan(sweep.config, dataset, "constant")[0] if run.id == run_id)
            path = CheckpointPaths(sweep.store, run, sweep.config, dataset.fingerprint).at(3 * len(deaths))
            path.parent.mkdir(exist_ok=True, parents=True)
            path.write_text("as if")
            return True

    runs, errors = sweep(InHere(dies), "constant")
    assert len(deaths) == 3 and not errors and sweep.store.get(runs[0].id)


def test_stopping_leaves_checkpoints_and_takes_the_rest_out_of_the_queue(sweep, tmp_path):
    class Slow(InHere):
        """Its first job has started and is in training when the others are still waiting."""

        def ended(self, jobs, wait_s):
            Session(self.jobs[0].session).say(self.jobs[0].run_id)
            return super().ended(jobs, wait_s) if stop else []

    stop, looked = [], []
    cluster, display = Slow(), Listening()

    def should_stop():
        looked.append(1)
        stop.extend([1] * (len(looked) > 2))
        return bool(stop)

    runs, errors = sweep(cluster, "constant,schedule_free", display, should_stop)
    assert not errors and not any(sweep.store.get(run.id) for run in runs)
    assert display.started == ["constant"] and cluster.cancelled == [1]
    assert cluster.endings == {0: Ending()}


def test_tasks_of_a_comparison_that_was_killed_stop_when_the_next_one_begins(tmp_path):
    old = Session.begin(tmp_path)
    task = Session(old.folder)
    assert task.goes_on()
    task.looked = -1
    (stray := tmp_path / "tasks" / ".DS_Store").touch()  # a desktop's, not a session
    new = Session.begin(tmp_path)
    stray.unlink()
    assert not task.goes_on() and Session(new.folder).goes_on()
    new.end(keep=False)
    assert list(tmp_path.iterdir()) == []


def test_what_a_task_says_is_heard(tmp_path):
    session = Session.begin(tmp_path)
    assert not session.started("a") and session.heard("a") is None
    session.say("a")
    assert session.started("a") and session.heard("a") is None
    session.say("a", "5 3.25")
    session.say("a", "6 3.0")  # too soon
    assert session.heard("a") == (5, 3.25)
    session.forget("a")  # its task waits for another machine
    assert not session.started("a")


@pytest.mark.parametrize(
    "args, words",
    [
        (["--executor", "kubernetes"], ["kubernetes", "ray"]),
        (["--executor", "ray", "--protocol", "carry-over"], ["--executor ray", "carry-over"]),
        (["--executor", "slurm", "--replicas", "stacked"], ["--executor slurm", "stacked"]),
        (["--executor", "ray"], ['pip install "nanosched[ray]"']),
        (["--executor", "slurm"], ['pip install "nanosched[slurm]"']),
    ],
)
def test_what_an_executor_cant_do_is_one_line(cli, toml, monkeypatch, args, words):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert is_one_line_error(cli("compare.py", "--config", toml(), *args), *words)


def test_slurm_without_sbatch_is_one_line(cli, toml, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: "there")
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert is_one_line_error(cli("compare.py", "--config", toml(), "--executor", "slurm"), "sbatch")
