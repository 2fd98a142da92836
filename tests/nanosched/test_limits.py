"""What doesn't fit is refused before anything is allocated; what could fit isn't."""

import pytest
from helpers import one_line

from nanosched import limits
from nanosched.cli import load_toml
from nanosched.config import Config
from nanosched.limits import TOKEN_BYTES, check_fits, parameters, training_bytes
from nanosched.memory import format_bytes
from train import initial_state

GB = 1_000_000_000


@pytest.fixture
def machine(monkeypatch):
    def machine(cpu, cuda=None):
        monkeypatch.setattr(limits, "room", dict(cpu=cpu, cuda=cuda).__getitem__)

    return machine


@pytest.mark.parametrize(
    "changes, named",
    [
        (dict(threads=100_000), "threads"),
        (dict(steps=10**14), "steps"),
        (dict(n_embd=2_000_000), "n_embd"),
        (dict(n_layer=10**9), "n_layer"),
        (dict(block_size=10**12), "block_size"),
        (dict(batch_size=10**9), "batch_size"),
        (dict(batch_size=10**6), "batch_size"),
        (dict(gradient_accumulation_steps=10**12), "gradient_accumulation_steps"),
        (dict(eval_batches=10**12), "eval_batches"),
    ],
)
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_what_the_memory_has_no_room_for_is_named(machine, changes, named, device):
    machine(cpu=16 * GB, cuda=80 * GB)
    with pytest.raises(ValueError, match=f"^{named}={changes[named]} is not allowed: ") as error:
        check_fits(Config(device=device, **changes), 65)
    assert len(one_line(error)) < 200


def test_the_final_validation_counts_as_far_as_the_text_goes(machine):
    machine(cpu=16 * GB)
    config = Config(device="cpu", final_eval_tokens=2 * GB)
    check_fits(config, 65)  # before the text is known
    check_fits(config, 65, val_tokens=GB // 2)
    with pytest.raises(ValueError, match="^final_eval_tokens=2000000000 .* at least 32 GB"):
        check_fits(config, 65, val_tokens=3 * GB)


@pytest.mark.parametrize("script", ["compare.py", "train.py", "compare.py --dry-run"])
def test_a_text_too_long_for_the_final_validation_is_refused_before_training(
    cli, toml, dataset, machine, tmp_path, script
):
    config = Config(**load_toml(str(toml(final_eval_tokens=10**9))))
    needed = training_bytes(config, dataset.vocab_size)
    machine(cpu=needed + TOKEN_BYTES * len(dataset.val) // 2)
    said = cli(*script.split(), "--config", "tiny.toml", "--out", "out")
    assert said.code and said.err.startswith("error: final_eval_tokens=1000000000 is not allowed: ")
    assert not list(tmp_path.glob("out/runs/*/curve.csv"))


def test_parts_that_fit_one_by_one_need_not_fit_together(machine):
    config = Config(device="cpu", n_embd=4096, n_layer=4, steps=10_000_000)
    machine(cpu=18 * GB)
    check_fits(config, 65)
    machine(cpu=16 * GB)
    with pytest.raises(ValueError, match="n_embd=4096"):
        check_fits(config, 65)
    with pytest.raises(ValueError, match="steps=10000000"):  # 200 arrays of 160 MB
        check_fits(config, 65, schedules=200)


@pytest.mark.parametrize("vocab_size", [None, 50257])
def test_gpt2_medium_trains_on_a_gpu_and_gpt2_on_a_laptop(machine, vocab_size):
    machine(cpu=16 * GB, cuda=24 * GB)
    medium = dict(n_layer=24, n_head=16, n_embd=1024, block_size=1024, dtype="bfloat16")
    check_fits(Config(device="cuda", batch_size=8, **medium), vocab_size)
    small = dict(n_layer=12, n_head=12, n_embd=768, block_size=1024)
    check_fits(Config(device="cpu", batch_size=4, **small), vocab_size)


def test_a_system_that_does_not_say_refuses_nothing_but_threads(machine):
    machine(cpu=None)
    check_fits(Config(device="cpu", n_embd=2_000_000))
    with pytest.raises(ValueError, match="threads=257"):
        check_fits(Config(device="cpu", threads=257))


@pytest.mark.parametrize("bias", [True, False])
def test_parameters_are_the_models(bias):
    config = Config(n_layer=3, n_head=2, n_embd=16, block_size=8, bias=bias, device="cpu")
    model = initial_state(config, 65, seed=0).model
    assert parameters(config, 65) == sum(p.numel() for p in model.parameters())


def test_bytes_for_people():
    assert [format_bytes(n) for n in (0, 512, 1500, 21e9, 3.1e15, 1e30)] == [
        "0 B",
        "512 B",
        "1.5 kB",
        "21 GB",
        "3.1 PB",
        "over 1,000 EB",
    ]
