"""What the simulations found, in words."""

from __future__ import annotations

from studies.decisions.data import Tables


def finding(tables: Tables) -> str:
    """The answer, as title of page and figure."""
    worst = max(r.any_wrong for against in ("baseline", "best") for r in tables.aa(against))
    effect = tables.effects[-1]
    rows = [r for against in ("baseline", "best") for r in tables.ab(against, "looks", effect)]
    seeds = sum(r.seeds for r in rows) / len(rows)
    return (
        f"A/A comparisons with looks err in {worst:.1%} at most; where half of the methods are worse by "
        f"{effect:g} standard deviations, they take {seeds:.1f} seeds a method instead of 20"
    )
