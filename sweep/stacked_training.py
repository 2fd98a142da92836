"""Train branches in one process, as the slots of a Stack: a slot that ends makes room for the next branch."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

import numpy as np

from data import prefetch
from nanosched.errors import first_line
from nanosched.locks import lock_run
from nanosched.step_timer import StepTimer
from train import Training, validation_set

from .bookkeeping import Bookkeeping
from .plan import Branch
from .stacked import Stack
from .store import BranchCheckpoints
from .untriggered import take_untriggered_run


@dataclass(eq=False)
class Slot:
    branch: Branch
    training: Training
    lock: object  # of the run's folder
    failed: bool = False


def train_stacked(n_slots: int, config, dataset, books: Bookkeeping, should_stop):
    """Train what is in the queue, at most `n_slots` branches at a time; see sweep.execute.execute."""
    slots = []
    try:
        val_batches = validation_set(dataset, config)
    except Exception as e:
        return books.fail_rest(f"{type(e).__name__}: {first_line(e)}")
    while True:
        while len(slots) < n_slots and not should_stop() and (branch := books.queue.next()):
            books.display.start(branch)
            slots += begin(branch, config, dataset, books)
        if not slots:
            return
        over = advance(slots, n_slots, config, books, val_batches, should_stop)
        for slot in over:
            slot.lock.release()
        slots = [slot for slot in slots if slot not in over]


def begin(branch: Branch, config, dataset, books: Bookkeeping) -> list[Slot]:
    """The branch at its start, in a list; an empty one if it ended at once."""
    run, store = branch.run, books.store
    folder = store.folder(run.id)
    with books.failing_alone(branch), ExitStack() as held:
        lock = held.enter_context(lock_run(folder))
        if record := take_untriggered_run(run, config, dataset.fingerprint, store):
            books.end(branch, record, None)
            return []
        on_branch_point = partial(books.queue.reached, run.id)
        checkpoints = BranchCheckpoints(store, branch, config, dataset.fingerprint, on_branch_point)
        training = Training(config, run.schedule, run.seed, dataset, folder, checkpoints)
        held.pop_all()  # until the slot's end
        return [Slot(branch, training, lock)]
    return []


def advance(slots: list[Slot], n_slots: int, config, books, val_batches, should_stop) -> list[Slot]:
    """Train until a slot ends or a branch can have a free one; returns those that are over."""
    try:
        stack = train_steps(slots, n_slots, config, books, val_batches, should_stop)
    except Exception as e:  # out of memory, say: what all slots do at once fails for all
        for slot in slots:
            if not slot.failed:
                books.end(slot.branch, None, books.store.keep_error(slot.branch.run.id, e))
        return slots
    for index, slot in enumerate(slots):
        stack.read(index, slot.training.state)
    return [slot for slot in slots if is_over(slot, val_batches, books, should_stop())]


def train_steps(slots: list[Slot], n_slots: int, config, books, val_batches, should_stop) -> Stack:
    """Train as far as `advance` does; returns the stack that was trained."""
    trainings = [slot.training for slot in slots]
    firsts = [training.state.step for training in trainings]
    n_steps = min(len(training.steps_left()) for training in trainings)
    stack = Stack([training.state for training in trainings], config)

    def get_batch(step):
        pairs = [training.batch(first + step) for training, first in zip(trainings, firsts)]
        return [np.stack(arrays) for arrays in zip(*pairs)]

    for x, y in prefetch(get_batch, range(n_steps), config.device):
        lrs = [next_lr(slot, books) for slot in slots]
        if any(slot.failed for slot in slots):
            return stack

        timer = StepTimer(config.device, runs=len(trainings))
        losses, grad_norms = stack.step(x, y, lrs)
        timer.stop()
        for training, lr, loss, grad_norm in zip(trainings, lrs, losses, grad_norms):
            training.state.step += 1
            training.recorder.add(lr, loss, grad_norm, timer)

        stop_now = should_stop()
        if not (stop_now or any(training.flush_due for training in trainings)):
            continue
        alive = [flush(slot, index, stack, val_batches, books) for index, slot in enumerate(slots)]
        if stop_now or not all(alive) or (len(slots) < n_slots and books.queue.ready):
            break
    return stack


def next_lr(slot: Slot, books: Bookkeeping) -> float | None:
    """The slot's learning rate of this step; None if its schedule fails, and the slot with it."""
    with books.failing_alone(slot.branch):
        return slot.training.next_lr()
    slot.failed = True


def flush(slot: Slot, index: int, stack: Stack, val_batches, books: Bookkeeping) -> bool:
    """Flush a slot's numbers, validate and checkpoint it where due; False if nothing is left to train."""
    training, recorder = slot.training, slot.training.recorder
    with books.failing_alone(slot.branch):
        finite = recorder.flush()
        books.display.step(slot.branch, recorder.steps, recorder.last_loss)
        if not finite:
            return False
        if training.validation_due or training.checkpoint_due:
            stack.read(index, training.state)
        if training.validation_due:
            training.validate(val_batches)
        if training.checkpoint_due:
            training.save_checkpoint()
        recorder.write_curve()
        return len(training.steps_left()) > 0
    slot.failed = True
    return False


def is_over(slot: Slot, val_batches, books: Bookkeeping, stop_now: bool) -> bool:
    """Finish a run that is at its end, checkpoint one that has to stop."""
    if slot.failed:
        return True
    training, record = slot.training, None
    with books.failing_alone(slot.branch):
        training.recorder.flush()
        if len(training.steps_left()) and not stop_now:
            return False
        if len(training.steps_left()):
            training.save_checkpoint()
        else:
            record = training.finish(val_batches)
        books.end(slot.branch, record, None)
    return True
