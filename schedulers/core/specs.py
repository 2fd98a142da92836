"""How a schedule is written as text: `wsd:cooldown=0.4,shape=sqrt`."""

from __future__ import annotations

import ast
import difflib


def nearest(name, options) -> str:
    """'; did you mean 'x'?' for a name that is nearly one of the options, else nothing."""
    close = difflib.get_close_matches(str(name), list(options), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def freeze(value):
    """Lists become tuples, so that a schedule can be hashed."""
    return tuple(freeze(v) for v in value) if isinstance(value, (list, tuple)) else value


def parse_value(text):
    """A Python literal where it is one (0.4, None, [0.5,0.75]), else the text itself (sqrt)."""
    try:
        return freeze(ast.literal_eval(text))
    except (ValueError, SyntaxError):
        return text


def split_commas(text) -> list[str]:
    """Split at the commas that are not inside brackets."""
    pieces, depth = [""], 0
    for char in text:
        depth += (char in "[(") - (char in "])")
        if char == "," and depth == 0:
            pieces.append("")
        else:
            pieces[-1] += char
    return [piece.strip() for piece in pieces]


def split_name(spec) -> tuple[str, str | None]:
    """'wsd:cooldown=0.4' -> ('wsd', 'cooldown=0.4'); the name may be torch:CLASS or a path that ends in .py."""
    if spec.startswith("torch:"):
        name, colon, rest = spec[len("torch:") :].partition(":")
        name = "torch:" + name
    elif ".py:" in spec:
        name, colon, rest = spec.partition(".py:")
        name += ".py"
    else:
        name, colon, rest = spec.partition(":")
    return name, (rest if colon else None)


def parse(spec) -> tuple[str, dict]:
    """'wsd:cooldown=0.4,shape=sqrt' -> ('wsd', {'cooldown': 0.4, 'shape': 'sqrt'}); ValueError if it can't be read."""
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


def spell_value(value) -> str:
    if isinstance(value, tuple):
        return "[" + ",".join(map(spell_value, value)) + "]"
    if isinstance(value, str) and parse_value(value) == value:
        return value
    return repr(value)


def spell(name, params) -> str:
    """The inverse of parse."""
    return (
        name + ":" * bool(params) + ",".join(f"{key}={spell_value(value)}" for key, value in params.items())
    )


def reason(error) -> str:
    """An exception in one line."""
    if isinstance(error, SyntaxError):
        return f"line {error.lineno}: SyntaxError: {error.msg}"
    text = (str(error.args[0]) if error.args else "").split("\n")[0]
    return text if isinstance(error, ValueError) else f"{type(error).__name__}: {text}"
