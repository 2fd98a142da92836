"""Settings from TOML and the command line, their errors, and what a run id depends on."""

import argparse
import math
from dataclasses import asdict, fields, replace

import numpy as np
import pytest

from nanosched import config as config_module
from nanosched.config import (
    ALIASES,
    COMPARISON,
    CONFIGS,
    NOT_IDENTITY,
    Config,
    add_flags,
    default_preset,
    from_args,
    load_toml,
)
from schedulers import get_schedule


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch):
    monkeypatch.setattr(config_module, "has_cuda", lambda: False)


def read(*flags):
    parser = argparse.ArgumentParser()
    add_flags(parser)
    return from_args(parser.parse_args(list(flags)))


def one_line(error):
    message = str(error.value)
    assert "\n" not in message
    return message


# --- presets and files


@pytest.mark.parametrize("name", sorted(path.stem for path in CONFIGS.glob("*.toml")))
def test_every_preset_loads_by_name_and_by_path(name):
    settings = load_toml(name)
    assert settings == load_toml(str(CONFIGS / f"{name}.toml"))
    config = Config(**{key: value for key, value in settings.items() if key not in COMPARISON})
    get_schedule("cosine", steps=config.steps, peak_lr=config.peak_lr, warmup_steps=config.warmup_steps).lrs()


def test_the_presets_are_the_published_recipes():
    cpu, gpt2 = Config(**load_toml("cpu")), Config(**load_toml("gpt2"))
    assert cpu == Config()  # --help promises that these are the defaults
    assert (cpu.n_layer, cpu.n_head, cpu.n_embd, cpu.block_size, cpu.batch_size) == (4, 4, 128, 64, 12)
    assert (gpt2.n_layer, gpt2.n_head, gpt2.n_embd, gpt2.block_size, gpt2.beta2) == (12, 12, 768, 1024, 0.95)
    assert gpt2.tokens_per_step == 524_288 == Config(**load_toml("gpt2-medium")).tokens_per_step


def test_the_default_preset_is_char_on_a_gpu_and_cpu_elsewhere(monkeypatch):
    assert default_preset("auto") == "cpu"
    monkeypatch.setattr(config_module, "has_cuda", lambda: True)
    assert (default_preset("auto"), default_preset("cuda"), default_preset("cpu")) == ("char", "char", "cpu")


@pytest.mark.parametrize(
    "key, near",
    [
        ("warmup_stepz", "warmup_steps"),
        ("learning_rat", "learning_rate"),
        ("n_layers", "n_layer"),
        ("scheduler", "schedulers"),
        ("seed", "seeds"),
        ("gradient_accumulation", "gradient_accumulation_steps"),
    ],
)
def test_an_unknown_key_is_named_with_the_nearest(toml, key, near):
    path = toml(**{key: 1})
    with pytest.raises(ValueError) as error:
        load_toml(str(path))
    message = one_line(error)
    assert str(path) in message and repr(key) in message and message.endswith(repr(near))


def test_a_key_like_no_other_is_an_error_too(toml):
    with pytest.raises(ValueError, match="unknown key '§§§'"):
        load_toml(str(toml(**{'"§§§"': 1})))


@pytest.mark.parametrize(
    "content, words",
    [
        (b"steps = ", "can't be read"),
        (b"steps = 1\nsteps = 2\n", "can't be read"),
        (b"dataset = '\xff'", "can't be read"),
        (None, "is not there"),
    ],
)
def test_a_file_that_cant_be_read_is_one_line(tmp_path, content, words):
    path = tmp_path / "mine.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError) as error:
        load_toml(str(path))
    assert str(path) in one_line(error) and words in one_line(error)


def test_a_preset_that_is_not_there_names_those_that_are():
    with pytest.raises(ValueError) as error:
        load_toml("gtp2")
    assert "char, cpu, gpt2, gpt2-medium" in one_line(error)


def test_a_folder_is_no_config(tmp_path):
    (tmp_path / "x.toml").mkdir()
    with pytest.raises(ValueError, match="can't be read"):
        load_toml(str(tmp_path / "x.toml"))


@pytest.mark.parametrize(
    "alias, name, value",
    [
        ("learning_rate", "peak_lr", 0.003),
        ("max_steps", "steps", 77),
        ("max_iters", "steps", 77),
        ("warmup_iters", "warmup_steps", 7),
        ("eval_iters", "eval_batches", 3),
    ],
)
def test_other_codebases_names(tmp_path, alias, name, value):
    path = tmp_path / "mine.toml"
    path.write_text(f"{alias} = {value}\n")
    assert load_toml(str(path)) == {name: value}
    expected = replace(Config(), **{name: value})
    for flag in {f"--{alias}", f"--{alias.replace('_', '-')}", f"--{name}", f"--{name.replace('_', '-')}"}:
        assert getattr(read(flag, str(value))[0], name) == getattr(expected, name), flag


