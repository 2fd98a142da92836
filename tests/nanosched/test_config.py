"""What a Config allows, what the machine decides, and what a run id depends on."""

import math
from dataclasses import asdict, fields, replace

import numpy as np
import pytest

import nanosched
from nanosched import config as config_module
from nanosched.config import NOT_IDENTITY, Config
from nanosched.settings import allowed
from nanosched.version import VERSION
from schedulers import get_schedule


@pytest.fixture(autouse=True)
def plain_cpu(monkeypatch):
    """No GPU, no bfloat16, a C++ compiler that works."""
    monkeypatch.setattr(config_module, "has_cuda", lambda: False)
    for module in (config_module, config_module.compiler):
        monkeypatch.setattr(module, "has_bfloat16", lambda: False)
    monkeypatch.setattr(config_module.compiler, "fault", lambda: "")


def one_line(error):
    message = str(error.value)
    assert "\n" not in message
    return message


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
        ("steps", 10**15 + 1, "at most 1,000,000,000,000,000"),
        ("eval_batches", 10**18, "at most 1,000,000,000,000,000"),
    ],
)
def test_a_value_that_cant_be_is_refused_in_one_line(name, value, allowed):
    with pytest.raises(ValueError) as error:
        Config(**{name: value})
    message = one_line(error)
    shown = float(value) if name in ("peak_lr", "beta1", "grad_clip") and type(value) is int else value
    blamed = "n_embd=128" if (name, value) == ("n_head", 3) else f"{name}={shown!r}"
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


def test_every_setting_has_a_help_text_and_limits():
    for f in fields(Config):
        limits = f.metadata
        assert limits["help"] and "\n" not in limits["help"] and not limits["help"].endswith("."), f.name
        if type(f.default) in (int, float):
            assert (limits["low"] is None) != (limits["above"] is None), f.name
        assert f.name in ("dataset", "average") or allowed(f) != "a text", f.name


def test_a_refusal_says_all_that_is_allowed():
    for value in (-1, "many", math.inf, 2.5):
        with pytest.raises(ValueError, match="give a whole number of at least 0$"):
            Config(warmup_steps=value)


@pytest.mark.parametrize("value", [10**400, "1e400", [], {}, None])
def test_any_value_at_all_is_refused_in_one_line(value):
    for name in ("n_layer", "peak_lr", "bias"):
        with pytest.raises(ValueError) as error:
            Config(**{name: value})
        assert one_line(error).startswith(f"{name}=")


def test_case_does_not_matter_where_there_are_choices():
    config = Config(device="CPU", compile="FALSE", bias="True")
    assert (config.device, config.compile, config.bias) == ("cpu", "false", True)


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


@pytest.mark.parametrize(
    "fast, changes, dtype, compile",
    [
        (True, {}, "bfloat16", "true"),  # the default, 300 steps
        (True, dict(steps=199), "bfloat16", "false"),
        (True, dict(steps=200), "bfloat16", "true"),
        (True, dict(dropout=0.1), "bfloat16", "false"),
        (True, dict(compile="false"), "bfloat16", "false"),
        (True, dict(dtype="float32"), "float32", "false"),
        (True, dict(dtype="float32", compile="true"), "float32", "true"),
        (True, dict(replicas="stacked"), "bfloat16", "false"),
        (False, {}, "float32", "false"),
        (False, dict(dtype="bfloat16"), "bfloat16", "false"),
        (False, dict(compile="true"), "float32", "true"),
    ],
)
def test_a_cpu_that_multiplies_bfloat16_trains_in_bfloat16_and_compiles_where_that_pays(
    monkeypatch, capsys, fast, changes, dtype, compile
):
    for module in (config_module, config_module.compiler):
        monkeypatch.setattr(module, "has_bfloat16", lambda: fast)
    here = Config(**changes).on_this_machine()
    assert (here.device, here.dtype, here.compile) == ("cpu", dtype, compile)
    assert here.on_this_machine() == here and capsys.readouterr().err == ""


def test_without_a_compiler_that_works_one_line_says_so(monkeypatch, capsys):
    monkeypatch.setattr(config_module.compiler, "fault", lambda: "g++: No such file or directory")
    monkeypatch.setattr(config_module.compiler, "has_bfloat16", lambda: True)
    assert Config(dtype="bfloat16").on_this_machine().compile == "false"
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "torch.compile" in said and "g++: No such file or directory" in said
    assert Config(dtype="float32").on_this_machine().compile == "false"  # it would not be used
    assert capsys.readouterr().err == ""
    with pytest.raises(ValueError) as error:
        Config(compile="true").on_this_machine()
    assert "compile='true' is not allowed" in one_line(error) and "g++" in one_line(error)
    with pytest.raises(ValueError, match="compile='true' is not allowed: stacked runs"):
        Config(compile="true", replicas="stacked").on_this_machine()


# --- the run id


class Array:
    """Stands for any schedule: the run id knows only its array."""

    reaction, optimizer = "", "adamw"

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
    final_eval_tokens=1000,
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


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_stacking_changes_the_rounding_on_any_device(device):
    """So stacked runs have ids of their own; runs trained separately, or not yet decided, have one."""
    ids = {
        replicas: Config(device=device, dtype="float32", replicas=replicas).run_id(CONSTANT, 0, "data")
        for replicas in ("auto", "separate", "stacked")
    }
    assert ids["auto"] == ids["separate"] != ids["stacked"]


@pytest.mark.parametrize(
    "settings, run_id",
    [
        (dict(), "c0bcd803a0a65ef7"),
        (dict(replicas="stacked"), "40510d3d1030e124"),
        (dict(device="cpu", dtype="float32", compile="false", replicas="separate"), "c6cac44360741c01"),
        (
            dict(device="cpu", dtype="float32", replicas="stacked", threads=2, compile="false"),
            "536362b1be6c7347",
        ),
        (dict(device="cuda", dtype="bfloat16", compile="true", threads=4), "cbb9136b1ad7601a"),
        (
            dict(
                device="cuda",
                n_layer=12,
                n_embd=768,
                n_head=12,
                block_size=1024,
                bias=True,
                dtype="bfloat16",
                compile="true",
            ),
            "59aebb83c0866a5e",
        ),
    ],
)
def test_run_ids_stay_as_they_were(settings, run_id):
    """A store made by a version that measures the same numbers stays complete."""
    assert Config(**settings).run_id(CONSTANT, 0, "data") == run_id


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
    # plateau follows the constant array until a loss tells it otherwise: each kind of it is a run of its own
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


# --- the package


def test_the_package_knows_its_version():
    assert nanosched.__version__ == VERSION
