"""Stacked or separate follows from the settings and the device, never from what is measured."""

import pytest

from nanosched.cli import SETTINGS, load_toml
from nanosched.config import Config
from nanosched.limits import training_bytes
from sweep import slots
from sweep.slots import choose_slots

GB = 1_000_000_000


@pytest.mark.parametrize(
    "preset, device, replicas, stacked",
    [
        ("cpu", "cpu", "auto", False),
        ("quick", "cpu", "auto", False),
        ("cpu", "cpu", "stacked", True),
        ("cpu", "cuda", "auto", True),
        ("char", "cuda", "auto", True),  # 10.7M parameters
        ("char", "cuda", "separate", False),
        ("gpt2", "cuda", "auto", False),  # 124M
        ("gpt2", "cuda", "stacked", True),
    ],
)
def test_small_models_are_stacked_on_a_gpu(monkeypatch, preset, device, replicas, stacked):
    monkeypatch.setattr(slots, "room", lambda device: 80 * GB)
    preset = {key: value for key, value in load_toml(preset).items() if key in SETTINGS}
    settings = {**preset, "device": device, "replicas": replicas, "dtype": "bfloat16"}
    assert bool(choose_slots(Config(**settings), 100)) == stacked


@pytest.mark.parametrize("memory", [None, 0, 2 * GB, 10 * GB, 1000 * GB])
def test_as_many_as_a_gpu_has_room_for(monkeypatch, memory):
    monkeypatch.setattr(slots, "room", lambda device: memory)
    config = Config(**{**load_toml("char"), "device": "cuda", "dtype": "bfloat16"})
    chosen = choose_slots(config, 100)
    assert 1 <= chosen <= slots.SLOTS["cuda"]
    if memory is not None and chosen > 1:
        assert chosen * training_bytes(config, 100) <= slots.PART * memory
    if memory in (None, 1000 * GB):
        assert chosen == slots.SLOTS["cuda"]
