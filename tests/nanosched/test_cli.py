"""Settings from TOML files and the command line, and their errors."""

import argparse
import os
import subprocess
import sys
from dataclasses import fields, replace

import pytest
from helpers import ROOT
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from nanosched import cli, config
from nanosched.cli import (
    ALIASES,
    COMPARISON,
    CONFIGS,
    add_flags,
    default_preset,
    from_args,
    load_toml,
)
from nanosched.config import Config
from nanosched.known import KEYS as KNOWN
from nanosched.known import Known
from nanosched.regular import read_regular
from schedulers import get_schedule


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch):
    for module in (cli, config):
        monkeypatch.setattr(module, "has_cuda", lambda: False)


def setup(*flags, tokenizers=None, vocab_size=65):
    """What a script reads from these flags; `tokenizers` are those that a dataset is bound to."""
    parser = argparse.ArgumentParser()
    add_flags(parser)
    args = parser.parse_args(list(flags))
    return from_args(args, (tokenizers or {}).get, lambda dataset, tokenizer: vocab_size)


def read(*flags):
    found = setup(*flags)
    return found.config, found.comparison, found.name


def horizons(*flags, vocab_size=50257):
    return setup(*flags, vocab_size=vocab_size).horizons


def one_line(error):
    message = str(error.value)
    assert "\n" not in message
    return message


def known(*flags):
    found = setup(*flags)
    return found.known_of(found.config)


# --- presets and files


@pytest.mark.parametrize("name", sorted(path.stem for path in CONFIGS.glob("*.toml")))
def test_every_preset_loads_by_name_and_by_path(name):
    settings = load_toml(name)
    assert settings == load_toml(str(CONFIGS / f"{name}.toml"))
    config = Config(**{key: value for key, value in settings.items() if key in cli.SETTINGS})
    assert set(settings) <= cli.SETTINGS | COMPARISON | set(KNOWN)
    get_schedule("cosine", steps=config.steps, peak_lr=config.peak_lr, warmup_steps=config.warmup_steps).lrs()


def test_the_presets_are_the_published_recipes():
    cpu, gpt2 = Config(**load_toml("nanogpt-cpu")), Config(**load_toml("gpt2"))
    assert cpu == Config()  # --help promises that these are the defaults
    assert (cpu.n_layer, cpu.n_head, cpu.n_embd, cpu.block_size, cpu.batch_size) == (4, 4, 128, 64, 12)
    assert (gpt2.n_layer, gpt2.n_head, gpt2.n_embd, gpt2.block_size, gpt2.beta2) == (12, 12, 768, 1024, 0.95)
    assert gpt2.tokens_per_step == 524_288 == Config(**load_toml("gpt2-medium")).tokens_per_step


def test_tokens_per_parameter_set_the_steps():
    # GPT-2 124M as nanoGPT counts it: with biases, 50,304 tokens, and the position embedding left out
    gpt2 = 12 * (12 * 768**2 + 13 * 768) + (2 + 50304) * 768
    assert horizons("--config", "gpt2", "--tokens-per-parameter", "20") == [round(20 * gpt2 / 524_288)]
    cpu = 2 * (12 * 64**2 + 2 * 64) + (1 + 65) * 64
    batch = ("--batch_size", "32", "--n_layer", "2", "--n_head", "2", "--n_embd", "64")
    found = horizons(*batch, "--tokens-per-parameter", "0.3,20", vocab_size=65)
    assert found == [round(x * cpu / 2048) for x in (0.3, 20)]
    assert horizons("--steps", "7") == [7]


