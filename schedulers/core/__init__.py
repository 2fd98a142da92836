"""What every schedule stands on: the base class, the registry, specs, users' files, torch."""

from schedulers.core.base import Schedule, param
from schedulers.core.load import load_file
from schedulers.core.make import get_schedule, resolve, split_specs
from schedulers.core.registry import list_schedules, register

__all__ = [
    "Schedule",
    "get_schedule",
    "list_schedules",
    "load_file",
    "param",
    "register",
    "resolve",
    "split_specs",
]
