"""The files of a run that ended: curve.csv and, last of all, run.json, with a checksum over both."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from .files import atomic


def write_run(folder: Path, run: dict, curve: str):
    """Write curve.csv and run.json: the run is complete once that one is there."""
    folder.mkdir(parents=True, exist_ok=True)
    with atomic(folder / "curve.csv") as path:
        path.write_text(curve)
    with atomic(folder / "run.json") as path:
        path.write_text(json.dumps(run | dict(checksum=checksum(run, curve)), indent=1) + "\n")
    (folder / "error.txt").unlink(missing_ok=True)  # of an earlier try


def read_run(folder: Path) -> dict | None:
    """What run.json says if it and curve.csv are as they were written, else None."""
    try:
        run = json.loads((folder / "run.json").read_text())
        return run if run.pop("checksum") == checksum(run, (folder / "curve.csv").read_text()) else None
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return None


def checksum(run: dict, curve: str) -> str:
    return hashlib.sha256((json.dumps(run, sort_keys=True) + curve).encode()).hexdigest()
