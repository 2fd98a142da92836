"""One training run: its weights, its step, stopping and going on, and what it leaves in its folder."""

import functools
import hashlib
import json
import math
import resource
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from helpers import batch_of, is_one_line_error, load_checkpoint, read_curve, schedule_of, shell
from torch.nn import functional as F

import train as train_module
from data import validation_batches
from model import GPT2, GPT2Config
from model.adamw import AdamW
from nanosched import locks, run_files
from nanosched.checkpoint import save_checkpoint
from nanosched.config import Config
from nanosched.files import atomic
from nanosched.history import COLUMNS, History, parse_curve
from nanosched.run_files import read_run
from train import final_validation_set, initial_state, train, train_step


@pytest.fixture
def config(tiny):
    return lambda **changes: Config(**{**tiny, **changes})


@pytest.fixture
def run(dataset):
    """Trains into a folder; more arguments are train's."""

    def run(folder, config, spec="cosine", seed=0, **more):
        return train(config, schedule_of(config, spec), seed, dataset, folder, **more)

    return run


def weights(folder):
    return torch.load(folder / "ckpt.pt", weights_only=True)["model"]


def numbers(folder):
    """curve.csv without the times, as text: equal text is equal bits."""
    rows = [line.split(",") for line in (folder / "curve.csv").read_text().splitlines()]
    keep = [i for i, name in enumerate(rows[0]) if name != "step_s"]
    assert len(keep) == len(COLUMNS) - 1
    return [[row[i] for i in keep] for row in rows]


def assert_same_run(one, other):
    assert numbers(one) == numbers(other)
    a, b = weights(one), weights(other)
    assert a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


# --- the initial weights


def test_initial_weights_are_a_function_of_config_and_seed_and_touch_no_global_generator(config):
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = initial_state(config(), 65, seed=3).model.state_dict()
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    again = initial_state(config(peak_lr=0.5, steps=20, batch_size=2), 65, seed=3).model.state_dict()
    other = initial_state(config(), 65, seed=4).model.state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not any(torch.equal(first[name], other[name]) for name in first if "ln" not in name)

    torch.manual_seed(3)  # and they are those of a model made with this seed: anybody can make them again
    plain = GPT2(GPT2Config(16, 65, 1, 2, 16, bias=False)).state_dict()
    assert all(torch.equal(first[name], plain[name]) for name in first)


@pytest.mark.parametrize("vocab_size, rows", [(65, 65), (1024, 1024), (1025, 1088), (50257, 50304)])
def test_large_vocabularies_are_padded_to_a_multiple_of_64(config, vocab_size, rows):
    model = initial_state(config(n_embd=2), vocab_size, seed=0).model
    assert model.lm_head.weight.shape == (rows, 2) and model.config.vocab_size == rows


# --- the step


def test_two_steps_are_adamw_by_hand(config, dataset):
    c = config(bias=True, weight_decay=0.3, beta1=0.8, beta2=0.95, grad_clip=0.5)
    state = initial_state(c, dataset.vocab_size, seed=0)
    with torch.no_grad():
        for p in state.model.parameters():
            p.add_(0.05)  # so that there is something to decay in biases too
    p = {name: value.detach().double().clone() for name, value in state.model.named_parameters()}
    m = {name: torch.zeros_like(value) for name, value in p.items()}
    v = {name: torch.zeros_like(value) for name, value in p.items()}
    for t, lr in enumerate([0.01, 0.002], 1):
        x, y = batch_of(dataset, c, step=t)
        loss = state.model(x, y)[1]
        grads = dict(zip(p, torch.autograd.grad(loss, list(state.model.parameters()))))
        norm = math.sqrt(sum(g.double().square().sum().item() for g in grads.values()))
        assert norm > c.grad_clip
        got_loss, got_norm = train_step(state, x, y, lr, c)
        assert got_loss.item() == loss.item() and got_norm.item() == pytest.approx(norm, rel=1e-5)
        for name, g in grads.items():
            g = g.double() * c.grad_clip / (norm + 1e-6)
            m[name] = c.beta1 * m[name] + (1 - c.beta1) * g
            v[name] = c.beta2 * v[name] + (1 - c.beta2) * g**2
            step = (m[name] / (1 - c.beta1**t)) / ((v[name] / (1 - c.beta2**t)).sqrt() + 1e-8)
            decay = c.weight_decay if p[name].dim() >= 2 else 0.0
            p[name] = p[name] * (1 - lr * decay) - lr * step
    assert state.step == 2
    for name, value in state.model.named_parameters():
        # Adam divides small gradients by themselves, which makes their rounding visible
        np.testing.assert_allclose(value.detach().double(), p[name], rtol=0, atol=2e-5, err_msg=name)


