"""How a schedule is written as text: `wsd:cooldown=0.4,shape=sqrt`."""

from __future__ import annotations

import ast
import warnings

from nanosched.errors import not_allowed, quoted, shortened


def freeze(value):
    """Lists become tuples, so that a schedule can be hashed."""
    return tuple(freeze(v) for v in value) if isinstance(value, (list, tuple)) else value


def parse_value(text: str):
    """A Python literal where it is one (0.4, None, [0.5,0.75]), else the text itself (sqrt)."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python's, on what looks like a slip in a program
            return freeze(ast.literal_eval(text))
    except Exception:  # whatever Python can't read, such as 5,000 brackets, is a text
        return text


def format_value(value) -> str:
    if isinstance(value, tuple):
        return "[" + ",".join(map(format_value, value)) + "]"
    if isinstance(value, str) and parse_value(value) == value:
        return value
    return repr(value)


def format_spec(name: str, params: dict) -> str:
    """The inverse of `parse`."""
    pairs = ",".join(f"{key}={format_value(value)}" for key, value in params.items())
    return f"{name}:{pairs}" if pairs else name


def split_commas(text: str) -> list[str]:
    """Split at the commas that are not inside brackets."""
    return [piece.strip() for piece in split_outside_brackets(text, ",")]


def split_outside_brackets(text: str, separator: str) -> list[str]:
    """Split at the separators, one character each, that are not inside brackets."""
    pieces, begin, depth = [], 0, 0
    for at, char in enumerate(text):
        depth += (char in "[(") - (char in "])")
        if char == separator and depth == 0:
            pieces.append(text[begin:at])
            begin = at + 1
    return [*pieces, text[begin:]]


def split_name(spec: str) -> tuple[str, str | None]:
    """'wsd:cooldown=0.4' -> ('wsd', 'cooldown=0.4'); a name may be torch:CLASS or a path that ends in .py."""
    if spec.lower().startswith("torch:"):
        name, colon, rest = spec[len("torch:") :].partition(":")
        name = "torch:" + name
    elif ".py:" in spec:
        name, colon, rest = spec.partition(".py:")
        name += ".py"
    else:
        name, colon, rest = spec.partition(":")
    return name, (rest if colon else None)


def parse(spec: str) -> tuple[str, dict]:
    """'wsd:cooldown=0.4,shape=sqrt' -> ('wsd', {'cooldown': 0.4, 'shape': 'sqrt'}), or ValueError."""
    if not isinstance(spec, str):
        raise not_allowed("spec", spec, "give text such as 'wsd' or 'wsd:cooldown=0.4'")
    name, rest = split_name(spec.strip())
    params = {}
    for piece in split_commas(rest) if rest is not None else []:
        key, equals, value = (part.strip() for part in piece.partition("="))
        if not (key.isidentifier() and equals and value):
            write = "write NAME:parameter=value,parameter=value"
            raise ValueError(f"{quoted(piece)} in {quoted(spec)} can't be read: {write}")
        if key in params:
            raise ValueError(f"{shortened(key)} is given twice in {quoted(spec)}: give it once")
        params[key] = parse_value(value)
    return name, params
