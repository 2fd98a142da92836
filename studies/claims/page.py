"""README.md of results/claims: the table, a section for each claim, and what that does not say."""

from __future__ import annotations

from pathlib import Path

from studies.claims import words
from studies.claims.claim import MARGIN, Verdict
from studies.claims.judge import Study
from studies.page import write_page


def write_readme(out: Path, study: Study) -> Path:
    return write_page(
        out,
        Path(__file__).with_name("page.md.j2"),
        study=study,
        counts=counts(study),
        margin=MARGIN,
        words=words,
        seeds=seeds(study),
    )


def counts(study: Study) -> dict[str, list[str]]:
    """verdict -> the claims' numbers."""
    return {
        verdict.value: [j.claim.number for j in study.judged if j.primary.verdict is verdict]
        for verdict in Verdict
    }


def seeds(study: Study) -> str:
    """The fewest to the most that judged: "2 to 5"."""
    numbers = sorted({j.primary.estimate.n for j in study.judged})
    return " to ".join(map(str, dict.fromkeys((numbers[0], numbers[-1])))) if numbers else "No"
