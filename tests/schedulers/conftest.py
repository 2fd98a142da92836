"""What all tests of schedules share."""

import pytest

from schedulers.core.registry import REGISTRY


@pytest.fixture(autouse=True)
def clean_registry():
    before = dict(REGISTRY)
    yield
    REGISTRY.clear()
    REGISTRY.update(before)
