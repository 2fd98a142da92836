"""The files of a run that ended: curve.csv and, last of all, run.json, with a checksum over both."""

from __future__ import annotations

import hashlib
import json
import traceback
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from dataclasses import fields as dataclass_fields
from enum import Enum
from functools import cached_property
from pathlib import Path

from .errors import first_line
from .files import atomic
from .history import RunCurve, parse_curve


class Status(str, Enum):
    """How a run ended; only the first two are in a run.json, since a failed run has none."""

    COMPLETE = "complete"
    DIVERGED = "diverged"
    FAILED = "failed"


@dataclass(frozen=True)
class RunRecord:
    """What run.json says: how the run ended, what it was made from, and what its speed is measured by."""

    run_id: str
    status: str  # a Status, as text
    final_val_loss: float | None  # nats per token; None unless complete
    schedule: str  # its spec
    seed: int
    peak_lr: float
    steps: int  # of the schedule
    steps_taken: int  # fewer where it diverged
    trained_from: int  # the steps before are another run's
    tokens: int
    parameters: int
    flops_per_token: float
    peak_flops: float  # FLOP/s that MFU is a fraction of
    device: str
    dataset: str
    data_fingerprint: str
    torch_version: str
    code_version: str
    config: dict  # nanosched.config.Config with the machine's settings decided
    averages: dict[str, float | None] = field(default_factory=dict)  # spec -> final_val_loss of these weights

    @property
    def complete(self) -> bool:
        return self.status == Status.COMPLETE.value

    def with_averages_of(self, other: RunRecord) -> RunRecord:
        """Its own averages, and the other's too where that is the same run to the last bit of its loss."""
        same = (self.run_id, self.final_val_loss) == (other.run_id, other.final_val_loss)
        return replace(self, averages=other.averages | self.averages) if same else self

    def has_averages(self, specs: Iterable[str]) -> bool:
        """Whether all of these are known; of weights that diverged there are none to know."""
        return not self.complete or set(specs) <= set(self.averages)


@dataclass(frozen=True)
class FinishedRun:
    """A run as it lies in the store, complete or diverged."""

    record: RunRecord
    curve_csv: str  # the text of curve.csv

    @cached_property
    def curve(self) -> RunCurve:
        return parse_curve(self.curve_csv)


def write_run(folder: Path, record: RunRecord, curve_csv: str):
    """Write curve.csv and then run.json: the run has ended once that one is there.

    Args:
        folder: of the run; made if it is not there.
        record: what run.json holds.
        curve_csv: the whole text of curve.csv.

    Raises:
        OSError: the disk doesn't take it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    fields = asdict(record)
    with atomic(folder / "curve.csv") as path:
        path.write_text(curve_csv)
    with atomic(folder / "run.json") as path:
        path.write_text(json.dumps(fields | dict(checksum=checksum(fields, curve_csv)), indent=1) + "\n")
    (folder / "error.txt").unlink(missing_ok=True)  # of an earlier try


def read_run(folder: Path) -> FinishedRun | None:
    """A run that has ended.

    Args:
        folder: of the run; it need not be there.

    Returns:
        the run; None if run.json or curve.csv is missing, or is not as it was written.
    """
    try:
        fields = json.loads((folder / "run.json").read_text())
        curve_csv = (folder / "curve.csv").read_text()
        intact = fields.pop("checksum") == checksum(fields, curve_csv)
        return FinishedRun(record_of(fields), curve_csv) if intact else None
    except (OSError, ValueError, KeyError, AttributeError, TypeError, RecursionError):
        return None


def record_of(fields: dict) -> RunRecord:
    """The record in a run.json; what another version of the code wrote beside is left out, and one without
    averages has none.
    """
    names = [field.name for field in dataclass_fields(RunRecord)]
    return RunRecord(**{name: fields[name] for name in names if name in fields})


def write_error(folder: Path, error: Exception) -> str:
    """Keep the error that a run failed with, whole, in its error.txt.

    Args:
        folder: of the run; made if it is not there.
        error: with its traceback.

    Returns:
        the error in one line.
    """
    with suppress(OSError):  # a full disk takes no message either
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "error.txt").write_text("".join(traceback.format_exception(error)), errors="replace")
    return (
        first_line(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {first_line(error)}"
    )


def checksum(fields: dict, curve_csv: str) -> str:
    return hashlib.sha256((json.dumps(fields, sort_keys=True) + curve_csv).encode()).hexdigest()
