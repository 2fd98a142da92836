"""README.md of results/scaling: the numbers that its template needs."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from statistics import median

from studies.page import write_page
from studies.scaling.measure import Measured
from studies.scaling.simulate import Row
from studies.scaling.sweeps import CONFIG, PEAK_LRS, SEEDS
from studies.scaling.words import ends_scaling, finding, row_of

CORES = 2  # of the machine that was measured on


def write_readme(out: Path, rows: list[Row], measured: list[Measured], step_s: float) -> Path:
    return write_page(
        out,
        Path(__file__).with_name("page.md.j2"),
        finding=finding(rows),
        sweeps=list(dict.fromkeys(row.sweep for row in rows)),
        all_workers=list(dict.fromkeys(row.workers for row in rows)),
        row_of=partial(row_of, rows),
        ends_scaling=partial(ends_scaling, rows),
        steps=CONFIG.steps,
        trunks=len(PEAK_LRS) * len(SEEDS),
        step_s=step_s,
        measured=measured,
        ratios=ratios(measured),
        verdict=verdict(measured),
    )


def ratios(measured: list[Measured]) -> tuple[float, float]:
    """What two workers take, as a part of what one takes: simulated, and by the median measured."""
    one, two = ([row for row in measured if row.workers == workers] for workers in (1, 2))
    simulated = two[0].makespan / one[0].makespan
    return simulated, median(row.wall_s for row in two) / median(row.wall_s for row in one)


def verdict(measured: list[Measured]) -> str:
    """How much the comparison says, by what else the machine was doing."""
    load = min(row.load for row in measured)
    if load <= CORES + 0.5:
        return f"The machine had {CORES} cores and nothing else to do."
    return (
        f"The machine had {CORES} cores for a load of {load:g} or more, of which these processes are one or "
        "two, so what two gain hangs on what they were left: this confirms the order, and says little about "
        "the time."
    )
