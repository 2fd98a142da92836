"""The A/A control: one schedule against itself under other seeds. What that differs by is noise."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

from analysis.comparison import Comparison
from analysis.differences import NoiseFloor, noise_floor
from analysis.sentences import control_sentence
from nanosched.files import atomic


@dataclass(frozen=True)
class Control:
    """One schedule with two groups of seeds."""

    scheduler: str
    seeds: tuple[list[int], list[int]]
    losses: tuple[list[float], list[float]]  # final validation losses, NaN unless completed
    floor: NoiseFloor

    @property
    def sentence(self) -> str:
        return control_sentence(self.scheduler, self.seeds, self.floor)


def control_of(comparison: Comparison) -> Control | None:
    """The control of a comparison that is one and has ended, else None."""
    if not (comparison.control and comparison.finished):
        return None
    seeds = list(dict.fromkeys(run.seed for run in comparison.requested))
    groups = seeds[: len(seeds) // 2], seeds[len(seeds) // 2 :]
    losses = {result.seed: result.loss for result in comparison.results}
    first, second = ({seed: losses[seed] for seed in group} for group in groups)
    values = list(first.values()), list(second.values())
    scheduler = comparison.results[0].setting.scheduler
    return Control(scheduler, groups, values, noise_floor(first, second))


def write_control(comparison: Comparison, out: Path) -> list[Path]:
    """Write out/aa.json; only of a comparison that is a control."""
    control = control_of(comparison)
    if control is None:
        return []
    fields = dict(
        schedule=control.scheduler,
        seeds=control.seeds,
        losses=[[none_for_nan(loss) for loss in group] for group in control.losses],
        different=control.floor.different,
        **{name: none_for_nan(value) for name, value in asdict(control.floor).items()},
    )
    with atomic(path := out / "aa.json") as temporary:
        temporary.write_text(json.dumps(fields, indent=1) + "\n")
    return [path]


def none_for_nan(value):
    return None if isinstance(value, float) and math.isnan(value) else value
