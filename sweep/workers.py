"""Train branches side by side on a CPU: a process for every `threads` cores, as far as the memory goes."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from contextlib import suppress
from multiprocessing.connection import wait

from nanosched.config import Config
from nanosched.memory import free_memory
from schedulers import load_file

from .bookkeeping import Bookkeeping
from .plan import Branch
from .store import Store
from .train_branch import train_branch

WORKER_BYTES = 500_000_000  # torch, the model and its optimizer
MESSAGE_S = 0.2  # seconds between two messages of a process on its losses
HUGE_PAGES = (
    "glibc.malloc.hugetlb=1"  # for new processes: most of a step's page faults go, and 10% of its time
)
DIED = "its process died twice: out of memory, or killed"


def max_workers(config: Config) -> int:
    """How many processes train side by side: one for every `threads` cores, as far as the memory goes."""
    if config.device != "cpu":
        return 1
    workers, memory = (os.cpu_count() or 1) // config.threads, free_memory()
    if memory is not None:
        workers = min(workers, memory // WORKER_BYTES)
    return max(1, workers)


def train_side_by_side(
    n_workers: int, config, dataset, schedule_files: list[str], books: Bookkeeping, should_stop
):
    """Train what is in the queue; a branch whose process dies goes on once more, from its last checkpoint."""
    os.environ.setdefault("GLIBC_TUNABLES", HUGE_PAGES)
    context = multiprocessing.get_context("spawn")  # a fork of a process with threads can hang
    stop, died_once = context.Event(), set()
    job = (stop, schedule_files, config, dataset, books.store.out)
    workers = [Worker(context, job) for _ in range(n_workers)]
    try:
        while True:
            if should_stop():
                stop.set()
            if not stop.is_set():
                give_out(workers, books)
            busy = {worker.pipe: worker for worker in workers if worker.branch}
            if not busy:
                break
            for pipe in wait(list(busy), timeout=0.1):
                if not hear(busy[pipe], books):
                    after_death(busy[pipe].branch, died_once, books)
                    workers[workers.index(busy[pipe])] = Worker(context, job)
    finally:
        stop.set()
        for worker in workers:
            worker.pipe.close()
        for process in multiprocessing.active_children():
            process.join(timeout=5)


class Worker:
    """A process that trains the branches that are sent to it."""

    def __init__(self, context, job: tuple):
        self.pipe, theirs = context.Pipe()
        self.branch = None  # in training
        context.Process(target=work, args=(theirs, *job), daemon=True).start()
        theirs.close()  # so that the pipe ends with the process

    def send(self, branch: Branch):
        self.branch = branch
        with suppress(OSError):  # it is dead, which `hear` finds out
            self.pipe.send(branch)


def give_out(workers: list[Worker], books: Bookkeeping):
    """A branch for each idle worker, as far as there are any."""
    for worker in workers:
        if worker.branch is None and (branch := books.queue.next()):
            books.display.start(branch)
            worker.send(branch)


def hear(worker: Worker, books: Bookkeeping) -> bool:
    """Take a message from a worker; False if it is dead."""
    branch = worker.branch
    try:
        kind, *values = worker.pipe.recv()
    except (EOFError, OSError):
        return False
    if kind == "step":
        books.display.step(branch, *values)
    elif kind == "branch point":
        books.queue.reached(branch.run.id, *values)
    else:
        worker.branch = None
        books.end(branch, *values)
    return True


def after_death(branch: Branch, died_once: set[str], books: Bookkeeping):
    if branch.run.id in died_once:
        books.end(branch, None, DIED)
    else:
        died_once.add(branch.run.id)
        books.queue.again(branch)


def work(pipe, stop, schedule_files, config, dataset, out):
    """In the new process: train one branch after another, as they come through the pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process: the first one decides
    threading.Thread(target=end_with_parent, daemon=True).start()
    for path in schedule_files:
        load_file(path)
    import torch  # noqa: F401  takes a second, in which the first branch may still be on its way

    store, last_message = Store(out), 0.0

    def on_step(steps, loss):
        nonlocal last_message
        if time.monotonic() - last_message > MESSAGE_S:
            last_message = time.monotonic()
            pipe.send(("step", steps, loss))

    def on_branch_point(step):
        pipe.send(("branch point", step))

    with suppress(EOFError):  # nothing is left to do
        while True:
            branch = pipe.recv()
            ending = train_branch(branch, config, dataset, store, on_step, on_branch_point, stop.is_set)
            pipe.send(("end", *ending))


def end_with_parent():
    """At once: a new comparison may be about to write the same files."""
    wait([multiprocessing.parent_process().sentinel])
    os._exit(1)
