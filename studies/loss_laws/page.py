"""README.md of results/loss_laws: the numbers that its template needs."""

from __future__ import annotations

from pathlib import Path

from studies.loss_laws.forms import CANDIDATES, CREDIT, NEW, ON_TRIPLES, PUBLISHED
from studies.loss_laws.left_out import FIXED, FREE, OURS
from studies.loss_laws.study import Study
from studies.page import write_page

LONG_DECAYS = ("wsd:cooldown=0.6", "wsd:cooldown=0.8", "wsd:cooldown=0.9", "cosine:final_lr_ratio=0.0")
SHORT_DECAYS = ("wsd 10% linear", "wsd 20% sqrt")


def write_readme(out: Path, study: Study) -> Path:
    return write_page(
        out,
        Path(__file__).with_name("page.md.j2"),
        study=study,
        candidates=CANDIDATES,
        on_triples=ON_TRIPLES,
        published=PUBLISHED,
        credit=CREDIT,
        new=NEW,
        number={one.name: i for i, one in enumerate(CANDIDATES, 1)},
        lowest=[min(found[i].mean for found in study.errors.values()) for i in range(len(study.trials))],
        ours=OURS,
        free=FREE,
        fixed=FIXED,
        long_decays=LONG_DECAYS,
        short_decays=SHORT_DECAYS,
    )
