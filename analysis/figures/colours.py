"""One colour per schedule, the same in every figure and every comparison."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from schedulers.core.aliases import ALIASES
from schedulers.core.specs import split_name

# family -> its colour and its schedules; Okabe and Ito's palette, which colour-blind people can tell apart,
# without its yellow, which is too pale for a line
FAMILIES = {
    "constant, stepwise": ("#000000", ["constant", "step", "multistep", "piecewise"]),
    "cosine": ("#E69F00", ["cosine", "cosine_restarts"]),
    "smooth decay": ("#0072B2", ["linear", "polynomial", "exponential", "rex", "tanh", "fast_slow"]),
    "inverse power": ("#009E73", ["inverse_sqrt", "inverse_sqrt_cooldown", "power"]),
    "stable, cooldown": ("#D55E00", ["wsd", "wssd", "wsd_s", "trapezoid"]),
    "cyclic": ("#CC79A7", ["one_cycle", "cyclic"]),
    "reacts to the loss": ("#56B4E9", ["plateau"]),
    "schedule-free": ("#7A7A7A", ["schedule_free"]),
    "from theory": ("#7F4F24", ["bound_optimal", "forecast_optimal"]),
}
OWN = "your own"
BUILT_IN = {name: colour for colour, names in FAMILIES.values() for name in names}
USERS = ["#332288", "#882255", "#117733", "#999933", "#AA4499", "#44AA99"]  # of Paul Tol's muted palette


def name_of(label: str) -> str:
    """The schedule's name without its parameters: "wsd" for "warmup_stable_decay:cooldown=0.4"."""
    name, _ = split_name(label)
    return ALIASES.get(name, name)


def colour_of(label: str) -> str:
    """The colour of a schedule as the user spelled it: "wsd:cooldown=0.4" has the one of wsd.

    A schedule of the user's own gets one that follows from its name, and so keeps it when others come or go.
    """
    name = name_of(label)
    return BUILT_IN.get(name) or USERS[hashlib.sha256(name.encode()).digest()[0] % len(USERS)]


def families_of(labels: Iterable[str]) -> dict[str, list[str]]:
    """family -> its colours, of the families that these schedules are of; the user's own are the last."""
    found = {colour_of(label): None for label in labels}
    families = {family: [colour] for family, (colour, _) in FAMILIES.items() if colour in found}
    own = [colour for colour in found if colour in USERS]
    return families | ({OWN: own} if own else {})
