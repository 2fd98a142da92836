"""Train the runs of a plan: on a CPU side by side, a process for every `threads` cores; on a GPU one after another."""

from __future__ import annotations

import multiprocessing
import os
import signal
import traceback
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from nanosched.config import Config
from schedulers import load_file

from .plan import Run
from .store import run_folder

MOST_WORKERS = 8  # each takes 0.4 GB
HUGE_PAGES = "glibc.malloc.hugetlb=1"  # for new processes: most of a CPU step's page faults go, and a tenth of its time


def execute(runs: list[Run], config: Config, dataset, out: Path, schedule_files: list[str], display, should_stop) -> dict[str, str]:
    """Train each run into its folder of the store. One that raises is left behind, and the others go on.

    Args:
        schedule_files: the user's files that the schedules come from.
        display: told of each run's start, steps and end, as sweep.display.Display.
        should_stop: asked all the time; if true, the runs in training are checkpointed and no other is started.

    Returns:
        run id -> error in one line, for the runs that failed.
    """
    workers = min(len(runs), (os.cpu_count() or 1) // config.threads, MOST_WORKERS) if config.device == "cpu" else 1
    if workers > 1:
        return execute_side_by_side(workers, runs, config, dataset, out, schedule_files, display, should_stop)
    errors = {}
    for run in runs:
        if should_stop():
            break
        display.start(run)
        result, error = train_one(run, config, dataset, out, lambda *step: display.step(run, *step), should_stop)
        display.end(run, result, error)
        if error:
            errors[run.id] = error
    return errors


def train_one(run: Run, config: Config, dataset, out: Path, on_step, should_stop) -> tuple[dict | None, str | None]:
    """(what run.json holds, None if stopped; the error in one line, None if there was none)."""
    from train import train

    folder = run_folder(out, run.id)
    try:
        return train(config, run.schedule, run.seed, dataset, folder, on_step=on_step, should_stop=should_stop), None
    except Exception as e:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "error.txt").write_text(traceback.format_exc())
        return None, f"{type(e).__name__}: {e}".splitlines()[0]


def execute_side_by_side(workers, runs, config, dataset, out, schedule_files, display, should_stop):
    """One process that dies (killed, out of memory) ends its whole pool: what that leaves is trained in new ones."""
    os.environ.setdefault("GLIBC_TUNABLES", HUGE_PAGES)
    errors, groups = {}, [runs]
    while groups and not should_stop():
        group = groups.pop(0)
        started, waiting = train_group(group, min(workers, len(group)), config, dataset, out, schedule_files, errors, display, should_stop)
        if len(group) == 1 and started + waiting:
            errors[group[0].id] = "its process died: out of memory, or killed"
            display.end(group[0], None, errors[group[0].id])
        elif started:  # any of them may be the one that dies, so each is alone now
            groups += [[run] for run in started] + [waiting] * bool(waiting)
        else:
            groups += [[run] for run in waiting]
    return errors


def train_group(runs, workers, config, dataset, out, schedule_files, errors, display, should_stop) -> tuple[list[Run], list[Run]]:
    """Train runs in one pool; returns those that had started and those that waited when the pool broke, if it did."""
    context = multiprocessing.get_context("spawn")  # a fork of a process with threads can hang
    stop, messages = context.Event(), context.Queue()
    unfinished, started, lost = {run.id: run for run in runs}, set(), []
    with ProcessPoolExecutor(workers, context, start_worker, (schedule_files, messages, stop)) as pool:
        futures = {pool.submit(train_in_worker, run, config, dataset, out): run for run in runs}
        try:
            while futures:
                if should_stop() and not stop.is_set():
                    stop.set()
                    futures = {future: run for future, run in futures.items() if not future.cancel()}
                done, _ = wait(futures, timeout=0.1, return_when=FIRST_COMPLETED)
                while not messages.empty():
                    kind, run_id, *rest = messages.get()
                    started.add(run_id)
                    if run_id in unfinished:  # a message can be slower than the run's result
                        getattr(display, kind)(unfinished[run_id], *rest)
                for future in done:
                    run = futures.pop(future)
                    if isinstance(future.exception(), BrokenProcessPool):
                        lost.append(run)
                        continue
                    result, error = future.result()
                    display.end(unfinished.pop(run.id), result, error)
                    if error:
                        errors[run.id] = error
        finally:
            stop.set()
    return [run for run in lost if run.id in started], [run for run in lost if run.id not in started]


def start_worker(schedule_files, messages, stop):
    """What a new process does first; the two last are kept for its runs."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process: the first one decides
    for path in schedule_files:
        load_file(path)
    train_in_worker.messages, train_in_worker.stop = messages, stop


def train_in_worker(run: Run, config: Config, dataset, out: Path):
    messages, stop = train_in_worker.messages, train_in_worker.stop
    messages.put(("start", run.id))
    return train_one(run, config, dataset, out, lambda *step: messages.put(("step", run.id, *step)), stop.is_set)
