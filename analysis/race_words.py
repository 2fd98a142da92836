"""What became of a comparison that adds seeds until it is decided, and what that saved."""

from __future__ import annotations

from analysis.comparison import Comparison
from analysis.text import counted, listed
from analysis.verdicts import Verdict

NO_RUN_IS_STOPPED = (
    "Seeds were added only to schedules that were not decided. No run was stopped half-way for its loss: "
    "rankings flip while the learning rate decays (Wen et al. 2025, arXiv:2509.02046)."
)


def race_sentence(comparison: Comparison) -> str:
    """ "Decided with 71 runs, 3 to 12 seeds for each schedule; 20 seeds for all of them would have been
    120."; "" where seeds were not added so.
    """
    rankings = [ranking for ranking in comparison.rankings.values() if ranking.race]
    if not rankings:
        return ""
    rows = [row for ranking in rankings for row in ranking.rows]
    seeds = [row.entry.seeds for row in rows if not row.entry.setting.average]  # one run has all its averages
    trained, most = sum(seeds), comparison.looks[-1]
    several = f"{min(seeds)} to {max(seeds)}" if min(seeds) < max(seeds) else f"{max(seeds)}"
    cost = f"with {counted(trained, 'run')}, {several} seeds for each schedule"
    if not all(ranking.race.over for ranking in rankings):
        return f"Not decided yet {cost}: the same command goes on."
    whole = f"{most} seeds for all of them would have been {most * len(seeds)}"
    undecided = [row.standing.name for row in rows if row.standing.verdict is Verdict.UNDECIDED]
    if not undecided:
        return f"Decided {cost}; {whole}."
    return f"Not decided with {counted(most, 'seed')}: {listed(undecided)}. It ended {cost}; {whole}."
