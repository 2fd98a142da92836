"""Whether torch.compile works and pays on a CPU."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tempfile
from functools import cache
from pathlib import Path

from .errors import first_line
from .hardware import has_bfloat16

PAYS_FROM = 200  # steps; each saves some milliseconds, and compiling takes seconds, once
SOURCE = "#include <Python.h>\n#include <omp.h>\nint threads() { return omp_get_max_threads(); }\n"
TIMEOUT_S = 60


def pays(steps: int, dtype: str, dropout: float) -> bool:
    """Whether compiling makes up for its time on this CPU.

    In float32 nearly all of a step is matrix products, which it leaves as they are; dropout gets slower.

    Args:
        steps: of the longest run.
        dtype: float32 or bfloat16.
        dropout: of the model.
    """
    return has_bfloat16() and dtype == "bfloat16" and steps >= PAYS_FROM and not dropout


@cache
def fault() -> str:
    """Why torch can't compile for this CPU, in one line; "" where it can.

    A library is compiled and linked as torch's would be: with OpenMP, against Python's headers.
    """
    if sys.platform == "win32":
        return "torch.compile isn't tried on Windows"
    compiler = os.environ.get("CXX", "clang++" if sys.platform == "darwin" else "g++")  # as torch chooses
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder, "probe.cpp"), Path(folder, "probe.so")
        source.write_text(SOURCE)
        include = sysconfig.get_paths()["include"]
        flags = ["-shared", "-fPIC", "-fopenmp", f"-I{include}", str(source), "-o", str(library)]
        try:
            done = subprocess.run([compiler, *flags], capture_output=True, text=True, timeout=TIMEOUT_S)
        except (OSError, ValueError, subprocess.TimeoutExpired) as e:
            return f"{compiler}: {getattr(e, 'strerror', None) or first_line(e)}"
        if done.returncode == 0:
            return ""
        return next((line for line in done.stderr.splitlines() if "error" in line), f"{compiler} failed")
