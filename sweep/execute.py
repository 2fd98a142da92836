"""Train the branches of a plan: on a CPU side by side, a process for every `threads` cores; on a GPU one after another."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections import Counter
from contextlib import contextmanager, suppress
from multiprocessing.connection import wait
from pathlib import Path

from nanosched.config import Config
from schedulers import load_file

from .plan import Branch
from .queue import Queue
from .store import BranchStates, run_folder, state_path
from .untriggered import take_calm_run

MOST_WORKERS = 8  # each takes 0.4 GB
MESSAGE_S = 0.2  # seconds between two messages of a process on its losses
HUGE_PAGES = "glibc.malloc.hugetlb=1"  # for new processes: most of a CPU step's page faults go, and a tenth of its time
DIED = "its process died twice: out of memory, or killed"


def execute(
    branches: list[Branch],
    config: Config,
    dataset,
    out: Path,
    schedule_files: list[str],
    display,
    should_stop,
    slots: int = 0,
) -> dict[str, str]:
    """Train each branch into its run's folder of the store. One that raises is left behind, and the others go on.

    Args:
        schedule_files: the user's files that the schedules come from.
        display: told of each branch's start, steps and end, as sweep.display.Display.
        should_stop: asked all the time; if true, the runs in training are checkpointed and no other is started.
        slots: how many train together in one process, stacked; 0 for each alone.

    Returns:
        run id -> error in one line, for the runs that failed.
    """
    ended, workers = Ended(branches, config, dataset, out, display), min(len(branches), most_workers(config))
    if slots:
        from .stacked_training import train_together

        train_together(slots, config, dataset, out, ended, should_stop)
    elif workers > 1:
        side_by_side(workers, config, dataset, out, schedule_files, ended, should_stop)
    else:
        one_after_another(config, dataset, out, ended, should_stop)
    return ended.errors


def most_workers(config: Config) -> int:
    """How many processes train side by side."""
    return max(1, min((os.cpu_count() or 1) // config.threads, MOST_WORKERS)) if config.device == "cpu" else 1


class Ended:
    """What follows from a branch's end: others can start, states are no longer needed."""

    def __init__(self, branches, config, dataset, out, display):
        self.queue, self.display, self.out, self.errors = Queue(branches), display, out, {}
        self.paths = {
            b.run.id: state_path(out, b.run, b.start, config, dataset.fingerprint)
            for b in branches
            if b.start
        }
        self.needed = Counter(self.paths.values())

    def __call__(self, branch: Branch, result: dict | None, error: str | None):
        self.display.end(branch, result, error)
        if error:
            self.errors[branch.run.id] = error
        if result or error:
            self.queue.ended(branch.run.id)
        if result and branch.run.id in self.paths:
            path = self.paths[branch.run.id]
            self.needed[path] -= 1
            if not self.needed[path]:
                path.unlink(missing_ok=True)


def one_after_another(config, dataset, out, ended, should_stop):
    queue, display = ended.queue, ended.display
    while not should_stop() and (branch := queue.next()):
        display.start(branch)
        on_step = lambda *step: display.step(branch, *step)
        on_fork = lambda step: queue.forked(branch.run.id, step)
        ended(branch, *train_one(branch, config, dataset, out, on_step, on_fork, should_stop))


def train_one(
    branch: Branch, config: Config, dataset, out: Path, on_step, on_fork, should_stop
) -> tuple[dict | None, str | None]:
    """(what run.json holds, None if stopped; the error in one line, None if there was none)."""
    from train import train

    run, folder = branch.run, run_folder(out, branch.run.id)
    states = BranchStates(out, branch, config, dataset.fingerprint, on_fork)
    try:
        if taken := take_calm_run(run, config, dataset.fingerprint, out):
            return taken, None
        return train(
            config,
            run.schedule,
            run.seed,
            dataset,
            folder,
            on_step=on_step,
            should_stop=should_stop,
            states=states,
        ), None
    except Exception as e:
        return None, keep_error(branch, out, e)


@contextmanager
def failing_alone(branch: Branch, ended: Ended):
    """What is raised within ends this branch, and no other."""
    try:
        yield
    except Exception as e:
        ended(branch, None, keep_error(branch, ended.out, e))


def keep_error(branch: Branch, out: Path, error: Exception) -> str:
    """Write error.txt; returns the error in one line."""
    folder = run_folder(out, branch.run.id)
    with suppress(OSError):  # a full disk takes no message either
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "error.txt").write_text("".join(traceback.format_exception(error)))
    return f"{type(error).__name__}: {error}".splitlines()[0]


def side_by_side(workers, config, dataset, out, schedule_files, ended, should_stop):
    """A branch whose process dies is tried once more, from its last state; the others don't notice."""
    os.environ.setdefault("GLIBC_TUNABLES", HUGE_PAGES)
    context = multiprocessing.get_context("spawn")  # a fork of a process with threads can hang
    queue, display, stop = ended.queue, ended.display, context.Event()
    idle, busy, died_once = [], {}, set()  # pipes to processes; busy: pipe -> branch

    def start_worker():
        pipe, theirs = context.Pipe()
        context.Process(
            target=worker, args=(theirs, stop, schedule_files, config, dataset, out), daemon=True
        ).start()
        theirs.close()  # so that the pipe ends with the process
        idle.append(pipe)

    def on_death(branch):
        if branch.run.id in died_once:
            ended(branch, None, DIED)
        else:
            died_once.add(branch.run.id)
            queue.again(branch)
        start_worker()

    for _ in range(workers):
        start_worker()
    try:
        while True:
            if should_stop():
                stop.set()
            while idle and not stop.is_set() and (branch := queue.next()):
                busy[pipe := idle.pop()] = branch
                display.start(branch)
                with suppress(OSError):  # it is dead, which the next look at the pipe says
                    pipe.send(branch)
            if not busy:
                break
            for pipe in wait(list(busy), timeout=0.1):
                branch = busy[pipe]
                try:
                    kind, *told = pipe.recv()
                except (EOFError, OSError):
                    on_death(busy.pop(pipe))
                    continue
                if kind == "step":
                    display.step(branch, *told)
                elif kind == "fork":
                    queue.forked(branch.run.id, *told)
                else:
                    idle.append(pipe)
                    ended(busy.pop(pipe), *told)
    finally:
        stop.set()
        for pipe in [*idle, *busy]:
            pipe.close()
        for process in multiprocessing.active_children():
            process.join(timeout=5)


def worker(pipe, stop, schedule_files, config, dataset, out):
    """Train one branch after another, as the first process sends them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process: the first one decides
    threading.Thread(target=end_with_parent, daemon=True).start()
    for path in schedule_files:
        load_file(path)
    import train  # noqa: F401  its import takes a second, in which the first branch may still be on its way

    last = [0.0]

    def on_step(done, loss):
        if time.monotonic() - last[0] > MESSAGE_S:
            last[0] = time.monotonic()
            pipe.send(("step", done, loss))

    with suppress(EOFError):  # nothing is left to do
        while True:
            branch = pipe.recv()
            pipe.send(
                (
                    "end",
                    *train_one(
                        branch,
                        config,
                        dataset,
                        out,
                        on_step,
                        lambda step: pipe.send(("fork", step)),
                        stop.is_set,
                    ),
                )
            )


def end_with_parent():
    """At once: a new comparison may be about to write the same files."""
    wait([multiprocessing.parent_process().sentinel])
    os._exit(1)
