"""One colour a schedule, the same in every figure and every comparison."""

from __future__ import annotations

import hashlib

from schedulers.core.aliases import ALIASES
from schedulers.core.specs import split_name

# Okabe and Ito's palette, which colour-blind people can tell apart; its yellow is too pale for a line
FAMILIES = {
    "#000000": ["constant", "step", "multistep", "piecewise"],
    "#0072B2": ["linear", "polynomial", "exponential", "rex", "tanh"],
    "#E69F00": ["cosine", "cosine_restarts"],
    "#009E73": ["inverse_sqrt", "inverse_sqrt_cooldown", "power"],
    "#D55E00": ["wsd", "wssd", "trapezoid"],
    "#CC79A7": ["one_cycle", "cyclic"],
    "#56B4E9": ["plateau"],
    "#7F4F24": ["bound_optimal", "forecast_optimal"],
}
BUILT_IN = {name: colour for colour, names in FAMILIES.items() for name in names}
USERS = ["#332288", "#882255", "#117733", "#999933", "#AA4499", "#44AA99"]  # of Paul Tol's muted palette


def colour_of(label: str) -> str:
    """The colour of a schedule as the user spelled it: "wsd:cooldown=0.4" has the one of wsd.

    A schedule of the user's own gets one that follows from its name, and so keeps it when others come or go.
    """
    name, _ = split_name(label)
    name = ALIASES.get(name, name)
    return BUILT_IN.get(name) or USERS[hashlib.sha256(name.encode()).digest()[0] % len(USERS)]
