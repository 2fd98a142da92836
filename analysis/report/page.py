"""report.html: the whole comparison on one page that needs no network, from the same store as the tables."""

from __future__ import annotations

import base64
import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path

from analysis.figures.dots import setup_words
from analysis.figures.draw import Group, read_groups
from analysis.figures.page import spell_lr
from analysis.figures.panels import NOTHING
from analysis.ranking import CARRIED, ONE_SEED, unfinished
from analysis.report.markup import Html, as_json, escape, menu, paragraph, radios, styles, swatch
from analysis.tables import by_horizon
from nanosched.config import Config
from nanosched.files import atomic
from sweep.store import load_run

FOLDER = Path(__file__).parent
SHOWN = 8  # more lines than this are not ticked at first
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data: blob:; script-src {}"  # nothing is loaded, and no script runs but ours


@dataclass(frozen=True)
class Comparison:
    """What every section is made from."""

    out: Path
    rows: list[dict]  # of runs.csv
    summary: list[dict]  # of summary.csv
    judged: list[dict]  # what is ranked: the summary, or with --tune each schedule at its own best peak lr
    groups: list[Group]
    manifest: dict
    branches: list | None  # the plan; None for carry-over
    tuned: bool
    control: str | None  # what the A/A control said
    styles: dict[str, dict]  # schedule -> how its line looks

    @property
    def horizons(self) -> dict[int, list[dict]]:
        """steps -> the lines that are ranked there, best first."""
        return by_horizon(self.judged)

    @property
    def several_seeds(self) -> bool:
        return any(line["seeds"] > 1 for line in self.summary)

    def named(self, label: str, setting: str = "") -> Html:
        """A schedule with its swatch."""
        return Html(
            f'<span class="schedule">{swatch(self.styles[label])}<span>{escape(label + setting)}</span></span>'
        )


def write_report(
    out: Path,
    rows: list[dict],
    summary: list[dict],
    branches: list | None,
    judged: list[dict] | None = None,
    control: str | None = None,
) -> Path:
    """Write out/report.html and return its path.

    Args:
        out: the comparison's folder, with the store, manifest.json and pairs.csv.
        rows: those of runs.csv.
        summary: those of summary.csv.
        branches: sweep.plan.Branch of the whole plan; None where nothing can be shared.
        judged: with --tune, each schedule's line at its own best peak lr, as analysis.tuned.at_best gives it.
        control: the A/A control in words, with --aa.
    """
    out = Path(out)
    manifest = json.loads((out / "manifest.json").read_text())
    look = styles(list(dict.fromkeys(line["scheduler"] for line in summary)))
    comparison = Comparison(
        out,
        rows,
        summary,
        judged or summary,
        read_groups(out, rows, summary),
        manifest,
        branches,
        judged is not None,
        control,
        look,
    )
    with atomic(path := out / "report.html") as temporary:
        temporary.write_text(page(comparison), encoding="utf-8", errors="replace", newline="\n")
    return path


# -- the page


