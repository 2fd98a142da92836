"""lr_schedules.png: the learning rate of every step, as it was used."""

from __future__ import annotations

from analysis.comparison import Comparison
from analysis.figures.groups import Group, schedules_of
from analysis.figures.page import DARK
from analysis.figures.panels import draw_diverged, max_steps, panel_groups, panels, shared_words
from analysis.figures.titles import lr_title, mean_lr
from analysis.text import counted, format_lr


def lr_schedules_page(comparison: Comparison):
    groups, warmup = panel_groups(comparison), comparison.config.warmup_steps
    fig, axes = panels(
        [group.label for group in groups],
        [lr_words(group) for group in groups],
        max_steps(comparison),
        lr_title(groups),
        f"{lr_caption(warmup)}{shared_words(comparison, groups)}",
        schedules_of(groups),
        "learning rate",
    )
    top = max(curve.lr.max() for group in groups for curve in group.curves)
    for group, ax in zip(groups, axes):
        ax.set_ylim(0, 1.08 * top)
        ax.yaxis.set_major_formatter(lambda lr, _: format_lr(lr))
        if warmup:
            ax.axvline(warmup, color=DARK, lw=0.7, ls=":")
        for lrs in {curve.lr.tobytes(): curve.lr for curve in group.completed}.values():
            ax.plot(lrs, color=group.colour, lw=1.6)  # most often one for all seeds
        draw_diverged(ax, group, "lr", 1)
    return fig


# -- words


def lr_words(group: Group) -> str:
    return f"mean {format_lr(mean_lr(group), 1)}" if group.completed else group.incomplete_words()


def lr_caption(warmup_steps: int) -> str:
    warmup = counted(warmup_steps, "step")
    ends = f"Dotted: the warmup of {warmup} ends; schedules with a rise of their own have none. "
    return (
        "Learning rate of each step as it was used; one line per seed where it reacts to the loss. "
        f"Above each panel: mean over the run. {ends * (warmup_steps > 0)}"
    )
