"""The optimizers that a schedule may name, and what the second one needs."""

from __future__ import annotations

from importlib.util import find_spec

from nanosched.config import Config
from nanosched.errors import not_allowed
from schedulers.core.base import Schedule

OPTIMIZERS = ("adamw", "schedule_free")


def check_optimizer(schedule: Schedule, config: Config):
    """Refuse a schedule whose optimizer can't train it here.

    Raises:
        ValueError: one line: no such optimizer, its package is missing, or beta1 is 0 where it divides by it.
    """
    if schedule.optimizer not in OPTIMIZERS:
        raise not_allowed("optimizer", schedule.optimizer, f"give one of {', '.join(OPTIMIZERS)}")
    if schedule.optimizer == "adamw":
        return
    if find_spec("schedulefree") is None:
        raise ValueError(
            f'{schedule.name} needs a package that is not installed: pip install -e ".[schedulefree]"'
        )
    if config.beta1 == 0:
        raise not_allowed("beta1", config.beta1, f"{schedule.name} divides by it; give one above 0")