def test_flags_win_over_the_file_and_the_file_over_the_defaults(toml):
    path = str(toml(schedulers=["wsd", "cosine"], seeds=[3, 4]))
    config, comparison, name = read("--config", path, "--steps", "40", "--bias", "TRUE", "--dropout", "0.25")
    assert (config.steps, config.bias, config.dropout) == (40, True, 0.25)  # the flags
    assert (config.n_layer, config.peak_lr, config.warmup_steps) == (1, 0.01, 2)  # the file
    assert config.weight_decay == Config().weight_decay
    assert comparison == dict(schedulers=["wsd", "cosine"], seeds=[3, 4]) and name == "tiny"


def test_text_becomes_numbers_and_numbers_stay_exact():
    config = read("--steps", "1e3", "--peak-lr", "6e-4", "--warmup-steps", "30")[0]
    assert (config.steps, config.peak_lr) == (1000, 6e-4) and type(config.steps) is int
    assert Config(compile=True).compile == "true" and Config(compile="False").compile == "false"


# --- what is refused


@pytest.mark.parametrize(
    "name, value, allowed",
    [
        ("steps", 0, "at least 1"),
        ("steps", 2.5, "a whole number"),
        ("steps", "many", "a whole number"),
        ("steps", True, "a whole number"),
        ("n_layer", 0, "at least 1"),
        ("n_head", -1, "at least 1"),
        ("n_head", 3, "a multiple of n_head=3"),
        ("block_size", "", "a whole number"),
        ("batch_size", None, "a whole number"),
        ("gradient_accumulation_steps", 0, "at least 1"),
        ("eval_interval", 0, "at least 1"),
        ("eval_batches", 0, "at least 1"),
        ("checkpoint_interval", 0, "at least 1"),
        ("warmup_steps", -1, "at least 0"),
        ("warmup_steps", 301, "at most steps=300"),
        ("peak_lr", 0, "above 0"),
        ("peak_lr", -1e-3, "above 0"),
        ("peak_lr", math.nan, "a finite number"),
        ("peak_lr", "inf", "a finite number"),
        ("peak_lr", [1e-3, 2e-3], "a finite number"),
        ("weight_decay", -0.1, "at least 0"),
        ("grad_clip", -1, "at least 0"),
        ("beta1", 1, "below 1"),
        ("beta2", -0.5, "from 0"),
        ("dropout", 1.0, "below 1"),
        ("bias", "yes", "true or false"),
        ("bias", 1, "true or false"),
        ("tokenizer", "word", "char, byte or gpt2"),
        ("device", "gpu", "auto, cpu or cuda"),
        ("dtype", "float16", "auto, float32 or bfloat16"),
        ("compile", "maybe", "auto, true or false"),
        ("dataset", 3, "a text"),
    ],
)
def test_a_value_that_cant_be_is_refused_in_one_line(name, value, allowed):
    with pytest.raises(ValueError) as error:
        Config(**{name: value})
    message = one_line(error)
    blamed = (
        "n_embd=128"
        if value == 3 and name == "n_head"
        else f"{name}={float(value) if name in ('peak_lr', 'beta1', 'grad_clip') and type(value) is int else value!r}"
    )
    assert message.startswith(f"{blamed} is not allowed: give ") and allowed in message


@pytest.mark.parametrize(
    "name, value",
    [
        ("warmup_steps", 300),
        ("warmup_steps", 0),
        ("grad_clip", 0),
        ("weight_decay", 0),
        ("dropout", 0),
        ("beta1", 0),
        ("steps", "300.0"),
    ],
)
def test_the_limits_themselves_are_allowed(name, value):
    assert getattr(Config(**{name: value}), name) == float(value)


# --- the machine


def test_auto_is_decided_by_the_machine(monkeypatch):
    here = Config().on_this_machine()
    assert (here.device, here.dtype, here.compile) == ("cpu", "float32", "false")
    kept = Config(dtype="bfloat16", compile="true").on_this_machine()
    assert (kept.device, kept.dtype, kept.compile) == ("cpu", "bfloat16", "true")
    monkeypatch.setattr(config_module, "has_cuda", lambda: True)
    there = Config().on_this_machine()
    assert (there.device, there.dtype, there.compile) == ("cuda", "bfloat16", "true")
    asked = Config(device="cpu").on_this_machine()
    assert (asked.device, asked.dtype, asked.compile) == ("cpu", "float32", "false")


def test_cuda_without_a_gpu_is_one_line():
    with pytest.raises(ValueError) as error:
        read("--device", "cuda")
    message = one_line(error)
    assert "device='cuda'" in message and "no GPU" in message and "--device cpu" in message


# --- the run id


class Array:
    """Stands for any schedule: the run id knows only its array."""

    reaction = ""

    def __init__(self, lrs):
        self.values = np.array(lrs, np.float64)

    def lrs(self):
        return self.values


