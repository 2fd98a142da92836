"""Train branches side by side on a CPU: a process for every `threads` cores, as far as the memory goes."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import time
from contextlib import contextmanager, suppress
from multiprocessing.connection import wait

from nanosched.config import Config
from nanosched.distributed import processes
from nanosched.errors import FIRST_LINE, first_line, shortened
from nanosched.interrupt import unheard_by_children
from nanosched.limits import training_bytes
from nanosched.memory import free_memory
from schedulers import load_file

from .bookkeeping import Bookkeeping
from .plan import Branch
from .store import Store
from .train_branch import train_branch

WORKER_BYTES = 500_000_000  # torch, a small model and its optimizer
MESSAGE_S = 0.2  # seconds between two messages of a process on its losses
HUGE_PAGES = (
    "glibc.malloc.hugetlb=1"  # for new processes: most of a step's page faults go, and 10% of its time
)
DIED = "its process died twice: out of memory, or killed"


def max_workers(config: Config) -> int:
    """How many processes train side by side: one for every `threads` cores, as far as the memory goes."""
    if config.device != "cpu" or processes() > 1:  # torchrun's share each run
        return 1
    workers, memory = (os.cpu_count() or 1) // config.threads, free_memory()
    if memory is not None:
        workers = min(workers, memory // max(WORKER_BYTES, training_bytes(config)))
    return max(1, workers)


def train_side_by_side(
    n_workers: int, config, dataset, schedule_files: list[str], books: Bookkeeping, should_stop
):
    """Train what is in the queue; a branch whose process dies goes on once more, from its last checkpoint.

    A process that can't start is not started again; where none can, what is left fails.
    """
    os.environ.setdefault("GLIBC_TUNABLES", HUGE_PAGES)
    context = worker_context()
    stop, died_once = context.Event(), set()
    workers = Workers(context, (stop, schedule_files, config, dataset, books.store.out))
    try:
        workers.start(n_workers)
        while True:
            if should_stop():
                stop.set()
            if not stop.is_set():
                if not workers.alive:
                    return books.fail_rest(workers.refusal)
                give_out(workers.alive, books)
            busy = {worker.pipe: worker for worker in workers.alive if worker.branch}
            if not busy and (stop.is_set() or not books.queue.ready):
                break
            for pipe in wait(list(busy), timeout=0.1):
                worker = busy[pipe]
                if hear(worker, books):
                    continue
                workers.bury(worker)
                if worker.ready:
                    after_death(worker, died_once, books)
                    workers.start(1)
                else:
                    books.queue.again(worker.branch)
    finally:
        stop.set()
        for worker in workers.alive:
            worker.pipe.close()
        for process in multiprocessing.active_children():
            process.join(timeout=5)
        for worker in workers.alive:
            worker.relay()


def worker_context():
    """Where the system can: forks of a process that has only imported torch, once for all.

    It has no threads, with which a fork could hang.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["torch"])
    return context


class Workers:
    """The processes that train, as many as could be started."""

    def __init__(self, context, job: tuple):
        self.context, self.job, self.alive = context, job, []
        self.refusal = ""  # why the last one could not start

    def start(self, n: int):
        """Start `n` more, or as many as the system lets."""
        try:
            for _ in range(n):
                self.alive.append(Worker(self.context, self.job))
        except Exception as e:  # no memory, too many processes or files, a job that can't be pickled
            self.refuse(f"{type(e).__name__}: {first_line(e)}")

    def bury(self, worker: Worker):
        """A worker is dead."""
        self.alive.remove(worker)
        if not worker.ready:
            self.refuse(worker.last_words() or "out of memory, or killed")

    def refuse(self, reason: str):
        self.refusal = f"its process can't start: {reason}"


