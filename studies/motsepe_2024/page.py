"""README.md of results/motsepe_2024: the numbers that its template needs."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from analysis.differences import rank_correlation
from studies.motsepe_2024.data import LastLosses, Published, schedules
from studies.page import write_page

HEADINGS = {
    "place": "place in the blog's order",
    "published": "published",
    "carry_over": "carry-over",
    "reversed": "carry-over, reversed",
    "fresh": "fresh",
}


def write_readme(out: Path, published: list[Published], losses: LastLosses) -> Path:
    by_time = sorted(published, key=lambda row: row.total_s)
    return write_page(
        out,
        Path(__file__).with_name("page.md.j2"),
        schedules=schedules(),
        published=published,
        losses=losses,
        gaps=[abs(after.first_loss - before.last_loss) for before, after in zip(published, published[1:])],
        steadiest=max(published, key=lambda row: row.stability),
        fastest=by_time[0],
        slowest=by_time[-1],
        other_medians=[row.median_step_s for row in published[1:]],
        side_by_side=side_by_side(published, losses),
        headings=HEADINGS,
        correlation=rank_correlation,
    )


def side_by_side(published: list[Published], losses: LastLosses) -> list[tuple[str, list[str]]]:
    """(schedule, what each column but the place says of it: the loss and its rank)."""
    columns = [getattr(losses, name) for name in HEADINGS if name != "place"]
    cells = [[f"{loss:.3f} ({rank})" for loss, rank in zip(column, ranks_of(column))] for column in columns]
    return [(row.schedule, of_row) for row, *of_row in zip(published, *cells)]


def ranks_of(losses: np.ndarray) -> list[str]:
    """1 for the lowest; equal ones share their rank, as "1="."""
    return [f"{1 + np.sum(losses < loss)}" + "=" * int(np.sum(losses == loss) > 1) for loss in losses]
