"""How a schedule is written as text: `wsd:cooldown=0.4,shape=sqrt`."""

from __future__ import annotations

import ast


def freeze(value):
    """Lists become tuples, so that a schedule can be hashed."""
    return tuple(freeze(v) for v in value) if isinstance(value, (list, tuple)) else value


def parse_value(text: str):
    """A Python literal where it is one (0.4, None, [0.5,0.75]), else the text itself (sqrt)."""
    try:
        return freeze(ast.literal_eval(text))
    except (ValueError, SyntaxError):
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
    pieces, depth = [""], 0
    for char in text:
        depth += (char in "[(") - (char in "])")
        if char == "," and depth == 0:
            pieces.append("")
        else:
            pieces[-1] += char
    return [piece.strip() for piece in pieces]


def split_name(spec: str) -> tuple[str, str | None]:
    """'wsd:cooldown=0.4' -> ('wsd', 'cooldown=0.4'); a name may be torch:CLASS or a path that ends in .py."""
    if spec.startswith("torch:"):
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
        raise ValueError(f"spec={spec!r} is not allowed: give text such as 'wsd' or 'wsd:cooldown=0.4'")
    name, rest = split_name(spec.strip())
    params = {}
    for piece in split_commas(rest) if rest is not None else []:
        key, equals, value = (part.strip() for part in piece.partition("="))
        if not (key.isidentifier() and equals and value):
            raise ValueError(
                f"{piece!r} in {spec!r} can't be read: write NAME:parameter=value,parameter=value"
            )
        if key in params:
            raise ValueError(f"{key} is given twice in {spec!r}: give it once")
        params[key] = parse_value(value)
    return name, params
