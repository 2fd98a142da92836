"""Facts about this machine: is there a GPU, what is it called, how fast can it multiply matrices."""

from __future__ import annotations

import platform
import shutil
import time
from functools import lru_cache
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")
# Dense bfloat16 FLOP/s of the datasheets (without sparsity); the first name that the device's name contains.
PEAK_BFLOAT16 = {
    "H200": 989e12,
    "H100 PCIe": 756e12,
    "H100": 989e12,
    "B200": 2250e12,
    "A100": 312e12,
    "L40S": 362e12,
    "L40": 181e12,
    "L4": 121e12,
    "RTX 4090": 165e12,
    "RTX 3090": 71e12,
}


def has_cuda() -> bool:
    """Whether torch sees an NVIDIA GPU; where there is no driver, that is known without importing torch."""
    driver = any(Path(path).exists() for path in ("/proc/driver/nvidia", "/dev/nvidiactl"))
    if not driver and not shutil.which("nvidia-smi"):
        return False
    import torch

    return torch.cuda.is_available()


def device_name(device: str) -> str:
    """What the device calls itself: "NVIDIA H100 80GB HBM3", or the processor's name.

    Args:
        device: cpu or cuda.
    """
    if device == "cuda":
        import torch

        return torch.cuda.get_device_name()
    try:
        lines = CPUINFO.read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def has_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 matrices itself, at least twice as fast as float32 ones."""
    try:
        lines = CPUINFO.read_text().splitlines()
    except OSError:  # only Linux has the file
        return False
    flags = next((line.split() for line in lines if line.startswith("flags")), [])
    return "amx_bf16" in flags or "avx512_bf16" in flags


@lru_cache
def peak_flops(device: str, dtype: str) -> float:
    """The peak that MFU (model FLOPs utilization) is a fraction of.

    Args:
        device: cpu or cuda.
        dtype: float32 or bfloat16, of the matrix products.

    Returns:
        FLOP/s: a GPU's datasheet for bfloat16, else what the best of ten matrix products reaches here.
    """
    if device == "cuda" and dtype == "bfloat16":
        for name, flops in PEAK_BFLOAT16.items():
            if name in device_name(device):
                return flops
    return _measured_flops(device, dtype)


def _measured_flops(device: str, dtype: str) -> float:
    """FLOP/s of the fastest of ten products of square matrices, 2 n^3 FLOPs each."""
    import torch

    n = 8192 if device == "cuda" else 512
    a = torch.linspace(-1, 1, n * n, device=device).view(n, n)  # zeros would be too fast
    a = a.to(getattr(torch, dtype))
    best = float("inf")
    for _ in range(10):
        start = time.perf_counter()
        a @ a
        if device == "cuda":
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - start)
    return 2 * n**3 / best
