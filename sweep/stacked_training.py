"""Train branches in one process, as the slots of a Stack: a slot that ends makes room for the next branch."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

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
    slots, stack, over = [], None, []  # slots[i] is the stack's slot i
    try:
        val_batches = validation_set(dataset, config)
    except Exception as e:
        return books.fail_rest(f"{type(e).__name__}: {first_line(e)}")
    while True:
        started = []
        while len(slots) - len(over) + len(started) < n_slots and not should_stop():
            if not (branch := books.queue.next()):
                break
            books.display.start(branch)
            started += begin(branch, config, dataset, books)
        slots, stack = rearranged(slots, stack, over, started, config, books.means)
        if not slots:
            return
        over = advance(slots, stack, n_slots, config, books, val_batches, should_stop)
        for slot in over:
            slot.lock.release()


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


def rearranged(slots: list[Slot], stack: Stack | None, over: list[Slot], started: list[Slot], config, means):
    """(slots, stack) with those that have started in the place of those that are over, and no place empty."""
    if len(over) == len(slots):
        states = [slot.training.state for slot in started]
        return started, Stack(states, config, means) if started else None
    slots, started = list(slots), list(started)
    for index, slot in enumerate(slots):
        if slot in over and started:
            slots[index] = started.pop(0)
            stack.write(index, slots[index].training.state)
    left = [index for index, slot in enumerate(slots) if slot not in over]
    if len(left) < len(slots):
        stack.keep(left)
    if started:
        stack.append([slot.training.state for slot in started])
    return [slots[index] for index in left] + started, stack


def advance(slots: list[Slot], stack: Stack, n_slots: int, config, books, val_batches, should_stop):
    """Train until a slot ends or a branch can have a free one; returns those that are over."""
    try:
        train_steps(slots, stack, n_slots, config, books, val_batches, should_stop)
    except Exception as e:  # out of memory, say: what all slots do at once fails for all
        for slot in slots:
            if not slot.failed:
                books.end(slot.branch, None, books.store.keep_error(slot.branch.run.id, e))
        return slots
    stop_now = should_stop()
    return [slot for i, slot in enumerate(slots) if is_over(slot, i, stack, val_batches, books, stop_now)]


def train_steps(slots: list[Slot], stack: Stack, n_slots: int, config, books, val_batches, should_stop):
    """Train as far as `advance` does. Numbers stay on the device until some are due."""
    trainings = [slot.training for slot in slots]
    firsts = [training.state.step for training in trainings]
    n_steps = min(len(training.steps_left()) for training in trainings)
    max_pending, pending = trainings[0].recorder.max_pending, []

    def get_batch(step):
        pairs = [training.batch(first + step) for training, first in zip(trainings, firsts)]
        return [np.stack(arrays) for arrays in zip(*pairs)]

    for x, y in prefetch(get_batch, range(n_steps), config.device):
        lrs = [next_lr(slot, books) for slot in slots]
        if any(slot.failed for slot in slots):
            return hand_over(pending, trainings)

        stack.prepare(x, y)
        timer = StepTimer(config.device, runs=len(trainings))
        losses, grad_norms = stack.step(x, y, lrs)
        pending.append((lrs, losses, grad_norms, timer.stop()))
        for training in trainings:
            training.state.step += 1

        stop_now, full = should_stop(), len(pending) == max_pending
        if not (stop_now or full or any(training.flush_due for training in trainings)):
            continue
        hand_over(pending, trainings)
        alive = [flush(slot, index, stack, val_batches, books) for index, slot in enumerate(slots)]
        if stop_now or not all(alive) or (len(slots) < n_slots and books.queue.ready):
            break


def hand_over(pending: list, trainings: list[Training]):
    """Give what is pending to the runs' recorders, all of it fetched from the device at once."""
    if not pending:
        return
    lrs, losses, grad_norms, timers = zip(*pending)
    losses, grad_norms = torch.stack([torch.stack(losses), torch.stack(grad_norms)]).tolist()
    for of_step in zip(lrs, losses, grad_norms, timers):
        *numbers, timer = of_step
        for training, lr, loss, grad_norm in zip(trainings, *numbers):
            training.recorder.add(lr, loss, grad_norm, timer)
    pending.clear()


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


def is_over(slot: Slot, index: int, stack: Stack, val_batches, books: Bookkeeping, stop_now: bool) -> bool:
    """Finish a run that is at its end, checkpoint one that has to stop."""
    if slot.failed:
        return True
    training, record = slot.training, None
    with books.failing_alone(slot.branch):
        training.recorder.flush()
        left = len(training.steps_left())
        if left and not stop_now:
            return False
        stack.read(index, training.state)
        if left:
            training.save_checkpoint()
        else:
            record = training.finish(val_batches)
        books.end(slot.branch, record, None)
    return True
