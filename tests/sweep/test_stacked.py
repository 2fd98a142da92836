"""Runs that train in a Stack: each slot is the run trained alone, and no slot reaches into another."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers import batch_of, load_checkpoint

from nanosched.checkpoint import save_checkpoint
from nanosched.config import Config
from nanosched.history import History
from sweep.cuda_graph import rehearse
from sweep.stacked import Stack
from train import initial_state, train_step, validate, validation_set

# float32's rounding is 6e-8: 20 steps make up to 9e-7 of it, on any of four instruction sets
TOLERANCE = 2e-6


@pytest.fixture
def config(tiny):
    return lambda **changes: Config(**{**tiny, **changes})


@pytest.fixture
def fresh(dataset):
    return lambda config, seed: initial_state(config, dataset.vocab_size, seed)


@pytest.fixture
def alone(dataset):
    """Trains a state alone, one step for each lr; gives back the losses and the norms."""

    def alone(state, config, lrs):
        numbers = [
            train_step(state, *batch_of(dataset, config, state.seed, state.step), lr, config) for lr in lrs
        ]
        return torch.tensor(numbers).reshape(-1, 2).T

    return alone


@pytest.fixture
def train_stack(dataset):
    """Trains a stack, a step for each column of lrs (R, steps), on the batches of these seeds.

    It gives back losses and norms, (2, R, steps).
    """

    def train_stack(stack, config, seeds, lrs):
        numbers = []
        for column in np.transpose(lrs):
            batches = [batch_of(dataset, config, seed, step) for seed, step in zip(seeds, stack.steps)]
            x, y = (torch.stack(arrays) for arrays in zip(*batches))
            numbers.append(torch.stack(stack.step(x, y, column.tolist())))
        return torch.stack(numbers, -1)

    return train_stack


def read(stack, slot, state):
    stack.read(slot, state)
    return state


def weights(state):
    """All but the keys' biases: their gradients are rounding errors, of which Adam makes whole steps."""
    named = state.model.state_dict().items()
    return torch.cat(
        [(p.view(3, -1)[::2] if name.endswith("c_attn.bias") else p).flatten() for name, p in named]
    )


def assert_same_bits(one, other):
    assert one.step == other.step
    a, b = one.model.state_dict(), other.model.state_dict()
    assert all(torch.equal(a[name], b[name]) for name in a)
    a, b = one.optimizer.state_dict()["state"], other.optimizer.state_dict()["state"]
    assert a.keys() == b.keys() and all(
        torch.equal(a[i][name], b[i][name]) for i in a for name in ("step", "exp_avg", "exp_avg_sq")
    )


def assert_close(one, other):
    torch.testing.assert_close(one, other, rtol=TOLERANCE, atol=TOLERANCE)


# a row for each slot
LRS = np.array([np.linspace(0.003, 0.0003, 20), np.full(20, 0.001), np.linspace(0, 0.003, 20)])


# --- a slot is the run trained alone


@pytest.mark.parametrize(
    "changes",
    [{}, dict(gradient_accumulation_steps=2), dict(grad_clip=0.0), dict(n_layer=2, bias=True)],
    ids=str,
)
def test_each_slot_is_the_run_trained_alone(config, fresh, alone, train_stack, changes):
    config = config(**changes)
    states = [fresh(config, seed) for seed in range(3)]
    alone(states[1], config, [0.001] * 7)
    stack = Stack(states, config)
    assert stack.steps == [0, 7, 0]
    numbers = train_stack(stack, config, range(3), LRS)
    assert numbers.dtype == torch.float32 and numbers.shape == (2, 3, 20)
    for slot, state in enumerate(states):
        assert_close(numbers[:, slot], alone(state, config, LRS[slot]))
        trained = read(stack, slot, fresh(config, 9))
        assert trained.step == state.step
        assert_close(weights(trained), weights(state))


