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


@pytest.mark.parametrize(
    "flags, fast",
    [
        ("fpu avx512f avx512_bf16 amx_bf16 amx_tile", True),
        ("fpu avx512f avx512_bf16", True),
        ("fpu avx512f", False),
        (None, False),
    ],
)
def test_bfloat16_is_a_flag_of_the_processor(monkeypatch, tmp_path, flags, fast):
    file = tmp_path / "cpuinfo"
    if flags is not None:
        file.write_text(f"processor : 0\nmodel name : one\nflags\t\t: {flags}\n")
    monkeypatch.setattr(hardware, "CPUINFO", file)
    assert hardware.has_bfloat16() == fast