def test_only_matrices_decay(config, dataset):
    for decay in (0.0, 0.5):
        c = config(bias=True, weight_decay=decay)
        state = initial_state(c, dataset.vocab_size, seed=0)
        with torch.no_grad():
            for p in state.model.parameters():
                p.add_(1.0)
        train_step(state, *batch_of(dataset, c), 0.1, c)
        after = dict(state.model.named_parameters())
        if decay == 0:
            without = {name: p.detach().clone() for name, p in after.items()}
    for name, p in after.items():
        assert torch.equal(p, without[name]) == (p.dim() < 2), name


def gradients(state):
    """What the optimizer was given in its first step: exp_avg = (1 - beta1) * gradient after clipping."""
    beta1 = state.optimizer.param_groups[0]["betas"][0]
    return torch.cat(
        [state.optimizer.state[p]["exp_avg"].flatten() / (1 - beta1) for p in state.model.parameters()]
    )


def test_gradient_accumulation_is_the_big_batch(config, dataset):
    big, small = config(batch_size=8), config(batch_size=2, gradient_accumulation_steps=4)
    assert big.tokens_per_step == small.tokens_per_step
    x, y = batch_of(dataset, big)
    assert torch.equal(x, batch_of(dataset, small)[0])
    results = {}
    for c in (big, small):
        state = initial_state(c, dataset.vocab_size, seed=0)
        results[c] = [*train_step(state, x, y, 0.01, c), gradients(state)]
    for a, b in zip(*results.values()):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize(
    "grad_clip, norm_of", [(0.25, lambda norm: 0.25), (0.0, lambda norm: norm), (100.0, lambda norm: norm)]
)
def test_clipping(config, dataset, grad_clip, norm_of):
    c = config(grad_clip=grad_clip)
    state = initial_state(c, dataset.vocab_size, seed=0)
    _, norm = train_step(state, *batch_of(dataset, c), 0.01, c)
    assert 0.25 < norm < 100
    assert gradients(state).norm().item() == pytest.approx(norm_of(norm.item()), rel=1e-4)


def masked_losses(config, dataset, seed):
    """Losses of one batch at three steps of the same weights: only the dropout masks tell them apart."""
    c = config(dropout=0.5)
    state = initial_state(c, dataset.vocab_size, seed=0)
    state.seed = seed
    return [train_step(state, *batch_of(dataset, c), 0.0, c)[0].item() for _ in range(3)]


def test_every_step_has_its_own_dropout_mask(config, dataset):
    losses = masked_losses(config, dataset, seed=1)
    torch.rand(7)
    assert len(set(losses)) == 3 and masked_losses(config, dataset, seed=1) == losses


CPU_SEED = "torch's CPU generator takes the low 32 bits of a seed only"


def test_every_seed_has_its_own_dropout_masks(config, dataset):
    assert not set(masked_losses(config, dataset, seed=0)) & set(masked_losses(config, dataset, seed=1))


def test_the_lr_of_every_update_is_the_schedules(config, run, tmp_path, monkeypatch):
    used = []

    def spy(state, *args):
        result = train_step(state, *args)
        used.append([group["lr"] for group in state.optimizer.param_groups])
        return result

    monkeypatch.setattr(train_module, "train_step", spy)
    c = config()
    run(tmp_path, c, "wsd:cooldown=0.5")
    lrs = schedule_of(c, "wsd:cooldown=0.5").lrs()
    assert len(set(lrs)) > 5
    assert used == [[lr, lr] for lr in lrs]
    assert np.array_equal(read_curve(tmp_path).lr, lrs)


def test_the_first_loss_is_that_of_fresh_weights_on_the_first_batch(config, run, dataset, tmp_path):
    c = config()
    run(tmp_path, c, seed=5)
    x, y = batch_of(dataset, c, seed=5)
    expected = initial_state(c, dataset.vocab_size, seed=5).model(x, y)[1].item()
    assert np.float32(read_curve(tmp_path).loss[0]) == expected
    assert expected == pytest.approx(math.log(dataset.vocab_size), abs=0.1)


def test_training_learns(config, run, tmp_path):
    run(tmp_path, config(steps=60), "constant")
    curve = read_curve(tmp_path)
    assert curve.loss[-5:].mean() < curve.loss[0] - 1


# --- validation


def test_validation_at_every_interval_and_at_the_end(config, run, dataset, tmp_path):
    c = config(dropout=0.3)
    record = run(tmp_path, c, keep_checkpoint=True)
    val = read_curve(tmp_path).val_loss
    assert np.flatnonzero(np.isfinite(val)).tolist() == [4, 9, 11]  # 5, 10 and all 12 steps were taken

    # without dropout: on the way on some batches, at the end on every token of the split
    model = GPT2(GPT2Config(16, dataset.vocab_size, 1, 2, 16, bias=False))
    model.load_state_dict(weights(tmp_path))

    def mean_loss(rows):
        x, y = (torch.from_numpy(np.concatenate(arrays)) for arrays in zip(*rows))
        return F.cross_entropy(model(x, y)[0].double().flatten(0, 1), y.flatten()).item()

    rows = validation_batches(dataset.val, c.eval_batches, c.batch_size, c.block_size)
    assert val[-1] == pytest.approx(mean_loss(rows), abs=1e-5)
    (shard,) = [dataset.val.shard(index) for index in range(len(dataset.val.counts))]
    n = (len(shard) - 1) // c.block_size * c.block_size
    whole = [array.reshape(-1, c.block_size).astype(np.int64) for array in (shard[:n], shard[1 : n + 1])]
    assert record.final_val_loss == pytest.approx(mean_loss([whole]), abs=1e-5)