def test_the_loss_is_float32_under_autocast_too(config, fresh, alone, train_stack):
    config = config(dtype="bfloat16")
    states = [fresh(config, seed) for seed in range(2)]
    losses, _ = train_stack(Stack(states, config), config, range(2), np.zeros((2, 1)))
    expected = torch.stack([alone(state, config, [0.0])[0] for state in states])
    torch.testing.assert_close(losses, expected, rtol=1e-4, atol=0)  # bfloat16 itself has 4e-3


def test_each_gradient_is_clipped_by_its_own_norm(config, fresh, train_stack):
    def first_step(grad_clip):
        changed = config(grad_clip=grad_clip)
        stack = Stack([fresh(changed, seed) for seed in range(3)], changed)
        norms = train_stack(stack, changed, range(3), LRS[:, :1])[1, :, 0]
        # the first moments are 1 - beta1 of the clipped gradients
        return norms, stack.rows[1].norm(dim=1) / (1 - changed.beta1)

    norms, clipped = first_step(0.0)
    assert_close(clipped, norms)
    between = norms.median().item()
    again, clipped = first_step(between)
    assert torch.equal(again, norms) and norms.min() < 0.99 * between and between < 0.99 * norms.max()
    assert_close(clipped, norms.clamp(max=between))


# --- states come and go


@pytest.mark.parametrize("steps", [0, 3])
def test_a_state_comes_back_to_the_bit_and_the_other_slots_keep_theirs(
    config, fresh, alone, train_stack, steps
):
    config = config()
    stack = Stack([fresh(config, seed) for seed in range(2)], config)
    train_stack(stack, config, range(2), LRS[:2, :5])
    before = read(stack, 0, fresh(config, 0))
    written = fresh(config, 5)
    alone(written, config, [0.001] * steps)
    stack.write(1, written)
    assert stack.steps == [5, steps]
    again = read(stack, 1, fresh(config, 6))
    assert_same_bits(read(stack, 0, fresh(config, 7)), before)
    if not steps:  # a fresh optimizer has no moments yet: zeros are the same
        assert not any(m["exp_avg"].any() or m["exp_avg_sq"].any() for m in again.optimizer.state.values())
        written.optimizer.load_state_dict(again.optimizer.state_dict())
    assert_same_bits(again, written)


def test_a_state_read_out_is_validated_saved_and_trained_on_as_if_it_had_been_alone(
    config, fresh, alone, train_stack, dataset, tmp_path
):
    config = config()
    stack = Stack([fresh(config, seed) for seed in range(3)], config)
    train_stack(stack, config, range(3), LRS[:, :5])
    left, expected = read(stack, 2, fresh(config, 9)), fresh(config, 2)
    alone(expected, config, LRS[2, :5])

    val_batches = validation_set(dataset, config)
    assert validate(left.model, val_batches, config) == pytest.approx(
        validate(expected.model, val_batches, config), rel=TOLERANCE
    )
    save_checkpoint(tmp_path / "ckpt.pt", "id", 0, left, History(), config)
    loaded, before = fresh(config, 2), fresh(config, 2)
    assert load_checkpoint(tmp_path / "ckpt.pt", loaded, History()) and load_checkpoint(
        tmp_path / "ckpt.pt", before, History()
    )
    assert_same_bits(loaded, left)
    assert_close(alone(loaded, config, LRS[2, 5:]), alone(expected, config, LRS[2, 5:]))
    assert_close(weights(loaded), weights(expected))

    train_stack(stack, config, range(3), LRS[:, 5:])
    assert_same_bits(left, before)  # a copy: the stack's later steps don't reach it


def test_keep_drops_the_other_slots(config, fresh, alone, train_stack):
    config = config()
    states = [fresh(config, seed) for seed in range(3)]
    alone(states[2], config, [0.001] * 4)
    stack = Stack(states, config)
    stack.keep([2, 0])
    assert stack.steps == [4, 0]
    numbers = train_stack(stack, config, [2, 0], LRS[[2, 0]])
    for slot, run in enumerate([2, 0]):
        assert_close(numbers[:, slot], alone(states[run], config, LRS[run]))
        assert_close(weights(read(stack, slot, fresh(config, 9))), weights(states[run]))


