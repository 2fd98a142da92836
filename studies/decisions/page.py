"""README.md of results/decisions: the numbers that its template needs."""

from __future__ import annotations

from pathlib import Path

from studies.decisions.coverage import METHODS, SEEDS
from studies.decisions.data import EXACT, Tables
from studies.decisions.words import finding
from studies.page import write_page


def write_readme(out: Path, tables: Tables) -> Path:
    return write_page(
        out,
        Path(__file__).with_name("page.md.j2"),
        finding=finding(tables),
        tables=tables,
        exact=[cell for cell in tables.coverage if cell.exact],
        equal=[cell for cell in tables.coverage if not cell.exact],
        cases=[*EXACT, ("best", "equal")],
        methods=METHODS,
        seeds=SEEDS,
        coverage=coverage_of(tables),
        fixed=fixed_of(tables),
    )


def coverage_of(tables: Tables):
    cells = {(c.against, c.truth, c.seeds, c.methods): c for c in tables.coverage}
    return lambda *key: cells[key]


def fixed_of(tables: Tables):
    """The row of the same comparisons with all seeds at once."""
    fixed = {(r.noise, r.methods, r.against, r.effect): r for r in tables.races if r.design == "fixed"}
    return lambda row: fixed[row.noise, row.methods, row.against, row.effect]