def test_the_final_validation_covers_as_many_tokens_as_asked_for(config, run, dataset, tmp_path):
    c = config(final_eval_tokens=100)
    record = run(tmp_path, c)
    batches = final_validation_set(dataset, c)
    assert sum(x.numel() for x, _ in batches) == 96  # whole windows of 16
    assert record.final_val_loss != run(tmp_path / "all", config()).final_val_loss


def test_validating_more_often_changes_no_training_number(config, run, tmp_path):
    for interval in (1, 100):
        run(tmp_path / str(interval), config(dropout=0.2, eval_interval=interval), keep_checkpoint=True)
    often, once = ([row[:-1] for row in numbers(tmp_path / name)] for name in ("1", "100"))
    assert often == once
    assert torch.equal(weights(tmp_path / "1")["lm_head.weight"], weights(tmp_path / "100")["lm_head.weight"])


def test_the_compiled_model_trains_the_same_weights(config, run, tmp_path, monkeypatch):
    run(tmp_path / "plain", config(), keep_checkpoint=True)
    compiled = functools.partial(torch.compile, backend="eager")  # traced, but sent through no C++ compiler
    monkeypatch.setattr(torch, "compile", compiled)
    run(tmp_path / "compiled", config(compile="true"), keep_checkpoint=True)
    for plain, other in zip(
        weights(tmp_path / "plain").values(), weights(tmp_path / "compiled").values(), strict=True
    ):
        torch.testing.assert_close(plain, other, rtol=0, atol=1e-5)


# --- stopping and going on

