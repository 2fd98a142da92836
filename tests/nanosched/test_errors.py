"""What an error quotes: one line, as much as a person can read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanosched.errors import FIRST_LINE, QUOTED, first_line, not_allowed, quoted, shortened


class Unshowable:
    def __repr__(self):
        raise RuntimeError("no")


def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [
        "x" * 5000,
        "\n\u202e\x1b" * 40,
        10**400,
        10**5000,
        nested(50_000),
        list(range(10**5)),
        Unshowable(),
        "\ud800",
        None,
    ],
    ids=lambda value: type(value).__name__,
)
def test_anything_is_quoted_in_one_short_line(value):
    text = quoted(value)
    assert 0 < len(text) <= QUOTED and text.isprintable()
    assert str(not_allowed("name", value, "give another")) == f"name={text} is not allowed: give another"


def test_what_is_short_is_quoted_as_it_is():
    assert quoted("wsd") == "'wsd'" and quoted(1e-3) == "0.001"
    assert quoted("a" * 98) == repr("a" * 98)


def test_a_long_value_keeps_its_ends():
    text = quoted("/begin/" + "x" * 200 + "/end.toml")
    assert text.startswith("'/begin/") and "..." in text and text.endswith("/end.toml'")


@given(st.text(), st.integers(10, 60))
def test_shortened_is_one_line_within_its_length(text, most):
    short = shortened(text, most)
    assert len(short) <= most and short.isprintable()
    if text.isprintable() and len(text) <= most:
        assert short == text


@given(st.text())
def test_the_first_line_of_any_message_can_be_printed(text):
    line = first_line(ValueError(text))
    assert line and line.isprintable() and len(line) <= FIRST_LINE
