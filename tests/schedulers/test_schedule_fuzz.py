"""Texts and formulas that nobody means: a Schedule with an array, or a ValueError in one line."""

import string
from decimal import Decimal
from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from schedulers import Schedule, get_schedule, list_schedules, register, resolve, split_specs
from schedulers.core.registry import REGISTRY

LONGEST = (
    700  # characters of an error: it quotes at most 100 of each thing that was given, or 300 of an exception
)
fuzzed = settings(max_examples=300, deadline=None, derandomize=True, database=None)


def arrays_or_one_line(specs, steps=20, **settings):
    """Make the schedules; what is refused is refused in one line."""
    try:
        for spec in specs() if callable(specs) else specs:
            schedule = get_schedule(spec, steps, 0.5, **settings)
            lrs = schedule.lrs()
            assert isinstance(schedule, Schedule) and isinstance(schedule.spec, str)
            assert lrs.dtype == np.float64 and lrs.shape == (steps,)
            assert np.isfinite(lrs).all() and (lrs >= 0).all()
    except ValueError as error:
        message = str(error)
        assert message and message.isprintable() and len(message) <= LONGEST, message


NAMES = [
    *list_schedules(),
    "WSD",
    "fixed_lr",
    "torch:StepLR",
    "torch:",
    "torch:LambdaLR",
    "all",
    "list",
    "x.py",
    "",
]
KEYS = sorted({f for cls in REGISTRY.values() for f in cls.__dataclass_fields__})
KEYS += [
    "step_size",
    "end_lr_ratio",
    "x",
    "",
    "1",
    "a b",
    "\u202e",
    "k" * 500,
    "lrs",
    "scale",
    "name",
    "optimizer",
    "stop",
]
VALUES = st.one_of(
    st.sampled_from(
        ["0", "1", "-1", "0.5", "nan", "inf", "1e999", "-0.0", "None", "True", "sqrt", "exp", "", "=", "["]
    ),
    st.sampled_from(
        ["9" * 400, "9" * 5000, "0x" + "f" * 5000, "[" * 5000, "-" * 20000 + "1", "(" * 150 + ")" * 150]
    ),
    st.sampled_from(
        ["[0.5,0.75]", "[]", "[[1]]", "[1,x]", "{}", "{[]}", "{1:2}", "b'a'", "'\\d'", "1j", "1 2", "\0"]
    ),
    st.integers().map(str),
    st.floats().map(repr),
    st.text(max_size=8),
)


@fuzzed
@given(
    st.sampled_from(NAMES),
    st.lists(st.tuples(st.sampled_from(KEYS), VALUES), max_size=3),
    st.sampled_from([":", " : ", ",", ""]),
)
def test_specs(name, params, colon):
    spec = name + colon * bool(params) + ",".join(f"{key}={value}" for key, value in params)
    arrays_or_one_line([spec], warmup_steps=3)
    arrays_or_one_line(lambda: resolve(spec))


@fuzzed
@given(st.text(alphabet="wsd cosine,:=[]()0.5~/-_\\\"'\n\t\x1b\u202e" + string.digits, max_size=40))
def test_any_text(text):
    arrays_or_one_line([text])
    arrays_or_one_line(lambda: split_specs(text))


@fuzzed
@given(
    st.lists(st.sampled_from(split_specs("all")), min_size=1, unique=True),
    st.lists(st.sampled_from([",", " ", ", ", " ,", "\n"]), min_size=30, max_size=30),
    st.integers(0, 2),
)
def test_lists_are_read_back(names, separators, case):
    text = "".join(name + separator for name, separator in zip(names, separators)).rstrip(" ,\n")
    assert split_specs([text, text.upper(), text.title()][case]) == names


NUMBERS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from(
        [
            10**400,
            -(10**400),
            10**5000,
            Decimal("0.5"),
            Decimal("nan"),
            Fraction(1, 3),
            1j,
            object(),
            Schedule,
        ]
    ),
    st.floats(),
    st.floats(width=32).map(np.float32),
    st.floats().map(np.array),
    st.lists(st.floats(), max_size=3),
    st.lists(st.floats(), max_size=3).map(np.array),
    st.text(max_size=5),
    st.binary(max_size=5),
)
RAISED = st.sampled_from(
    [
        BaseException,
        GeneratorExit,
        KeyboardInterrupt,
        SystemExit,
        StopIteration,
        RecursionError,
        MemoryError,
        ValueError,
    ]
    + [OSError, KeyError]
)


@fuzzed
@given(
    NUMBERS,
    st.one_of(st.none(), RAISED),
    st.text(max_size=600),
    st.sampled_from(["scale", "__call__", "lrs"]),
)
def test_formulas(value, kind, words, method):
    def formula(self, t=7):
        if t == 7 and kind:
            raise kind(words)
        return value if t == 7 else 1.0

    register("odd")(type("Odd", (Schedule,), {"scale": lambda self, t: 1.0, method: formula}))
    with np.errstate(all="ignore"):
        arrays_or_one_line(["odd"])
