"""Seeds as people write them."""

import pytest
from helpers import one_line
from hypothesis import given
from hypothesis import strategies as st

from nanosched.seeds import MAX_SEEDS, read_seeds, seeds_note


@pytest.mark.parametrize(
    "text, seeds",
    [
        ("0,1,2", [0, 1, 2]),
        ("0-2", [0, 1, 2]),
        ("0-2,7, 5", [0, 1, 2, 7, 5]),
        ("3 1 2", [3, 1, 2]),
        ("1,1,0-1", [1, 0]),
        ([4, 2], [4, 2]),
        ("4294967295", [2**32 - 1]),
    ],
)
def test_numbers_and_ranges_each_once(text, seeds):
    assert read_seeds(text) == seeds


@pytest.mark.parametrize(
    "given",
    [
        "",
        ",",
        "x",
        "1.5",
        "0,,1",
        "-1",
        "2-1",
        "0-",
        "1e3",
        "9" * 400,
        str(2**32),
        f"0-{MAX_SEEDS}",
        3,
        [],
        [1.5],
    ]
    + [[True], ["a"], {"a": 1}, "0--1"],
)
def test_anything_else_is_refused(given):
    with pytest.raises(ValueError) as error:
        read_seeds(given)
    assert one_line(error).startswith("seeds=") and len(one_line(error)) < 250


@given(st.text(alphabet="0123456789-, x", max_size=12) | st.lists(st.integers() | st.floats() | st.text()))
def test_every_input_is_read_or_refused(given):
    try:
        seeds = read_seeds(given)
    except ValueError as e:
        assert str(e).startswith("seeds=")
    else:
        assert seeds and all(type(seed) is int and 0 <= seed < 2**32 for seed in seeds)


def test_one_seed_that_reads_like_a_number_of_seeds():
    assert seeds_note([3]) == "one seed, number 3; for 3 seeds give 0,1,2 or 0-2"
    assert seeds_note([5]) == "one seed, number 5; for 5 seeds give 0,1,2,3,... or 0-4"
    assert seeds_note([0]) == seeds_note([1]) == seeds_note([3, 4]) == ""