class Worker:
    """A process that trains the branches that are sent to it."""

    def __init__(self, context, job: tuple):
        self.branch = None  # in training
        self.ready = False
        self.stderr, self.relayed = tempfile.NamedTemporaryFile(), 0
        self.pipe, theirs = context.Pipe()
        with unheard_by_children(), stderr_into(self.stderr), without_script():
            context.Process(target=work, args=(theirs, self.stderr.name, *job), daemon=True).start()
        theirs.close()  # so that the pipe ends with the process

    def send(self, branch: Branch):
        self.branch = branch
        try:
            self.pipe.send(branch)
        except OSError:  # it is dead, which `hear` finds out
            pass
        except Exception:  # a schedule that can't be pickled
            self.branch = None
            raise

    def relay(self):
        """Show what the process said on stderr since the last time."""
        print(self.said(self.relayed), end="", file=sys.stderr)
        self.relayed = os.fstat(self.stderr.fileno()).st_size

    def last_words(self) -> str:
        """The last line that it said on stderr: of a traceback, the error."""
        lines = self.said(0).split("\n")
        return shortened(next((line for line in reversed(lines) if line.strip()), ""), FIRST_LINE)

    def said(self, start: int) -> str:
        size = os.fstat(self.stderr.fileno()).st_size
        return os.pread(self.stderr.fileno(), size - start, start).decode(errors="replace")


@contextmanager
def without_script():
    """Processes started within don't run the file of the command again: they need nothing of it."""
    main = sys.modules["__main__"]
    file = main.__dict__.pop("__file__", None)
    try:
        yield
    finally:
        if file is not None:
            main.__file__ = file


@contextmanager
def stderr_into(file):
    """What is written to stderr by processes that are started within goes into a file."""
    sys.stderr.flush()
    kept = os.dup(2)
    os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def give_out(workers: list[Worker], books: Bookkeeping):
    """A branch for each idle worker, as far as there are any."""
    for worker in workers:
        if worker.branch is None and (branch := books.queue.next()):
            books.display.start(branch)
            with books.failing_alone(branch):
                worker.send(branch)


def hear(worker: Worker, books: Bookkeeping) -> bool:
    """Take a message from a worker; False if it is dead."""
    branch = worker.branch
    try:
        kind, *values = worker.pipe.recv()
    except (EOFError, OSError):
        return False
    if kind == "ready":
        worker.ready = True
    elif kind == "step":
        books.display.step(branch, *values)
    elif kind == "branch point":
        books.queue.reached(branch.run.id, *values)
    else:
        worker.relay()
        worker.branch = None
        books.end(branch, *values)
    return True


def after_death(worker: Worker, died_once: set[str], books: Bookkeeping):
    branch = worker.branch
    if branch.run.id in died_once:
        said = worker.last_words()
        books.end(branch, None, f"{DIED}: {said}" if said else DIED)
    else:
        died_once.add(branch.run.id)
        books.queue.again(branch)


def work(pipe, stderr, stop, schedule_files, config, dataset, out):
    """In the new process: train one branch after another, as they come through the pipe."""
    with open(stderr, "ab") as file:
        os.dup2(file.fileno(), 2)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process: the first one decides
    threading.Thread(target=end_with_parent, daemon=True).start()
    for path in schedule_files:
        load_file(path)
    import torch  # noqa: F401  takes a second, in which the first branch may still be on its way

    store, last_message = Store(out, config.average_specs), 0.0

    def on_step(steps, loss):
        nonlocal last_message
        if time.monotonic() - last_message > MESSAGE_S:
            last_message = time.monotonic()
            pipe.send(("step", steps, loss))

    def on_branch_point(step):
        pipe.send(("branch point", step))

    with suppress(EOFError, OSError):  # nothing is left to do, and perhaps nobody to tell
        pipe.send(("ready",))
        while True:
            branch = pipe.recv()
            ending = train_branch(branch, config, dataset, store, on_step, on_branch_point, stop.is_set)
            pipe.send(("end", *ending))


def end_with_parent():
    """At once: a new comparison may be about to write the same files."""
    wait([multiprocessing.parent_process().sentinel])
    os._exit(1)
