"""nanosched: which learning-rate schedule to use when you pretrain a GPT-2-sized model.

The parts are top-level packages (`schedulers`, `model`, `data`, `sweep`, `analysis`); this one holds what they share,
and gives the names that people import from the others: `from nanosched import get_schedule, GPT2`.
"""

from importlib import import_module

HOMES = {
    "get_schedule": "schedulers",
    "list_schedules": "schedulers",
    "register": "schedulers",
    "Schedule": "schedulers",
    "GPT2": "model",
    "GPT2Config": "model",
    "open_dataset": "data",
}
__all__ = list(HOMES)


def __getattr__(name):  # on demand: model imports torch
    if name not in HOMES:
        raise AttributeError(f"module 'nanosched' has no attribute {name!r}")
    return getattr(import_module(HOMES[name]), name)
