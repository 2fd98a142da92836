"""Where runs are kept: `<out>/runs/<run id>/`, complete when its run.json exists."""

from __future__ import annotations

import json
from pathlib import Path


def run_folder(out: Path, run_id: str) -> Path:
    return Path(out) / "runs" / run_id


def is_complete(out: Path, run_id: str | None) -> bool:
    return run_id is not None and (run_folder(out, run_id) / "run.json").exists()


def load_run(out: Path, run_id: str) -> dict:
    """What run.json says of a complete run."""
    return json.loads((run_folder(out, run_id) / "run.json").read_text())
