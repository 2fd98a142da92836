"""report.html: the whole comparison on one page that needs no network."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from analysis.comparison import Comparison
from analysis.report.answer import answer
from analysis.report.blocks import Block
from analysis.report.choices import choices
from analysis.report.cost import cost
from analysis.report.curves import losses, lrs, norms
from analysis.report.files import files
from analysis.report.peak_lr import peak_lrs
from analysis.report.plan import plan
from analysis.report.ranking import ranking
from analysis.report.repeat import repeat
from analysis.report.script_json import as_json
from analysis.report.styles import Style, styles
from analysis.report.theory import theory
from analysis.report.verdicts import verdicts
from nanosched.files import atomic
from nanosched.visible import visible

FOLDER = Path(__file__).parent
# nothing is loaded, and no script runs but ours
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data: blob:; script-src "


@dataclass(frozen=True)
class Section:
    name: str
    title: str
    make: Callable[[Comparison], list[Block]]  # left out where it has nothing
    one_seed: str = ""  # the title where no ranking is claimed, if another

    def title_of(self, comparison: Comparison) -> str:
        ranked = any(ranking.several_seeds for ranking in comparison.judged.values())
        return self.title if ranked or not self.one_seed else self.one_seed


SECTIONS = (
    Section("ranking", "Ranking", ranking, one_seed="Final losses"),
    Section("loss", "Loss", losses),
    Section("lr", "Learning rates", lrs),
    Section("norm", "Gradient norms", norms),
    Section("peak", "Peak learning rates", peak_lrs),
    Section("cost", "Cost", cost),
    Section("verdicts", "Verdicts", verdicts),
    Section("theory", "Theory and forecast", theory),
    Section("plan", "Plan", plan),
    Section("repeat", "How to repeat this", repeat),
)


def write_report(comparison: Comparison, out: Path) -> list[Path]:
    """Write out/report.html.

    Args:
        comparison: with one result at least.
        out: an existing folder.

    Returns:
        the path, as the only one of a list.
    """
    with atomic(path := out / "report.html") as temporary:
        temporary.write_text(page(comparison), encoding="utf-8", errors="replace", newline="\n")
    return [path]


def page(comparison: Comparison) -> str:
    """The page's HTML."""
    from plotly.offline import get_plotlyjs

    scripts = [get_plotlyjs(), own_file("report.js")]
    sections = [
        (section.name, section.title_of(comparison), blocks)
        for section in SECTIONS
        if (blocks := section.make(comparison))
    ]
    looks = styles_of(comparison)
    return templates().render(
        answer=answer(comparison),
        choices=choices(comparison, list(looks)),
        common=common(comparison, looks),
        css=Markup(own_file("report.css")),
        dataset=comparison.dataset.name,
        files=files(comparison),
        policy=POLICY + " ".join(map(source_hash, scripts)),
        scripts=map(Markup, scripts),
        sections=sections,
        styles=looks,
    )


def templates():
    """The page's template; every text that is not Markup is escaped, and its control characters are shown."""
    environment = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        finalize=shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["as_json"] = as_json
    return environment.get_template("page.html.j2")


def shown(value):
    """What stands for a value: a text with all its characters visible but the ends of its lines."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return "\n".join(map(visible, value.split("\n")))


def own_file(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def source_hash(script: str) -> str:
    """What the content policy knows a script by."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def styles_of(comparison: Comparison) -> dict[str, Style]:
    """Schedule -> style, the best schedule first."""
    judged = [row.entry.scheduler for ranking in comparison.judged.values() for row in ranking.rows]
    looks = styles({setting.scheduler for setting in comparison.settings})
    return {label: looks[label] for label in dict.fromkeys([*judged, *looks])}


def common(comparison: Comparison, looks: dict[str, Style]) -> dict:
    """What all plots share."""
    return dict(
        schedules=[dict(name=label, **asdict(look)) for label, look in looks.items()],
        tokens=comparison.config.tokens_per_step,
    )
