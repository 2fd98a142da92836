"""What every schedule stands on: the base class, the registry, specs, users' files, torch."""

from schedulers.core.base import Schedule
from schedulers.core.evaluate import checked_lr
from schedulers.core.listing import ScheduleInfo, describe_schedules
from schedulers.core.load import load_file
from schedulers.core.make import get_schedule
from schedulers.core.params import param
from schedulers.core.registry import list_schedules, register
from schedulers.core.spec_lists import resolve, split_specs

__all__ = [
    "Schedule",
    "ScheduleInfo",
    "checked_lr",
    "describe_schedules",
    "get_schedule",
    "list_schedules",
    "load_file",
    "param",
    "register",
    "resolve",
    "split_specs",
]
