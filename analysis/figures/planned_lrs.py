"""planned_lrs.png: the learning rates that a comparison is about to use, drawn before anything is trained."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from analysis.comparison import Setting, labels_of
from analysis.figures.colours import colour_of
from analysis.figures.groups import MAX_PANELS
from analysis.figures.page import DARK, draw_page
from analysis.figures.panels import panels
from analysis.figures.titles import extremes, planned_words
from analysis.text import counted, format_lr
from schedulers import Schedule

Planned = tuple[Setting, np.ndarray]  # with its learning rates, float64 (steps,)


def draw_planned_lrs(schedules: list[tuple[str, Schedule]], out: Path) -> Path:
    """Draw out/figures/planned_lrs.png, one panel per schedule, and return its path."""
    planned = [(Setting.of_schedule(label, schedule), schedule.lrs()) for label, schedule in schedules]
    return draw_page(out / "figures" / "planned_lrs.png", planned_lrs_page, planned)


def planned_lrs_page(planned: list[Planned]):
    shown = planned[:MAX_PANELS]
    labels = labels_of(setting for setting, _ in planned)
    warmup = min(setting.warmup_steps for setting, _ in planned)
    left_out, setup = len(planned) - len(shown), planned_words(setting for setting, _ in planned)
    fig, axes = panels(
        [labels[setting] for setting, _ in shown],
        [f"mean {format_lr(lrs.mean(), 1)}" for _, lrs in shown],
        max(setting.steps for setting, _ in planned),
        planned_title(planned, labels),
        f"{planned_caption(warmup, left_out)}{setup}",
        [setting.scheduler for setting, _ in shown],
        "learning rate",
    )
    top = max(lrs.max() for _, lrs in shown)
    for (setting, lrs), ax in zip(shown, axes):
        ax.set_ylim(0, 1.08 * top)
        ax.yaxis.set_major_formatter(lambda lr, _: format_lr(lr))
        if warmup:
            ax.axvline(warmup, color=DARK, lw=0.7, ls=":")
        ax.plot(lrs, color=colour_of(setting.scheduler), lw=1.6)
    return fig


# -- words


def planned_title(planned: list[Planned], labels: dict[Setting, str]) -> str:
    parts = {labels[setting]: lrs.mean() / setting.peak_lr for setting, lrs in planned}
    several = "The mean learning rate will go from {} to {} of the peak lr"
    return extremes(parts, several, "The mean learning rate will be {} of the peak lr", "{:.0%}")


def planned_caption(warmup_steps: int, left_out: int) -> str:
    ends = f"Dotted: the warmup of {counted(warmup_steps, 'step')} ends; own rises have none. "
    more = f"Left out: {counted(left_out, 'more schedule')}. "
    return (
        "Learning rate of each step as it will be used; where it reacts to the loss, as if it never did. "
        f"Above each panel: mean over the run. {ends * (warmup_steps > 0)}{more * (left_out > 0)}"
    )