KINDS = {
    "plain": (dict(), "cosine"),
    "dropout": (dict(dropout=0.3), "cosine"),
    "accumulation": (dict(gradient_accumulation_steps=2, dropout=0.1, bias=True), "wsd:cooldown=0.5"),
    "plateau": (dict(eval_interval=2), "plateau:patience=0,threshold=0.5,factor=0.1"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_stopped_run_goes_on_bit_for_bit(config, run, tmp_path, kind):
    changes, spec = KINDS[kind]
    c = config(**changes)
    straight = run(tmp_path / "straight", c, spec, keep_checkpoint=True)
    if kind == "plateau":
        lrs = read_curve(tmp_path / "straight").lr
        assert lrs[-1] <= 0.011 * lrs.max()  # it did react, and more than once

    # steps of each attempt; validation is after 5 and 10
    for pieces in ([1, 5, 12], [6, 5, 12], [11, 12], [1] * 12):
        folder = tmp_path / "-".join(map(str, pieces))
        for steps_now in pieces[:-1]:
            assert run(folder, c, spec, steps_now=steps_now, keep_checkpoint=True) is None
            assert not (folder / "run.json").exists()
            torch.rand(7)  # whatever else draws numbers in between
        resumed = run(folder, c, spec, steps_now=pieces[-1], keep_checkpoint=True)
        assert_same_run(tmp_path / "straight", folder)
        assert resumed == straight


def test_stopped_by_should_stop(config, run, tmp_path):
    calls = []

    def at_7():
        calls.append(None)
        return len(calls) == 7

    c = config(dropout=0.3)
    straight = run(tmp_path / "straight", c)
    assert run(tmp_path / "stopped", c, should_stop=at_7) is None
    assert torch.load(tmp_path / "stopped" / "ckpt.pt", weights_only=True)["iter_num"] == 7
    steps = []
    assert run(tmp_path / "stopped", c, on_step=lambda done, loss: steps.append(done)) == straight
    assert steps == [8, 9, 10, 11, 12]  # it did go on
    assert numbers(tmp_path / "stopped") == numbers(tmp_path / "straight")


def test_a_killed_run_goes_on_from_its_last_checkpoint(config, run, tmp_path):
    class Killed(BaseException):
        pass

    def kill(done, loss):
        if done == 8:
            raise Killed

    c = config(checkpoint_interval=3, dropout=0.3)
    run(tmp_path / "straight", c, keep_checkpoint=True)
    with pytest.raises(Killed):
        run(tmp_path / "killed", c, keep_checkpoint=True, on_step=kill)
    assert sorted(p.name for p in (tmp_path / "killed").iterdir()) == ["ckpt.pt", "curve.csv"]
    # a row for each step that is settled
    assert numbers(tmp_path / "killed") == numbers(tmp_path / "straight")[: 1 + 7]
    assert torch.load(tmp_path / "killed" / "ckpt.pt", weights_only=True)["iter_num"] == 6
    run(tmp_path / "killed", c, keep_checkpoint=True)
    assert_same_run(tmp_path / "straight", tmp_path / "killed")


@pytest.mark.parametrize(
    "damage",
    [
        lambda b: b[: len(b) // 2],
        lambda b: b"",
        lambda b: b"not a checkpoint",
        lambda b: b[:1000] + bytes(200) + b[1200:],
        lambda b: b[:9000] + bytes([b[9000] ^ 1]) + b[9001:],
    ],
)
def test_a_damaged_checkpoint_starts_again_with_a_warning(config, run, tmp_path, capsys, damage):
    c = config()
    run(tmp_path / "straight", c, keep_checkpoint=True)
    run(tmp_path / "damaged", c, steps_now=6)
    checkpoint = tmp_path / "damaged" / "ckpt.pt"
    checkpoint.write_bytes(damage(checkpoint.read_bytes()))
    capsys.readouterr()
    run(tmp_path / "damaged", c, keep_checkpoint=True)
    warning = capsys.readouterr().err
    assert str(checkpoint) in warning and "trained again" in warning and warning.count("\n") == 1
    assert_same_run(tmp_path / "straight", tmp_path / "damaged")


def test_another_runs_checkpoint_is_refused(config, run, tmp_path):
    run(tmp_path, config(), steps_now=3)
    with pytest.raises(ValueError, match="belongs to run .* another --out"):
        run(tmp_path, config(), seed=1)
    assert len(numbers(tmp_path)) == 1 + 3  # the other run's is not touched


def test_killed_between_the_curve_and_run_json(config, run, tmp_path):
    """The checkpoint may be there or not; run.json is what says complete."""
    c = config()
    for kept in (True, False):
        folder = tmp_path / str(kept)
        first = run(folder, c, keep_checkpoint=kept)
        before = numbers(folder)
        (folder / "run.json").unlink()
        (folder / ".run.json.1.tmp").write_text('{"run_id": ')  # what a kill leaves behind
        assert run(folder, c, keep_checkpoint=kept) == first == read_run(folder).record
        assert numbers(folder) == before


@pytest.mark.parametrize("file", ["curve.csv", "run.json"])
def test_nothing_is_complete_when_writing_fails(config, run, tmp_path, monkeypatch, file):
    @contextmanager
    def full(path):
        if path.name == file:
            raise OSError("No space left on device")
        with atomic(path) as temporary:
            yield temporary

    with monkeypatch.context() as patch:
        patch.setattr(run_files, "atomic", full)
        with pytest.raises(OSError):
            run(tmp_path, config())
    assert read_run(tmp_path) is None
    assert run(tmp_path, config()).status == "complete"
    left = sorted(p.name for p in tmp_path.iterdir())
    assert left == ["curve.csv", "run.json"]  # and no checkpoint is left


def test_a_checkpoint_holds_all_of_the_state(config, dataset, tmp_path):
    c, state = config(), None
    for step in range(3):
        state = state or initial_state(c, dataset.vocab_size, seed=0)
        train_step(state, *batch_of(dataset, c, step=step), 0.01, c)
    history = History([3.0], [0.1], [1.5], [0.01], [(0, 2.5)])
    save_checkpoint(tmp_path / "ckpt.pt", "me", 1, state, history, c)
    fresh, empty = initial_state(c, dataset.vocab_size, seed=9), History()
    checkpoint = load_checkpoint(tmp_path / "ckpt.pt", fresh, empty)
    assert (checkpoint["run_id"], checkpoint["trained_from"]) == ("me", 1)
    assert fresh.step == 3 and empty == history
    for a, b in zip(state.model.parameters(), fresh.model.parameters()):
        assert torch.equal(a, b)
        for name in ("exp_avg", "exp_avg_sq", "step"):
            assert torch.equal(state.optimizer.state[a][name], fresh.optimizer.state[b][name])


# --- divergence


def test_a_diverging_run_keeps_its_curve(config, run, tmp_path):
    record = run(tmp_path, config(peak_lr=1e4), "constant")
    saved = read_run(tmp_path).record
    curve = read_curve(tmp_path)
    assert record == saved
    assert saved.status == "diverged" and saved.final_val_loss is None
    assert 1 <= saved.steps_taken == len(curve.loss) < 12
    finite = np.isfinite(curve.loss) & np.isfinite(curve.grad_norm)
    assert not finite[-1] and finite[:-1].all()
    assert saved.tokens == saved.steps_taken * 64


@pytest.mark.parametrize("bad", [math.inf, math.nan])
@pytest.mark.parametrize("at", [0, 4, 11])  # 4 and 11 are validated otherwise
def test_a_loss_that_is_not_finite_ends_the_run(config, run, tmp_path, monkeypatch, bad, at):
    def broken(state, *args):
        loss, norm = train_step(state, *args)
        return (loss * bad, norm) if state.step == at + 1 else (loss, norm)

    monkeypatch.setattr(train_module, "train_step", broken)
    record = run(tmp_path, config())
    curve = read_curve(tmp_path)
    assert (record.status, record.steps_taken, record.final_val_loss) == ("diverged", at + 1, None)
    assert np.isfinite(curve.loss[:-1]).all() and not np.isfinite(curve.loss[-1])
    assert np.isfinite(curve.val_loss).sum() == (at > 4) + (at > 9)


def test_an_update_that_breaks_the_weights_at_the_last_step_is_a_divergence(
    config, run, tmp_path, monkeypatch
):
    def broken(state, *args):
        result = train_step(state, *args)
        if state.step == 12:
            state.model.lm_head.weight.data.fill_(math.inf)
        return result

    monkeypatch.setattr(train_module, "train_step", broken)
    record = run(tmp_path, config())
    assert (record.status, record.final_val_loss) == ("diverged", None)


# --- what is written


def test_run_json_says_what_was_trained(config, run, dataset, tmp_path):
    c = config(gradient_accumulation_steps=2)
    record = run(tmp_path, c, "wsd:cooldown=0.4,shape=sqrt", seed=3)
    assert record == read_run(tmp_path).record
    expected = dict(
        run_id=c.run_id(schedule_of(c, "wsd:cooldown=0.4,shape=sqrt"), 3, dataset.fingerprint),
        status="complete",
        schedule="wsd:cooldown=0.4,shape=sqrt",
        seed=3,
        peak_lr=0.01,
        steps=12,
        steps_taken=12,
        tokens=12 * 2 * 4 * 16,
        dataset=dataset.name,
        data_fingerprint=dataset.fingerprint,
        torch_version=torch.__version__,
    )
    assert {name: getattr(record, name) for name in expected} == expected
    assert Config(**record.config) == c
    assert (
        record.parameters
        == sum(p.numel() for p in initial_state(c, dataset.vocab_size, 0).model.parameters()) - 16 * 16
    )
    assert record.peak_flops > 1e8 and record.device


def test_a_curve_gives_back_its_bits():
    rng = np.random.default_rng(0)
    losses, norms = rng.normal(size=(2, 50)).astype(np.float32)
    losses[-1], norms[-2] = np.nan, np.inf
    lrs = (rng.random(50) * 1e-3).tolist()
    history = History(
        [x.item() for x in losses], lrs, [x.item() for x in norms], [0.25] * 50, [(3, 1.5), (49, 2.5)]
    )
    rows = history.to_csv().splitlines()
    assert rows[0] == ",".join(COLUMNS) and len(rows) == 51
    columns = dict(
        zip(COLUMNS, np.array([[float(cell or "nan") for cell in row.split(",")] for row in rows[1:]]).T)
    )
    assert np.array_equal(columns["loss"].astype(np.float32), losses, equal_nan=True)
    assert np.array_equal(columns["grad_norm"].astype(np.float32), norms)
    assert columns["lr"].tolist() == lrs and columns["step"].tolist() == list(range(50))
    assert (
        np.flatnonzero(np.isfinite(columns["val_loss"])).tolist() == [3, 49] and columns["val_loss"][3] == 1.5
    )


def test_parse_curve_reads_what_is_written():
    history = History([1.5, math.inf], [1e-3, 2e-3], [math.nan, 2.0], [0.5, 0.25], [(1, 3.5)])
    curve = vars(parse_curve(history.to_csv()))
    expected = dict(
        loss=[1.5, math.inf],
        lr=[1e-3, 2e-3],
        grad_norm=[math.nan, 2],
        step_s=[0.5, 0.25],
        val_loss=[math.nan, 3.5],
    )
    assert curve.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_array_equal(curve[name], values, err_msg=name)


def test_a_run_json_from_before_the_types_is_a_finished_run(tmp_path):
    """Stores made by earlier versions stay complete: the same keys, the same checksum."""
    fields = dict(
        run_id="0123456789abcdef",
        status="complete",
        final_val_loss=2.5,
        schedule="cosine",
        seed=0,
        peak_lr=0.01,
        steps=2,
        steps_taken=2,
        trained_from=0,
        tokens=128,
        parameters=1000,
        flops_per_token=6000,
        peak_flops=1e11,
        device="a processor",
        dataset="a.txt",
        data_fingerprint="f",
        torch_version="2.9.0",
        code_version="1",
        config=dict(steps=2),
    )
    curve_csv = "step,loss,lr,grad_norm,step_s,val_loss\n0,3.0,0.1,1.0,0.5,\n1,2.75,0.2,1.5,0.25,2.5\n"
    text = json.dumps(fields, sort_keys=True) + curve_csv
    fields["checksum"] = hashlib.sha256(text.encode()).hexdigest()
    (tmp_path / "curve.csv").write_text(curve_csv)
    (tmp_path / "run.json").write_text(json.dumps(fields, indent=1))
    finished = read_run(tmp_path)
    del fields["checksum"]
    assert vars(finished.record) == fields | dict(averages={}) and finished.record.complete
    assert finished.curve.loss.tolist() == [3.0, 2.75] and finished.curve.val_loss[1] == 2.5

    run_files.write_run(tmp_path / "again", finished.record, finished.curve_csv)
    text = json.dumps(fields | dict(averages={}), sort_keys=True) + curve_csv  # what they had none of
    fields |= dict(averages={}, checksum=hashlib.sha256(text.encode()).hexdigest())
    assert (tmp_path / "again" / "run.json").read_text() == json.dumps(fields, indent=1) + "\n"


# --- the command line


def only_run(folder):
    (run,) = (folder / "runs").iterdir()
    return run


def test_a_run_in_pieces_on_the_command_line(cli, toml, tmp_path):
    common = ["--config", toml(dropout=0.2), "--scheduler", "wsd:cooldown=0.5", "--seed", "2"]
    straight = cli("train.py", *common, "--out", "straight")
    assert (
        straight.code == 0
        and straight.err == ""
        and "step 12: loss" in straight.out
        and "complete, validation loss" in straight.out
    )
    for steps, words in [
        (5, "stopped; the same command goes on"),
        (4, "stopped"),
        (30, "complete, validation loss"),
    ]:
        piece = cli("train.py", *common, "--out", "pieces", "--steps_this_run", steps)
        assert piece.code == 0 and words in piece.out
    assert_same_run(only_run(tmp_path / "straight"), only_run(tmp_path / "pieces"))

    before = (only_run(tmp_path / "pieces") / "curve.csv").stat().st_mtime_ns
    again = cli("train.py", *common, "--out", "pieces")
    assert again.code == 0 and "complete already" in again.out
    assert (only_run(tmp_path / "pieces") / "curve.csv").stat().st_mtime_ns == before


def test_nanogpts_sample_script_can_load_the_checkpoint(cli, toml, tmp_path, dataset):
    cli("train.py", "--config", toml(), "--out", "out")
    checkpoint = torch.load(only_run(tmp_path / "out") / "ckpt.pt", map_location="cpu", weights_only=True)
    assert checkpoint["iter_num"] == 12 and checkpoint["config"]["block_size"] == 16
    assert set(checkpoint) >= {"model", "optimizer", "model_args", "iter_num", "best_val_loss", "config"}
    nanogpt = dict(
        block_size=1024, vocab_size=50304, n_layer=12, n_head=12, n_embd=768, dropout=0.0, bias=True
    )
    assert checkpoint["model_args"].keys() == nanogpt.keys()  # GPTConfig(**checkpoint['model_args'])
    state_dict = checkpoint["model"]
    for k in list(state_dict):
        if k.startswith("_orig_mod."):
            state_dict[k[len("_orig_mod.") :]] = state_dict.pop(k)
    model = GPT2(GPT2Config(**checkpoint["model_args"]))
    model.load_state_dict(state_dict)
    curve = read_curve(only_run(tmp_path / "out"))
    assert checkpoint["best_val_loss"] == pytest.approx(np.nanmin(curve.val_loss), abs=1e-6)

    text = torch.from_numpy(np.array(dataset.val.shard(0)[:17], np.int64))[None]
    with torch.no_grad():
        trained, fresh = model(text[:, :-1], text[:, 1:])[1], GPT2(model.config)(text[:, :-1], text[:, 1:])[1]
    assert trained < fresh - 0.2


def test_sambaflows_flags_are_the_same_run(cli, toml, tmp_path):
    path = toml()
    theirs = cli(
        "train.py",
        "--config",
        path,
        "--learning_rate",
        "0.02",
        "--lr_schedule",
        "cosine_schedule_with_warmup",
        "--warmup_steps",
        "3",
        "--max_steps",
        "15",
        "--end_lr_ratio",
        "0.2",
        "--steps_this_run",
        "4",
        "--out",
        "out",
    )
    assert theirs.code == 0 and "stopped" in theirs.out
    ours = cli(
        "train.py",
        "--config",
        path,
        "--peak-lr",
        "0.02",
        "--scheduler",
        "cosine:final_lr_ratio=0.2",
        "--warmup-steps",
        "3",
        "--steps",
        "15",
        "--out",
        "out",
    )
    assert ours.code == 0
    record = read_run(only_run(tmp_path / "out")).record
    assert (record.steps, record.peak_lr, record.schedule) == (15, 0.02, "cosine:final_lr_ratio=0.2")
    nanogpt = cli(
        "train.py",
        "--config",
        path,
        "--learning-rate",
        "0.02",
        "--scheduler",
        "cosine:final_lr_ratio=0.2",
        "--warmup_iters",
        "3",
        "--max_iters",
        "15",
        "--out",
        "out",
    )
    assert "complete already" in nanogpt.out


@pytest.mark.parametrize(
    "flags, words",
    [
        (["--scheduler", "cosin"], ["cosin", "did you mean 'cosine'"]),
        (["--scheduler", "constant", "--end_lr_ratio", "0.1"], ["constant has no parameter"]),
        (["--scheduler", "step:step_size=0"], ["step_size=0"]),
        (["--steps_this_run", "0"], ["steps_this_run=0", "at least 1"]),
        (["--steps", "1"], ["warmup_steps=2", "steps=1"]),
        (["--config", "nope"], ["'nope'", "gpt2-medium"]),
        (["--dataset", "nope.txt"], ["'nope.txt'"]),
        (["--dataset", "short.txt"], ["block_size 16"]),
        (["--out", "short.txt"], ["short.txt"]),
        (["--dataset", "short_val.txt"], ["block_size 16"]),
        (["--seed", str(2**32)], ["seed"]),
        (["--seed", str(2**64)], ["seed"]),
        (["--seed", str(2**33), "--dropout", "0.1"], ["seed"]),
    ],
)
def test_bad_input_is_one_line(cli, toml, tmp_path, text, flags, words):
    (tmp_path / "short.txt").write_text("too short")
    # 90 characters to train on, 10 to validate
    (tmp_path / "short_val.txt").write_text(text.read_text()[:100])
    result = cli("train.py", "--config", toml(), *flags)
    assert is_one_line_error(result, *words)
    assert not list(tmp_path.glob("results/runs/*/*"))


def test_help_answers_without_torch(tmp_path):
    done = shell(tmp_path, "train.py", "--help", python=["-X", "importtime"])
    imported = {
        line.rsplit("|", 1)[-1].strip() for line in done.err.splitlines() if line.startswith("import time:")
    }
    assert done.code == 0 and "numpy" in imported
    assert not imported & {"torch", "datasets", "tiktoken", "matplotlib", "rich"}
    for flag in (
        "--scheduler",
        "--lr_schedule",
        "--learning_rate",
        "--warmup_steps",
        "--max_steps",
        "--steps_this_run",
        "--end_lr_ratio",
        "--peak-lr",
    ):
        assert flag in done.out


def test_a_traceback_is_nobodys_answer(tmp_path):
    done = shell(tmp_path, "train.py", "--device", "cpu", "--scheduler", "cosin")
    assert is_one_line_error(done, "cosin") and done.out == ""


# --- what is found under its name, and what goes wrong in the middle


COMMON = ["--scheduler", "cosine", "--out", "out"]


def in_one_line(result, *words):
    assert result.code != 0 and result.err.count("\n") == 1 and result.err.startswith("error: "), result
    assert all(word in result.err for word in words), result.err
    return True


def rewrite(path, **changes):
    torch.save({**torch.load(path, weights_only=True), **changes}, path)


@pytest.mark.parametrize(
    "damage",
    [
        lambda run: (run / "run.json").write_text("{"),
        lambda run: (run / "run.json").write_text((run / "run.json").read_text().replace("2", "3", 1)),
        lambda run: (run / "curve.csv").write_text(""),
        lambda run: (run / "ckpt.pt").write_text(""),
        lambda run: rewrite(run / "ckpt.pt", iter_num=3),
    ],
    ids=["no json", "another number", "no curve", "no checkpoint", "another step"],
)
def test_a_damaged_run_is_not_complete_already(cli, toml, tmp_path, damage):
    command = ["--config", toml(), *COMMON]
    assert cli("train.py", *command).code == 0
    run = only_run(tmp_path / "out")
    before, last = numbers(run), weights(run)
    damage(run)
    again = cli("train.py", *command)
    assert again.code == 0 and "complete already" not in again.out
    assert numbers(run) == before and all(torch.equal(last[name], p) for name, p in weights(run).items())
    assert "complete already" in cli("train.py", *command).out


def test_a_finished_run_stays_so_while_its_checkpoint_is_trained_again(cli, toml, tmp_path):
    """compare.py keeps no checkpoints; who wants one loses nothing by stopping on the way."""
    command = ["--config", toml(), *COMMON]
    cli("train.py", *command)
    run = only_run(tmp_path / "out")
    finished = read_run(run)
    (run / "ckpt.pt").unlink()
    assert "stopped" in cli("train.py", *command, "--steps_this_run", "5").out
    assert read_run(run) == finished
    assert "complete, validation loss" in cli("train.py", *command).out
    assert "complete already" in cli("train.py", *command).out


@pytest.mark.parametrize(
    "foreign, words",
    [
        (lambda path: rewrite(path, run_id="0123456789abcdef"), "belongs to run 0123456789abcdef"),
        (lambda path: torch.save({"model": {}, "iter_num": 5}, path), "belongs to run none of nanosched's"),
    ],
)
def test_a_checkpoint_from_elsewhere_is_refused_and_kept(cli, toml, tmp_path, foreign, words):
    command = ["--config", toml(), *COMMON]
    cli("train.py", *command, "--steps_this_run", "5")
    path = only_run(tmp_path / "out") / "ckpt.pt"
    foreign(path)
    before = path.read_bytes()
    assert in_one_line(cli("train.py", *command), words, "give another --out")
    assert path.read_bytes() == before


def test_a_checkpoint_of_another_shape_is_trained_again(cli, toml, tmp_path):
    command = ["--config", toml(), *COMMON]
    cli("train.py", *command, "--steps_this_run", "5")
    path = only_run(tmp_path / "out") / "ckpt.pt"
    rewrite(path, model=dict(weights(path.parent), **{"lm_head.weight": torch.zeros(3, 3)}))
    done = cli("train.py", *command)
    assert done.code == 0 and f"{path.relative_to(tmp_path)} is of another model: its steps" in done.err


def test_a_full_disk_is_one_line_and_keeps_the_checkpoint(cli, toml, tmp_path):
    command = ["--config", toml(checkpoint_interval=1), *COMMON]
    cli("train.py", *command, "--steps_this_run", "5")
    path = only_run(tmp_path / "out") / "ckpt.pt"
    before, limits = path.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        done = cli("train.py", *command)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert in_one_line(done, "ckpt.pt can't be written: is the disk full?")
    assert path.read_bytes() == before and sorted(p.name for p in path.parent.glob("*.tmp")) == []
    assert "complete" in cli("train.py", *command).out


REACTS = """
from schedulers import Schedule, register

@register("reacts")
class Reacts(Schedule):
    reactive = True

    def __call__(self, step, val_losses=None):
        if step == 7 and val_losses is not None:
            {does}
        return self.peak_lr
"""


@pytest.mark.parametrize(
    "does, words",
    [
        ("return float('nan')", "gives nan at step 7"),
        ("return -1.0", "gives -1.0 at step 7"),
        ("raise KeyError('x')", "fails at step 7: KeyError"),
        ("raise SystemExit(0)", "fails at step 7: SystemExit"),
    ],
)
def test_a_reactive_schedule_that_gives_no_learning_rate(cli, toml, tmp_path, does, words):
    (tmp_path / "mine.py").write_text(REACTS.format(does=does))
    done = cli("train.py", "--config", toml(checkpoint_interval=3), "--scheduler", "mine.py", "--out", "out")
    assert in_one_line(done, "mine.py: reacts", words)
    run = only_run(tmp_path / "out")
    assert torch.load(run / "ckpt.pt", weights_only=True)["iter_num"] == 6
    assert len(numbers(run)) == 1 + 7


def test_an_error_that_nobody_foresaw_is_one_line_and_its_traceback_a_file(cli, toml, tmp_path, monkeypatch):
    def broken(*args, **more):
        raise RuntimeError("the GPU fell off")

    monkeypatch.setattr(AdamW, "step", broken)
    done = cli("train.py", "--config", toml(), *COMMON)
    assert in_one_line(done, "RuntimeError: the GPU fell off")
    assert "Traceback" in (only_run(tmp_path / "out") / "error.txt").read_text()


def test_a_run_is_trained_by_one_process_at_a_time(cli, toml, tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "WAIT_S", 0)
    command = ["--config", toml(), *COMMON]
    cli("train.py", *command, "--steps_this_run", "5")
    with locks.lock_run(only_run(tmp_path / "out")):
        assert in_one_line(cli("train.py", *command), "is being trained by", "process")
        other = cli("train.py", "--config", toml(), "--scheduler", "wsd", "--out", "out")
    assert other.code == 0


@pytest.mark.parametrize(
    "flags",
    [
        ["--threads", "100000"],
        ["--steps", "100000000000000"],
        ["--n-embd", "2000000"],
        ["--batch-size", "1000000000"],
        ["--gradient_accumulation_steps", "1000000000000"],
    ],
)
def test_what_does_not_fit_is_said_before_anything_is_allocated(cli, toml, tmp_path, flags):
    name = flags[0].strip("-").replace("-", "_")
    done = cli("train.py", "--config", toml(), *flags)
    assert is_one_line_error(done, f"{name}={flags[1]}") and not list(tmp_path.glob("results/*"))


# --- memory


def test_a_batch_that_a_gpu_has_no_memory_for_is_taken_in_parts(tiny, dataset, capsys):
    config = Config(**{**tiny, "batch_size": 12})
    x, y = batch_of(dataset, config, 0)
    whole, parts = (initial_state(config, dataset.vocab_size, 0) for _ in range(2))

    def forward(idx, targets):
        if len(idx) > 4:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return parts.model(idx, targets)

    for _ in range(3):
        expected, loss = train_step(whole, x, y, 0.01, config), train_step(parts, x, y, 0.01, config, forward)
        torch.testing.assert_close(loss, expected, rtol=1e-5, atol=1e-6)
    assert capsys.readouterr().err.splitlines() == [
        "out of GPU memory: batch_size=12 is trained as 6 at a time",
        "out of GPU memory: batch_size=6 is trained as 3 at a time",
    ]
    assert parts.micro_batch == 3 and parts.step == 3

    def nothing_fits(idx, targets):
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(torch.OutOfMemoryError, match="one sequence"):
        train_step(parts, x, y, 0.01, config, nothing_fits)
