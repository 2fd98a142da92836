"""Command lines that nobody means: each works, or is refused in one line with exit code 2."""

import contextlib
import io
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import compare
import train
from nanosched.command import BAD_INPUT
from nanosched.config import Config

NASTY = [
    *(
        "",
        " ",
        "0",
        "-1",
        "1",
        "2",
        "3",
        "0.5",
        "1e-3",
        "nan",
        "inf",
        "-inf",
        "1e400",
        "9" * 400,
        "True",
        "none",
    ),
    *(
        "[",
        "[" * 5000,
        "(" * 300,
        "\u202e",
        "\n",
        "\x1b[31m",
        "é",
        "0-2",
        "2-0",
        "0,1,2",
        "a=b",
        ":",
        "::",
        "=",
        ",",
    ),
    *(
        "/dev/zero",
        "/dev/null",
        "/",
        ".",
        "..",
        "no/such/file",
        "~",
        "*",
        "%s",
        "{}",
        "None",
        "1_000",
        "0x10",
    ),
    *(
        "cosine",
        "wsd:",
        "wsd:cooldown",
        "wsd:cooldown=2",
        "all",
        "list",
        "torch:",
        "torch:StepLR",
        "x.py",
        "quick",
    ),
]
VALUES = st.sampled_from(NASTY) | st.text(max_size=8)
SETTINGS = [f"--{name}" for name in vars(Config()) if name not in ("steps", "warmup_steps", "device")]
LENGTHS = st.sampled_from(["0", "1", "5", "60", "1e3", "x", "-3", "10,20", "9" * 15, "9" * 400])
OPTION = st.one_of(
    st.tuples(st.sampled_from(SETTINGS), VALUES),
    st.tuples(st.sampled_from(["--steps", "--warmup_steps", "--max_iters"]), LENGTHS),
    st.tuples(st.sampled_from(["--config", "--bogus", "--lr", "--resume"]), VALUES),
)
COMPARE = st.one_of(
    OPTION,
    st.tuples(st.sampled_from(["--schedulers", "--seeds", "--peak-lr", "--protocol"]), VALUES),
    st.sampled_from([("--tune",), ("--aa",), ("--refine",), ("--log", "x")]),
)
TRAIN = st.one_of(
    OPTION,
    st.tuples(st.sampled_from(["--scheduler", "--seed", "--steps_this_run", "--end_lr_ratio"]), VALUES),
)


def outcome(main, arguments):
    """(exit code, standard error) of a command in this process."""
    err, before = io.StringIO(), sys.argv
    sys.argv = arguments
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(err):
            code = main() or 0
    except SystemExit as e:
        code = e.code or 0
    finally:
        sys.argv = before
    return code, err.getvalue()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


@pytest.fixture(autouse=True)
def in_folder(folder, monkeypatch):
    monkeypatch.chdir(folder)


def check(code, err, arguments):
    assert code in (0, BAD_INPUT), arguments
    if code == BAD_INPUT:
        assert err.startswith("error: ") and err.count("\n") == 1, (arguments, err)
        assert len(err) < 700 and err.rstrip("\n").isprintable(), err


seeded = settings(max_examples=150, derandomize=True, suppress_health_check=list(HealthCheck))


@seeded
@given(options=st.lists(COMPARE, max_size=4))
def test_compare_works_or_refuses_in_one_line(options):
    arguments = [word for option in options for word in option]
    code, err = outcome(compare.main, ["compare.py", "--dry-run", "--out", "out", *arguments])
    check(code, err, arguments)
    assert not list(Path().glob("out/runs/*"))


@seeded
@given(options=st.lists(TRAIN, max_size=4))
def test_train_refuses_in_one_line_or_goes_on(options):
    arguments = [word for option in options for word in option]
    code, err = outcome(train.parse_args, ["train.py", "--config", "quick", *arguments])
    if isinstance(code, int):
        check(code, err, arguments)
