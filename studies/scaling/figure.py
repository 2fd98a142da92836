"""scaling.png: makespan by number of workers, against what no plan can fall below."""

from __future__ import annotations

from pathlib import Path

from analysis.figures.page import DARK, GREY, WIDTH, draw_page, new_page
from studies.scaling.simulate import Row
from studies.scaling.words import finding

COLOURS = {"separate": "#333333", "cheapest": "#0072b2", "fastest": "#d55e00"}
SHAPES = {"separate": "s", "cheapest": "o", "fastest": "D"}
HEIGHT, FOOT, BETWEEN = 4.7, 0.45, 0.75  # inches
LEFTS, PANEL = (0.85, 5.5), 3.85  # inches from the left, wide
MOST = 512  # workers, below


def draw_scaling(out: Path, rows: list[Row]) -> Path:
    """Draw out/scaling.png."""
    return draw_page(out / "scaling.png", scaling_page, rows)


def scaling_page(rows: list[Row]):
    fig, above, below = new_page(HEIGHT + FOOT, finding(rows), caption())
    height, panel = fig.get_figheight(), (HEIGHT - BETWEEN) / 2
    for left, sweep in zip(LEFTS, dict.fromkeys(row.sweep for row in rows)):
        shown = [row for row in rows if row.sweep == sweep]
        for bottom, draw in (below + FOOT + panel + BETWEEN - 0.15, draw_makespan), (below + FOOT, draw_part):
            axes = fig.add_axes((left / WIDTH, bottom / height, PANEL / WIDTH, (panel - 0.1) / height))
            draw(axes, shown)
    return fig


def caption() -> str:
    return (
        "Simulated: 1,000 runs of 2,008 steps (five peak learning rates, ten seeds), every step as long as "
        "any other; above the makespan, below the time that all workers take together, as a part of the "
        "steps asked for. Dashed: the area bound of the shared plan, its steps by the number of workers. "
        "Dotted, above: its critical path (of 20 schedules, that of the cheapest plan, in which a schedule "
        "that reacts to the loss waits for another run's end). Grey area: no plan ends there, with any order "
        "and any steps trained twice. Below up to 512 workers."
    )


def draw_makespan(ax, rows: list[Row]):
    lines(ax, rows, lambda row: row.makespan)
    bounds = [row for row in rows if row.plan == "cheapest"]
    workers = [row.workers for row in bounds]
    ax.plot(workers, [row.area_bound for row in bounds], "--", color=DARK, lw=0.8)
    ax.plot(workers, [row.critical_path for row in bounds], ":", color=DARK, lw=1)
    ax.annotate("critical path", (1, bounds[0].critical_path), (0, 3), textcoords="offset points")
    ax.set_yscale("log")
    ax.set(ylabel="makespan (steps)", yticks=(1e3, 1e4, 1e5, 1e6), ylim=(500, 4e6))
    ax.yaxis.set_major_formatter("{x:,.0f}")
    ax.set_title(f"{rows[0].sweep} x 5 peaks x 10 seeds", loc="left")
    draw_workers(ax, workers)


def draw_part(ax, rows: list[Row]):
    rows = [row for row in rows if row.workers <= MOST]
    asked = next(row.steps_trained for row in rows if row.plan == "separate")
    lines(ax, rows, lambda row: row.workers * row.makespan / asked)
    bounds = [row for row in rows if row.plan == "cheapest"]
    workers = [row.workers for row in bounds]
    ax.plot(workers, [row.steps_trained / asked for row in bounds], "--", color=DARK, lw=0.8)
    least = [row.workers * row.any_plan_bound / asked for row in bounds]
    ax.fill_between(workers, least, color=GREY, alpha=0.45, lw=0)
    ax.set(ylabel="time of all workers", ylim=(0, 1.12))
    ax.yaxis.set_major_formatter(lambda y, _: f"{y:.0%}")
    draw_workers(ax, workers)
    for plan, (row, dy) in label_places(rows).items():
        place = (row.workers, row.workers * row.makespan / asked)
        ax.annotate(plan, place, (0, dy), textcoords="offset points", color=COLOURS[plan], ha="center")


def label_places(rows: list[Row]) -> dict[str, tuple[Row, int]]:
    """Where a line has its name: a row, and points above it."""
    at = {(row.plan, row.workers): row for row in rows}
    return {
        "separate": (at["separate", 4], 6),
        "cheapest": (at["cheapest", 128], 10),
        "fastest": (at["fastest", 256], -24),
    }


def lines(ax, rows: list[Row], value):
    for plan, colour in COLOURS.items():
        shown = [row for row in rows if row.plan == plan]
        style = dict(marker=SHAPES[plan], ms=3, color=colour, lw=1.2)
        ax.plot([row.workers for row in shown], [value(row) for row in shown], **style)


def draw_workers(ax, workers: list[int]):
    ax.set_xscale("log", base=2)
    ax.set(xticks=workers, xlabel="workers")
    ax.set_xticklabels([f"{n:,}" for n in workers])
    ax.grid(axis="y", color=GREY, lw=0.4)
