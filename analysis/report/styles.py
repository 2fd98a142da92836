"""How each schedule's line looks in the report: its colour, dashes and symbol."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from analysis.figures.colours import colour_of

# pixels drawn and left out; one more than there are symbols, so that 30 schedules of a family have 30 pairs
DASHES = ["", "7,3", "2,2.5", "9,3,2,3", "13,4", "13,3,2,3,2,3"]
SYMBOLS = {  # plotly's names, and the same as SVG paths around 0
    "circle": "M-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0-7 0z",
    "square": "M-3-3h6v6h-6z",
    "diamond": "M0-4.2 4.2 0 0 4.2-4.2 0z",
    "triangle-up": "M0-4 4 3h-8z",
    "triangle-down": "M0 4 4-3h-8z",
}


@dataclass(frozen=True)
class Style:
    colour: str  # "#0072B2"
    dash: str
    symbol: str

    @property
    def variable(self) -> str:
        """The variable of report.css that may have another colour, as in dark mode."""
        return f"--c-{self.colour[1:].lower()}"

    @property
    def path(self) -> str:
        return SYMBOLS[self.symbol]


def styles(labels: Iterable[str]) -> dict[str, Style]:
    """Label -> style; schedules of one family share the colour, so dashes and symbol tell them apart."""
    families, found = {}, {}
    symbols = list(SYMBOLS)
    for label in sorted(labels):
        family = families.setdefault(colour_of(label), [])
        place = len(family)
        family.append(label)
        found[label] = Style(colour_of(label), DASHES[place % len(DASHES)], symbols[place % len(symbols)])
    return found