def test_tokens_per_parameter_in_a_file_give_way_to_the_steps_of_the_command_line(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("tokens_per_parameter = 2\n")
    (steps,) = horizons("--config", str(path), vocab_size=65)
    assert horizons("--config", str(path), "--tokens-per-parameter", "4", vocab_size=65) == [
        pytest.approx(2 * steps, abs=1)
    ]
    assert horizons("--config", str(path), "--steps", "9") == [9]
    assert read("--config", str(path), "--steps", "9")[0].steps == 9


@pytest.mark.parametrize("given", ["0", "-1", "nan", "inf", "twenty", "", "2,0", "1e9"])
def test_tokens_per_parameter_that_cant_be_are_named(given):
    with pytest.raises(ValueError) as error:
        horizons(f"--tokens-per-parameter={given}")
    assert one_line(error).startswith("tokens_per_parameter=")


def test_steps_and_tokens_per_parameter_exclude_each_other(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("steps = 5\ntokens_per_parameter = 2\n")
    for flags in (["--steps", "5", "--tokens-per-parameter", "2"], ["--config", str(path)]):
        with pytest.raises(ValueError) as error:
            horizons(*flags)
        assert "give one of them" in one_line(error)


def test_the_default_preset_is_char_on_a_gpu_and_cpu_elsewhere(monkeypatch):
    assert default_preset("auto") == "cpu"
    monkeypatch.setattr(cli, "has_cuda", lambda: True)
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


@pytest.mark.parametrize("key", ["wandb_project", "wandb_log", "out_dir", "min_lr", "backend", "init_from"])
def test_a_key_that_is_near_no_other_gets_no_neighbour(toml, key):
    with pytest.raises(ValueError) as error:
        load_toml(str(toml(**{key: 1})))
    message = one_line(error)
    assert repr(key) in message and message.endswith("python compare.py --help lists the keys")
    assert not any(repr(name) in message for name in cli.SETTINGS | set(ALIASES) | COMPARISON)


@pytest.mark.parametrize(
    "content, words",
    [
        (b"steps = ", "can't be read"),
        (b"steps = 1\nsteps = 2\n", "can't be read"),
        (b"dataset = '\xff'", "can't be read"),
        (None, "is not there"),
        (b"seeds = " + b"[" * 5000, "nested too deep"),
        (b"peak_lr." + b"a." * 2000 + b"a = 1", "can't be read|peak_lr="),
        (b"steps = " + b"9" * 5000, "a number of more than 4,300 digits"),
        (b"x" * 200_000, "200,000 bytes, at most 100,000"),
    ],
    ids=["no value", "twice", "not UTF-8", "missing", "5,000 [", "2,000 dots", "5,000 digits", "large"],
)
def test_a_file_that_cant_be_read_is_one_line(tmp_path, content, words):
    path = tmp_path / "mine.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=words) as error:
        Config(**load_toml(str(path)))
    assert len(one_line(error)) < 400
    assert str(path) in one_line(error) or one_line(error).startswith("peak_lr=")


def test_a_preset_that_is_not_there_names_those_that_are():
    with pytest.raises(ValueError) as error:
        load_toml("gtp2")
    assert "char, cpu, gpt2, gpt2-medium" in one_line(error)


def test_a_folder_is_no_config(tmp_path):
    (tmp_path / "x.toml").mkdir()
    with pytest.raises(ValueError, match="can't be read"):
        load_toml(str(tmp_path / "x.toml"))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes here")
def test_a_pipe_or_a_device_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.toml")
    (tmp_path / "device.toml").symlink_to("/dev/zero")
    for name in ("pipe", "device"):
        with pytest.raises(ValueError, match=f"can't be read: it is a {name}, not a regular file"):
            load_toml(str(tmp_path / f"{name}.toml"))


def test_a_toml_file_may_begin_with_a_byte_order_mark(tmp_path):
    (tmp_path / "x.toml").write_bytes("\ufeffsteps = 7".encode())
    assert load_toml(str(tmp_path / "x.toml")) == dict(steps=7)


def test_a_config_without_a_name_is_not_the_default():
    with pytest.raises(ValueError, match="config='' is not there"):
        read("--config=")


@pytest.mark.parametrize("key", ["schedulers", "seeds"])
@pytest.mark.parametrize(
    "value", ["5.0", "true", "[]", "[[1]]", "{a = 1}", "2020-01-01", '[1, "a"]', "[nan]"]
)
def test_a_comparisons_setting_has_its_type(tmp_path, key, value):
    (tmp_path / "x.toml").write_text(f"{key} = {value}")
    with pytest.raises(ValueError, match=f"{key}=.* is not allowed: give a") as error:
        load_toml(str(tmp_path / "x.toml"))
    one_line(error)


@pytest.mark.parametrize(
    "line", ["schedulers = 'wsd'", "schedulers = ['wsd']", "seeds = 3", "seeds = '0-2'", "seeds = [0, 1]"]
)
def test_one_value_or_a_list_of_them(tmp_path, line):
    (tmp_path / "x.toml").write_text(line)
    assert len(load_toml(str(tmp_path / "x.toml"))) == 1


def test_schedulers_that_are_a_number_are_refused(tmp_path):
    (tmp_path / "x.toml").write_text("schedulers = 5")
    with pytest.raises(ValueError, match=r"schedulers=5 is not allowed: give a text or a list of texts"):
        load_toml(str(tmp_path / "x.toml"))


# --- what was measured


@pytest.mark.parametrize(
    "flags, expected",
    [
        ([], Known(8e-3, 0.01, "book")),
        (["--eval_interval", "7", "--device", "cpu"], Known(8e-3, 0.01, "book")),
        (["--peak_lr", "0.002"], Known(8e-3, None, "book")),  # its noise is another
        (["--steps", "60"], Known()),
        (["--warmup_steps", "3"], Known()),
        (["--n_layer", "3"], Known()),
        (["--beta2", "0.95"], Known()),
        (["--tokenizer", "byte"], Known()),
        (["--batch_size", "24"], Known()),
    ],
)
def test_what_was_measured_is_known_of_exactly_these_runs(tmp_path, flags, expected):
    path = tmp_path / "mine.toml"
    measured = "known_peak_lr = 8e-3\nknown_noise = 0.01\nknown_dataset = 'book'"
    path.write_text(f"steps = 50\nwarmup_steps = 5\npeak_lr = 0.004\n{measured}")
    assert known("--config", str(path), *flags) == expected


BOOK = Known(8e-3, None, "book")


@pytest.mark.parametrize("warmup", ["", "warmup_steps = 1000\n"])  # above the default of 300 steps
@pytest.mark.parametrize("flags, expected", [((), BOOK), (("20",), BOOK), (("19",), Known())])
def test_what_was_measured_at_so_many_tokens_per_parameter_is_known_of_them(
    tmp_path, capsys, warmup, flags, expected
):
    path = tmp_path / "mine.toml"
    measured = "known_peak_lr = 8e-3\nknown_dataset = 'book'"
    path.write_text(f"n_layer = 1\ntokens_per_parameter = 20\n{measured}\n{warmup}")
    assert known("--config", str(path), *(f"--tokens-per-parameter={x}" for x in flags)) == expected
    assert capsys.readouterr().out.count("warmup:") == (not warmup)


def test_numbers_of_tokens_that_take_as_many_steps_are_one_horizon():
    assert horizons("--tokens-per-parameter", "1e-6,2e-6,1e-5", vocab_size=65) == [1]


@pytest.mark.parametrize("script", ["compare.py", "train.py"])
def test_the_file_is_read_once(cli, toml, monkeypatch, script):
    """What is edited meanwhile can't be half in a comparison."""
    path, read = toml(known_peak_lr=8e-3, known_dataset="book"), []

    def counted(path, limit):
        read.append(path)
        return read_regular(path, limit)

    monkeypatch.setattr("nanosched.cli.read_regular", counted)
    flags = [] if script == "train.py" else ["--schedulers", "constant", "--dry-run"]
    assert cli(script, "--config", path, *flags).code == 0 and read == [path]


def test_a_file_that_states_nothing_measured_knows_nothing(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("steps = 50")
    assert known("--config", str(path)) == Known()


@pytest.mark.parametrize("key", ["known_peak_lr", "known_noise"])
@pytest.mark.parametrize("value", ["0", "-1e-3", "inf", "nan", "true", "'8e-3'", "[8e-3]"])
def test_what_was_measured_is_a_number_above_0(tmp_path, key, value):
    (tmp_path / "x.toml").write_text(f"{key} = {value}")
    with pytest.raises(ValueError, match=f"{key}=.* is not allowed: give what was measured") as error:
        load_toml(str(tmp_path / "x.toml"))
    one_line(error)


@pytest.mark.parametrize(
    "lines, words",
    [
        ("known_noise = 0.01", "known_noise is not allowed alone: name the dataset it was measured on"),
        ("known_noise = 0.01\nknown_dataset = 3", "known_dataset=3 is not allowed: give the name"),
    ],
)
def test_what_was_measured_was_measured_on_a_dataset(tmp_path, lines, words):
    (tmp_path / "x.toml").write_text(lines)
    with pytest.raises(ValueError, match=words) as error:
        load_toml(str(tmp_path / "x.toml"))
    one_line(error)


def test_what_the_presets_know_says_of_which_dataset():
    stated = [
        cli.checked_known({k: v for k, v in load_toml(name).items() if k in KNOWN}) for name in cli.presets()
    ]
    measured = [known for known in stated if known != Known()]
    assert measured and all(known.on(known.dataset) == known for known in measured)
    assert all(known.on("pystdlib") == Known() for known in measured)


KEYS = st.sampled_from(sorted(cli.SETTINGS | set(ALIASES) | COMPARISON | set(KNOWN)))
VALUES = st.one_of(
    st.integers().map(str),
    st.floats().map(repr),
    st.integers(300, 5000).map(lambda digits: "9" * digits),
    st.text(st.characters(codec="utf-8", exclude_characters="'\n"), max_size=300).map("'{}'".format),
    st.sampled_from(
        ["true", "2020-01-01T00:00:00Z", "07:32:00", "{}", "[[]]", "[1, 'a']", "-inf", "[" * 3000]
    ),
)
LINES = st.one_of(
    st.builds("{} = {}".format, KEYS, VALUES), st.builds("[{}]".format, KEYS), st.text(max_size=30)
)


@seed(12)
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(LINES, max_size=4).map("\n".join) | st.binary(max_size=50))
def test_any_toml_gives_settings_or_one_line(tmp_path, content):
    path = tmp_path / "x.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
    try:
        config, comparison, _ = read("--config", str(path), "--device", "cpu")
    except ValueError as error:
        assert str(error).isprintable() and len(str(error)) < 500
    else:
        assert isinstance(config, Config) and set(comparison) <= COMPARISON


@pytest.mark.parametrize(
    "lines, flags, tokenizer",
    [
        ("", ["--dataset", "bytes"], "byte"),
        ("dataset = 'bytes'", [], "byte"),
        ("tokenizer = 'gpt2'", ["--dataset", "bytes"], "byte"),
        ("dataset = 'bytes'\ntokenizer = 'gpt2'", [], "gpt2"),  # which open_dataset refuses
        ("", ["--dataset", "bytes", "--tokenizer", "gpt2"], "gpt2"),
        ("tokenizer = 'gpt2'", ["--dataset", "text"], "gpt2"),
        ("tokenizer = 'gpt2'", [], "gpt2"),
        ("", [], "char"),
    ],
)
def test_a_dataset_that_knows_its_tokenizer_needs_none(tmp_path, lines, flags, tokenizer):
    (tmp_path / "x.toml").write_text(lines)
    found = setup("--config", str(tmp_path / "x.toml"), *flags, tokenizers=dict(bytes="byte"))
    assert found.config.tokenizer == tokenizer


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


def test_cuda_without_a_gpu_is_one_line():
    with pytest.raises(ValueError) as error:
        read("--device", "cuda")
    message = one_line(error)
    assert "device='cuda'" in message and "no GPU" in message and "--device cpu" in message


def test_the_aliases_stand_for_settings():
    assert set(ALIASES.values()) <= {f.name for f in fields(Config)}
    assert not set(ALIASES) & {f.name for f in fields(Config)}


# --- --help


def help_text(monkeypatch, width=100):
    monkeypatch.setenv("COLUMNS", str(width))
    parser = argparse.ArgumentParser(formatter_class=argparse.RawDescriptionHelpFormatter)
    add_flags(parser)
    return parser.format_help()


@pytest.mark.parametrize("f", fields(Config), ids=lambda f: f.name)
def test_help_shows_each_setting_once_with_its_sentence(monkeypatch, f):
    shown = [line.split() for line in help_text(monkeypatch).splitlines() if line.startswith("  --")]
    assert [words[0] for words in shown].count(f"--{f.name}") == 1
    assert not any(word.startswith("--") for words in shown for word in words[1:2])
    text = " ".join(help_text(monkeypatch, 1000).split())
    assert f.metadata["help"] in text and len(f.metadata["help"].split()) > 1


@pytest.mark.parametrize(
    "flag",
    [
        "--n_layer N ",
        "--peak_lr X ",
        "--bias {true,false} ",
        "--dtype {auto,float32,bfloat16} ",
        "--dataset NAME_OR_PATH ",
        "(also --max_steps, --max_iters); default 300",
        "(also --learning_rate, --lr); default 0.001",
        "default false",
    ],
)
def test_help_says_what_to_give(monkeypatch, flag):
    assert flag in " ".join(help_text(monkeypatch, 1000).split()) + " "


def test_no_sentence_of_help_is_split_at_a_dash(monkeypatch):
    for width in range(60, 120):
        text = help_text(monkeypatch, width)
        for flag in ("--peak-lr", "--learning_rate", "--max_steps", "--warmup_iters"):
            assert flag in text, width


def test_settings_are_read_without_torch():
    code = "import sys, nanosched.cli; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