def test_slots_of_their_own_for_more_runs(config, fresh, alone, train_stack):
    config = config()
    states = [fresh(config, seed) for seed in range(3)]
    stack = Stack(states[:1], config)
    train_stack(stack, config, [0], LRS[:1, :5])
    alone(states[1], config, [0.001] * 4)
    stack.append(states[1:])
    assert stack.steps == [5, 4, 0]
    numbers = train_stack(stack, config, range(3), LRS[:, 5:])
    alone(states[0], config, LRS[0, :5])
    for slot, state in enumerate(states):
        assert_close(numbers[:, slot], alone(state, config, LRS[slot, 5:]))


# --- no slot reaches into another


def test_a_run_that_diverges_changes_no_bit_of_the_others(config, fresh, train_stack):
    config = config()
    results = []
    for lr in (0.001, 1e6):
        stack = Stack([fresh(config, seed) for seed in range(3)], config)
        numbers = train_stack(stack, config, range(3), np.array([LRS[0], np.full(20, lr), LRS[2]]))
        results.append((numbers, [read(stack, slot, fresh(config, 9)) for slot in range(3)]))
    (stable, stable_states), (wild, wild_states) = results
    assert stable.isfinite().all() and not wild[:, 1, -1].isfinite().any()
    assert not weights(wild_states[1]).isfinite().any()
    for slot in (0, 2):
        assert torch.equal(stable[:, slot], wild[:, slot])
        assert_same_bits(stable_states[slot], wild_states[slot])


# --- dropout


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_run_gets_the_same_masks_whatever_is_stacked_with_it(config, fresh, train_stack, dtype):
    """And other ones at another step or micro-batch, or with another seed, by the numbers they make."""
    config = config(dropout=0.2, gradient_accumulation_steps=2, dtype=dtype)

    def losses_of(seeds, dropout=0.2):
        changed = replace(config, dropout=dropout)
        states = [fresh(changed, seed) for seed in seeds]
        return train_stack(Stack(states, changed), changed, seeds, LRS[seeds])[0]

    together, without = losses_of([0, 1, 2]), losses_of([0, 1, 2], dropout=0.0)
    for seed in range(3):
        assert torch.equal(losses_of([seed])[0], together[seed])
    assert torch.equal(losses_of([2, 0]), together[[2, 0]])
    assert (together - without).abs().min(1).values.max() > 1e-4


def test_masks_follow_from_seed_and_step(config, fresh, dataset):
    """Slots of the same weights and batch have the same loss where seed and step agree, and only there."""
    config = config(dropout=0.2)
    states = [fresh(config, 0) for _ in range(4)]
    states[1].seed = 1
    stack = Stack(states, config)
    stack.steps[2] = 1
    x, y = (torch.stack([t] * 4) for t in batch_of(dataset, config))
    a, other_seed, other_step, again = stack.step(x, y, [0.0] * 4)[0].tolist()
    assert a == again and len({a, other_seed, other_step}) == 3


# --- compiled


def test_compiled_it_gives_the_same_numbers(config, fresh, train_stack):
    config = config(dropout=0.2)
    results = []
    for compile in (False, True):
        stack = Stack([fresh(config, seed) for seed in range(3)], config)
        if compile:
            stack.compile(backend="aot_eager")  # all but making code of it, which takes a minute
        numbers = train_stack(stack, config, range(3), LRS[:, :5])
        results.append((numbers, [read(stack, slot, fresh(config, 9)) for slot in range(3)]))
    (numbers, states), (compiled_numbers, compiled_states) = results
    assert_close(compiled_numbers, numbers)
    for compiled, state in zip(compiled_states, states):
        assert compiled.step == state.step == 5
        assert_close(weights(compiled), weights(state))


def test_a_rehearsal_calls_and_changes_nothing():
    weights, calls = torch.arange(3.0), []

    def step(x):
        calls.append(x)
        weights.add_(x)

    rehearse(step, [torch.ones(3)], [weights])
    assert len(calls) == 1 and weights.tolist() == [0, 1, 2]
