"""Pieces of the report's HTML. Every text goes through `escape`, every number in a script through `as_json`."""

from __future__ import annotations

import html
import json
import math

import numpy as np

from analysis.figures.colours import colour_of

DASHES = [
    "",
    "7,3",
    "2,2.5",
    "9,3,2,3",
    "13,4",
    "13,3,2,3,2,3",
]  # pixels drawn and left out, one more than there are symbols:
SYMBOLS = {  # so that 30 schedules of a family have 30 pairs; plotly's names, and the same as SVG paths around 0
    "circle": "M-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0-7 0z",
    "square": "M-3-3h6v6h-6z",
    "diamond": "M0-4.2 4.2 0 0 4.2-4.2 0z",
    "triangle-up": "M0-4 4 3h-8z",
    "triangle-down": "M0 4 4-3h-8z",
}


class Html(str):
    """What is HTML already, and is not escaped again."""


def escape(text) -> Html:
    return text if isinstance(text, Html) else Html(html.escape(str(text)))


def styles(labels: list[str]) -> dict[str, dict]:
    """label -> colour, dash and symbol: schedules of one family share the colour, so the other two tell them apart."""
    families, found = {}, {}
    for label in sorted(labels):
        place = families.setdefault(colour_of(label), [])
        found[label] = dict(
            colour=colour_of(label),
            dash=DASHES[len(place) % len(DASHES)],
            symbol=list(SYMBOLS)[len(place) % len(SYMBOLS)],
        )
        place.append(label)
    return found


def swatch(style: dict) -> Html:
    """A short piece of a schedule's line; its colour is one of report.css, where dark mode has its own."""
    colour = style["colour"]
    line = f'<path d="M1 6h34" stroke="currentColor" stroke-width="2" stroke-dasharray="{style["dash"] or "none"}"/>'
    mark = f'<path d="{SYMBOLS[style["symbol"]]}" transform="translate(18 6)" fill="currentColor"/>'
    return Html(
        f'<svg class="swatch" style="color:var(--c-{colour[1:].lower()},{colour})" viewBox="0 0 36 12" aria-hidden="true">{line}{mark}</svg>'
    )


def table(caption: str, head: list[str], rows: list[list], named: int = 1) -> Html:
    """A table in a box that scrolls sideways.

    Args:
        caption: what it shows.
        head: a heading for each column.
        rows: cells, text or Html.
        named: the column that says what a row is about.
    """
    cells = [
        [
            f'<th scope="row">{escape(c)}</th>' if i == named else f"<td>{escape(c)}</td>"
            for i, c in enumerate(row)
        ]
        for row in rows
    ]
    body = "\n".join(f"<tr>{''.join(row)}</tr>" for row in cells)
    heads = "".join(
        f'<th scope="col"{" class=named" * (i == named)}>{escape(text)}</th>' for i, text in enumerate(head)
    )
    return scrolled(
        caption, f"<table>{caption_of(caption)}<thead><tr>{heads}</tr></thead>\n<tbody>{body}</tbody></table>"
    )


def caption_of(text: str) -> str:
    return f"<caption><span>{escape(text)}</span></caption>"


def scrolled(label: str, body: str) -> Html:
    return Html(f'<div class="scroll" role="region" aria-label="{escape(label)}" tabindex="0">{body}</div>')


def plot(kind: str, finding: str, caption: str, data: dict, controls: str = "") -> Html:
    """A figure that report.js draws with its function `kind` from `data`; `finding` is what it shows, in a sentence."""
    return Html(
        f'<figure data-plot="{kind}">{controls}<div class="plot" role="img" aria-label="{escape(finding)}"></div><ul class="legend"></ul>'
        f'<script type="application/json">{as_json(data)}</script><figcaption><strong>{escape(finding)}</strong> {escape(caption)}</figcaption></figure>'
    )


def radios(name: str, title: str, options: list[str]) -> str:
    made = "".join(
        f'<label><input type="radio" name="{name}" value="{option}"{" checked" * (option == options[0])}>{option}</label>'
        for option in options
    )
    return f'<fieldset class="row"><legend>{title}</legend>{made}</fieldset>'


def menu(name: str, title: str, options: dict[str, str], chosen: str) -> str:
    listed = "".join(
        f'<option value="{escape(value)}"{" selected" * (value == chosen)}>{escape(words)}</option>'
        for value, words in options.items()
    )
    return f'<label class="choice">{title} <select name="{name}">{listed}</select></label>'


def paragraph(text: str) -> Html:
    return Html(f"<p>{escape(text)}</p>")


def folded(summary: str, body: str) -> Html:
    return Html(f"<details><summary>{escape(summary)}</summary>{body}</details>")


def as_json(data) -> str:
    """JSON that can stand within a script element: nothing in it ends that or begins a comment, and no number is NaN."""
    text = json.dumps(plain(data), allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def plain(data):
    """Numpy's numbers and arrays as Python's, with 6 digits; what is not finite as None."""
    if isinstance(data, dict):
        return {key: plain(value) for key, value in data.items()}
    if isinstance(data, (list, tuple, np.ndarray)):
        return [plain(value) for value in data]
    if isinstance(data, (float, np.floating)):
        return float(f"{data:.6g}") if math.isfinite(data) else None
    return data.item() if isinstance(data, np.generic) else data
