"""How much memory this machine has to spare."""

from __future__ import annotations

import os
from pathlib import Path

MEMINFO = Path("/proc/meminfo")


def free_memory() -> int | None:
    """Bytes that new processes can take without swapping; None where the system doesn't say.

    Returns:
        Linux's MemAvailable, which counts caches that it would give up; elsewhere the free pages.
    """
    try:
        lines = MEMINFO.read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):
        pass
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):  # macOS has no such name, Windows no sysconf
        return None


def room(device: str) -> int | None:
    """Bytes that a training can take at most on a device; None where the system doesn't say.

    Args:
        device: cpu or cuda.

    Returns:
        on a CPU what is free, or all there is where only that is known; on a GPU all there is.
    """
    if device == "cuda":
        import torch

        return torch.cuda.get_device_properties(0).total_memory if torch.cuda.is_available() else None
    if (free := free_memory()) is not None:
        return free
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return None


def format_bytes(n: float) -> str:
    """A number of bytes for people: "512 B", "1.5 kB", "21 GB"."""
    units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"]
    while n >= 1000 and len(units) > 1:
        n /= 1000
        units.pop(0)
    if n >= 1000:
        return f"over 1,000 {units[0]}"
    return f"{n:.0f} {units[0]}" if n >= 10 or units[0] == "B" else f"{n:.1f} {units[0]}"
