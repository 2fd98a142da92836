"""How numbers and labels are written, in the terminal, the tables, the figures and the report alike."""

from __future__ import annotations

import math

from nanosched.counted import counted as counted  # for those who write numbers in words


def format_number(value: float | None, form: str = ".4f") -> str:
    """The number in this format, "-" where there is none."""
    return "-" if value is None or math.isnan(value) else format(value, form)


def format_interval(low: float, high: float) -> str:
    return "-" if math.isnan(low) else f"{low:+.4f} to {high:+.4f}"


def format_p(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"


def format_lr(lr: float, decimals: int = 3) -> str:
    """6e-4, as people write it."""
    if lr == 0:
        return "0"
    digits, exponent = f"{lr:.{decimals}e}".split("e")
    return f"{float(digits):g}e{int(exponent)}"


def amount(number: float) -> str:
    """With three digits: "0.41", "20", "124M"."""
    number = float(f"{number:.3g}")
    for unit, size in (("B", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.3g}{unit}"
    return f"{number:.3g}"


def listed(names: list[str]) -> str:
    """ "a, b and c"."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def shorten(label: str, width: int = 40) -> str:
    """The label without its middle where it is too long: specs differ at either end."""
    half = width // 2 - 1
    return label if len(label) <= width else f"{label[:half]}…{label[-half:]}"
