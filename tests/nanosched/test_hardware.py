"""What is known about the machine."""

import pytest

from nanosched import hardware


@pytest.mark.parametrize(
    "card, flops",
    [
        ("NVIDIA H100 80GB HBM3", 989e12),
        ("NVIDIA H100 PCIe", 756e12),
        ("NVIDIA H200", 989e12),
        ("NVIDIA A100-SXM4-80GB", 312e12),
        ("NVIDIA L4", 121e12),
        ("NVIDIA L40S", 362e12),
        ("NVIDIA L40", 181e12),
    ],
)
def test_the_flops_of_a_card_are_its_datasheets(monkeypatch, card, flops):
    monkeypatch.setattr(hardware, "device_name", lambda device: card)
    monkeypatch.setattr(
        hardware, "_measured_flops", lambda device, dtype: 181e12
    )  # what a fallback would find
    hardware.peak_flops.cache_clear()
    assert hardware.peak_flops("cuda", "bfloat16") == flops
    hardware.peak_flops.cache_clear()
