"""Train branches in one process, several at a time as the slots of a Stack; a slot that ends goes to the next branch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from data import prefetch, validation_batches
from sweep.execute import failing_alone
from sweep.plan import Branch
from sweep.stacked import Stack
from sweep.store import BranchStates, run_folder
from sweep.untriggered import take_calm_run
from train import Training, moment, on_device, since


@dataclass
class Slot:
    branch: Branch
    training: Training


def train_together(slots: int, config, dataset, out, ended, should_stop):
    """Train the branches of `ended.queue`, at most `slots` of them at a time; see sweep.execute.execute."""
    val_batches = on_device(
        validation_batches(dataset.val, config.eval_batches, config.batch_size, config.block_size), config
    )
    active = []
    while True:
        while len(active) < slots and not should_stop() and (branch := ended.queue.next()):
            ended.display.start(branch)
            active += begin(branch, config, dataset, out, ended)
        if not active:
            return
        active = advance(active, slots, config, val_batches, ended, should_stop)


def begin(branch: Branch, config, dataset, out, ended) -> list[Slot]:
    """The branch at its start, in a list; an empty one if it ended at once."""
    with failing_alone(branch, ended):
        if taken := take_calm_run(branch.run, config, dataset.fingerprint, out):
            ended(branch, taken, None)
            return []
        folder = run_folder(out, branch.run.id)
        folder.mkdir(parents=True, exist_ok=True)
        states = BranchStates(
            out, branch, config, dataset.fingerprint, lambda step: ended.queue.forked(branch.run.id, step)
        )
        return [Slot(branch, Training(config, branch.run.schedule, branch.run.seed, dataset, folder, states))]
    return []


def advance(active: list[Slot], slots: int, config, val_batches, ended, should_stop) -> list[Slot]:
    """Train until a slot ends or a branch can have a free one; returns those that go on."""
    trainings = [slot.training for slot in active]
    firsts = [training.state.step for training in trainings]
    n_steps = min(len(training.steps_left()) for training in trainings)
    stack = Stack([training.state for training in trainings], config)

    def get_batch(step):
        pairs = [training.batch(first + step) for training, first in zip(trainings, firsts)]
        return [np.stack(arrays) for arrays in zip(*pairs)]

    for x, y in prefetch(get_batch, range(n_steps), config.device):
        lrs = [training.next_lr() for training in trainings]
        start = moment(config.device)
        losses, grad_norms = stack.step(x, y, lrs)
        share = partial(share_of, since(start, config.device), len(trainings))
        for training, *numbers in zip(trainings, lrs, losses, grad_norms):
            training.state.step += 1
            training.unread.append((*numbers, share))
        stop = should_stop()
        if stop or any(training.must_read() for training in trainings):
            alive = [look(slot, index, stack, val_batches, ended) for index, slot in enumerate(active)]
            if stop or not all(alive) or (len(active) < slots and ended.queue.ready):
                break
    for index, training in enumerate(trainings):
        stack.read(index, training.state)
    return [slot for slot in active if not is_over(slot, val_batches, ended, should_stop())]


def look(slot: Slot, index: int, stack: Stack, val_batches, ended) -> bool:
    """Read a slot's numbers, validate and save where that is due; False if it has nothing more to train."""
    training = slot.training
    with failing_alone(slot.branch, ended):
        finite = training.read()
        ended.display.step(slot.branch, len(training.history.loss), training.history.loss[-1])
        if finite:
            if training.validation_due or training.saving_due:
                stack.read(index, training.state)
            training.between_steps(val_batches)
        return finite and len(training.steps_left()) > 0
    slot.branch = None
    return False


def is_over(slot: Slot, val_batches, ended, stop: bool) -> bool:
    """Finish a run that is at its end, checkpoint one that has to stop."""
    if slot.branch is None:
        return True
    training, result = slot.training, None
    with failing_alone(slot.branch, ended):
        training.read()
        if len(training.steps_left()) and not stop:
            return False
        if len(training.steps_left()):
            training.save()
        else:
            result = training.finish(val_batches)
        ended(slot.branch, result, None)
    return True


def share_of(seconds, slots: int) -> float:
    return seconds() / slots