CONSTANT = Array([1e-3] * 300)
OTHERS = dict(
    tokenizer="byte",
    n_layer=5,
    n_head=2,
    n_embd=64,
    block_size=32,
    bias=True,
    dropout=0.1,
    batch_size=6,
    gradient_accumulation_steps=2,
    weight_decay=0.2,
    beta1=0.8,
    beta2=0.999,
    grad_clip=0.0,
    eval_interval=25,
    eval_batches=10,
    device="cpu",
    threads=2,
    replicas="stacked",
    dtype="bfloat16",
    compile="true",
)


def test_every_setting_is_known_to_the_run_id_tests():
    assert set(OTHERS) | NOT_IDENTITY == {f.name for f in fields(Config)}


@pytest.mark.parametrize("name", OTHERS)
def test_the_run_id_changes_with(name):
    config = Config()
    assert config.run_id(CONSTANT, 0, "data") != replace(config, **{name: OTHERS[name]}).run_id(
        CONSTANT, 0, "data"
    )


@pytest.mark.parametrize(
    "changes",
    [dict(dataset="another.txt"), dict(checkpoint_interval=7), dict(peak_lr=0.5), dict(warmup_steps=3)],
)
def test_the_run_id_does_not_change_with(changes):
    config = Config()
    assert config.run_id(CONSTANT, 0, "data") == replace(config, **changes).run_id(CONSTANT, 0, "data")


def test_threads_change_the_rounding_on_a_cpu_only():
    for device, ids in (("cpu", 2), ("cuda", 1)):
        assert (
            len({Config(device=device, threads=threads).run_id(CONSTANT, 0, "data") for threads in (1, 2)})
            == ids
        )


def test_the_run_id_is_of_the_seed_the_data_and_every_bit_of_the_array():
    config, bit = Config(), np.full(300, 1e-3)
    bit[299] = np.nextafter(bit[299], 1)
    ids = [
        config.run_id(*what)
        for what in [
            (CONSTANT, 0, "data"),
            (CONSTANT, 1, "data"),
            (CONSTANT, 0, "atad"),
            (Array(bit), 0, "data"),
            (Array([1e-3] * 299), 0, "data"),
        ]
    ]
    assert len(set(ids)) == 5 and all(len(i) == 16 and int(i, 16) >= 0 for i in ids)
    assert Config(**asdict(config)).run_id(Array([1e-3] * 300), 0, "data") == ids[0]


def test_two_names_for_one_array_are_one_run():
    def run_id(spec, **more):
        return Config().run_id(get_schedule(spec, 300, 1e-3, warmup_steps=30, **more), 0, "data")

    assert (
        run_id("constant")
        == run_id("fixed_lr")
        == run_id("step:gamma=1")
        == run_id("cosine:final_lr_ratio=1")
    )
    assert run_id("constant") != run_id("cosine")
    # plateau follows the constant array until a loss tells it otherwise, so it is a run of its own, each kind of it
    assert (
        len({run_id(spec) for spec in ("constant", "plateau", "plateau:patience=0", "plateau:factor=0.1")})
        == 4
    )


def test_the_warmup_of_a_reactive_schedule_is_part_of_its_run_id():
    ids = {
        Config().run_id(get_schedule("plateau:warmup_start=1", 300, 1e-3, warmup_steps=w), 0, "data")
        for w in (0, 150)
    }
    assert len(ids) == 2


def test_the_aliases_stand_for_settings():
    assert set(ALIASES.values()) <= {f.name for f in fields(Config)}
    assert not set(ALIASES) & {f.name for f in fields(Config)}


# --- what the other modules see


def test_the_package_gives_the_contract_names():
    import nanosched

    for name in nanosched.__all__:
        assert getattr(nanosched, name).__name__ == name
    with pytest.raises(AttributeError, match="nothing"):
        nanosched.nothing


@pytest.mark.parametrize(
    "card, flops",
    [
        ("NVIDIA H100 80GB HBM3", 989e12),
        ("NVIDIA H100 PCIe", 756e12),
        ("NVIDIA H200", 989e12),
        ("NVIDIA A100-SXM4-80GB", 312e12),
        ("NVIDIA L4", 121e12),
        ("NVIDIA L40S", 362e12),
        ("NVIDIA L40", 181e12),
    ],
)
def test_the_flops_of_a_card_are_its_datasheets(monkeypatch, card, flops):
    from nanosched import hardware

    monkeypatch.setattr(hardware, "device_name", lambda device: card)
    monkeypatch.setattr(
        hardware, "_measured_flops", lambda device, dtype: 181e12
    )  # what a fallback would find
    hardware.peak_flops.cache_clear()
    assert hardware.peak_flops("cuda", "bfloat16") == flops
    hardware.peak_flops.cache_clear()