def page(c: Comparison) -> str:
    from plotly.offline import get_plotlyjs

    from analysis.report.plots import basins, curves, lrs, norms, plan
    from analysis.report.tables import cost, ranking, repeat, verdicts
    from analysis.report.theory import theory

    sections = [
        ("ranking", "Ranking", ranking),
        ("loss", "Loss", curves),
        ("lr", "Learning rates", lrs),
        ("norm", "Gradient norms", norms),
        ("peak", "Peak learning rates", basins),
        ("cost", "Cost", cost),
        ("verdicts", "Verdicts", verdicts),
        ("theory", "Theory and forecast", theory),
        ("plan", "Plan", plan),
        ("repeat", "How to repeat this", repeat),
    ]
    made = [(name, title, body) for name, title, section in sections if (body := section(c))]
    scripts = [get_plotlyjs(), (FOLDER / "report.js").read_text(encoding="utf-8")]
    policy = POLICY.format(
        " ".join(
            f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
            for script in scripts
        )
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Learning-rate schedules on {escape(c.manifest["dataset"]["name"])}</title>
<style>{(FOLDER / "report.css").read_text(encoding="utf-8")}</style>
</head>
<body>
<a class="skip" href="#content">Skip to the content</a>
<header>
<h1>Learning-rate schedules on {escape(c.manifest["dataset"]["name"])}</h1>
{answer(c)}
<nav aria-label="Sections">{"".join(f'<a href="#{name}">{title}</a>' for name, title, _ in made)}</nav>
<noscript><p class="note">The plots need JavaScript. All tables are here without it.</p></noscript>
</header>
<div class="columns">
{controls(c)}
<main id="content" tabindex="-1">
{"".join(f'<section id="{name}" aria-labelledby="{name}-title"><h2 id="{name}-title">{title}</h2>{body}</section>' for name, title, body in made)}
</main>
</div>
<script type="application/json" id="common">{as_json(common(c))}</script>
<script>{scripts[0]}</script>
<script>{scripts[1]}</script>
</body>
</html>
"""


def common(c: Comparison) -> dict:
    """What all plots share."""
    return dict(
        schedules=[dict(name=label, **look) for label, look in in_order(c).items()],
        tokens=Config(**c.manifest["config"]).tokens_per_step,
    )


def in_order(c: Comparison) -> dict[str, dict]:
    """The schedules' looks, the best first."""
    return {
        label: c.styles[label]
        for label in dict.fromkeys(line["scheduler"] for line in [*c.judged, *c.summary])
    }


def controls(c: Comparison) -> Html:
    """The form that all plots follow: which schedules, which peak lr and horizon, and the axes."""
    from analysis.report.plots import in_curves

    labels, drawn = list(in_order(c)), in_curves(c)
    ticked = len(labels) if len(labels) <= SHOWN else 5
    boxes = "".join(
        f'<label><input type="checkbox" name="schedule" value="{i}"{" checked" * (i < ticked)}>{c.named(label)}</label>'
        for i, label in enumerate(labels)
    )
    buttons = "".join(
        f'<button type="button" data-tick="{count}">{word}</button>'
        for word, count in (("all", len(labels)), ("none", 0), ("best 5", 5))
    )
    horizons = (
        menu(
            "steps", "Horizon", {str(steps): f"{steps:,} steps" for steps in c.horizons}, str(max(c.horizons))
        )
        if len(c.horizons) > 1
        else ""
    )
    peak_lrs = sorted({group.line["peak_lr"] for group in drawn})
    several_lrs = len(peak_lrs) > 1 and len(drawn) == len(c.groups)
    peaks = (
        menu(
            "peak",
            "Peak lr of the curves",
            {"best": "each schedule's lowest"} | {repr(peak): spell_lr(peak) for peak in peak_lrs},
            "best",
        )
        if several_lrs
        else ""
    )
    axes = radios("y", "Vertical axis", ["linear", "log"]) + radios(
        "x", "Horizontal axis", ["steps", "tokens"]
    )
    return Html(
        f'<aside class="scripted" aria-label="Choices for all plots"><details id="controls" open><summary>Schedules and axes</summary><form>{axes}{horizons}{peaks}'
        f'<fieldset><legend>Schedules</legend><div class="buttons">{buttons}</div>{boxes}</fieldset></form></details></aside>'
    )


# -- the answer


def answer(c: Comparison) -> Html:
    """Which schedule is lowest and what the seeds say of that, for each horizon; then what was trained."""
    found = [horizon_answer(c, steps, lines) for steps, lines in c.horizons.items()]
    carried = "" if c.branches is not None else paragraph(CARRIED)
    asked = len(c.manifest["runs"])
    stopped = paragraph(unfinished(len(c.rows), asked)) if len(c.rows) < asked else ""
    one_seed = (
        ""
        if c.several_seeds or all(math.isnan(line["final_val_loss"]) for line in c.judged)
        else f" {ONE_SEED}"
    )
    first, rest = (
        " ".join(found[:3]) + one_seed,
        f"{len(found) - 3} more horizons are in the ranking." * (len(found) > 3),
    )
    control = paragraph(c.control) if c.control else ""
    return Html(
        f'<p class="answer">{escape(first)}</p><p>{escape(setting(c))} {rest}</p>{stopped}{carried}{control}'
    )


def horizon_answer(c: Comparison, steps: int, lines: list[dict]) -> str:
    best, several = lines[0], len(c.horizons) > 1
    where = f"At {steps:,} steps, " * several
    if math.isnan(best["final_val_loss"]):
        return f"{where}{NOTHING if not several else NOTHING[0].lower() + NOTHING[1:]}."
    at = f" at a peak lr of {spell_lr(best['peak_lr'])}" * (len({line["peak_lr"] for line in c.summary}) > 1)
    mean = "mean " * (best["seeds"] > 1)
    if len(lines) == 1:
        return (
            f"{where}{best['scheduler']} ends at a {mean}validation loss of {best['final_val_loss']:.4f}{at}."
        )
    own = "with each schedule at its own best peak lr, " * c.tuned
    own = own if several else own.capitalize()
    words = (
        ""
        if best["seeds"] == 1
        else f" ({best['verdict']})"
        if "nothing is" in best["verdict"]
        else f": it {best['verdict']}"
    )
    return f"{where}{own}{best['scheduler']} ends at the lowest {mean}validation loss, {best['final_val_loss']:.4f}{at}{words}{undecided(lines)}."


def undecided(lines: list[dict]) -> str:
    """ ", and not from trapezoid and 6 others": the schedules that may be as good, if not all may."""
    names = [line["scheduler"] for line in lines[1:] if "cannot be told apart" in line["verdict"]]
    if len(names) in (0, len(lines) - 1):
        return ""
    listed = (
        f"{names[0]} and {len(names) - 1} others"
        if len(names) > 5
        else " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
    )
    return f", and not from {listed}"


def setting(c: Comparison) -> str:
    measured = [row for row in c.rows if row["status"] != "failed"]
    if not measured:
        return f"All runs failed, on {c.manifest['dataset']['name']}."
    words = setup_words(c.groups, load_run(c.out, measured[0]["run_id"]))
    peaks = sorted({line["peak_lr"] for line in c.summary})
    return f"Trained: {words}" + f" Peak lrs from {spell_lr(peaks[0])} to {spell_lr(peaks[-1])}." * (
        len(peaks) > 1
    )
