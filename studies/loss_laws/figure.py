"""errors.png: how far the published form and the chosen one are off at the end of each unseen curve."""

from __future__ import annotations

from pathlib import Path

from analysis.figures.page import DARK, GREY, WIDTH, draw_page, new_page
from studies.loss_laws.forms import NEW, PUBLISHED
from studies.loss_laws.study import Study

COLUMNS = ((0, 1, 2), (3, 4), (5, 6, 7))  # trials
ROW, HEAD, FOOT = 0.165, 0.4, 0.4  # inches
LEFTS, SIDE = (1.3, 4.65, 7.5), 1.8
OLD_COLOUR, NEW_COLOUR = "#D55E00", "#0072B2"
REACH = 0.065  # nats per token, either way


def draw_errors(out: Path, study: Study) -> Path:
    """Draw out/errors.png."""
    return draw_page(out / "errors.png", errors_page, study)


def errors_page(study: Study):
    caption = (
        "Predicted minus measured validation loss at the end of each curve that a law was not fitted on, "
        "nats per token; above zero is too high. Hollow: the published multi-power law. Filled: the one "
        "whose progress and drops go by one intrinsic time. Each is fitted on three curves of its panel: "
        "cosine_24000, constant_24000, wsdcon_9 (100M); constant, cosine to 10%, wsd 20% (124M); constant, "
        "cosine, wsd (0.1M). The last number is the peak lr, t/p tokens per parameter. 100M: mean of the "
        "last five points; 100M and 124M: one seed; 0.1M: means of 2 to 6 seeds."
    )
    heights = [sum(HEAD + ROW * len(study.trials[i].unseen) for i in column) for column in COLUMNS]
    body = max(heights) + FOOT
    fig, above, _ = new_page(body, study.finding, caption)
    for left, column in zip(LEFTS, COLUMNS):
        top = fig.get_figheight() - above
        for i in column:
            top -= HEAD
            height = ROW * len(study.trials[i].unseen)
            box = (left, top - height, SIDE, height)
            draw_trial(fig, study, i, box, labelled=i == column[-1])
            top -= height
    return fig


def draw_trial(fig, study: Study, i: int, inches: tuple[float, float, float, float], labelled: bool):
    """One trial, a row for each curve, in a box of (left, bottom, width, height)."""
    left, bottom, width, height = inches
    total = fig.get_figheight()
    ax = fig.add_axes((left / WIDTH, bottom / total, width / WIDTH, height / total))
    old, new = (study.errors[one.name][i] for one in (PUBLISHED, NEW))
    order = sorted(range(len(new.names)), key=lambda row: short(new.names[row]))
    before, after, rows = old.at_end[order], new.at_end[order], range(len(order))
    ax.axvline(0, color=GREY, lw=0.8, zorder=0)
    ax.hlines(rows, before, after, color=GREY, lw=1, zorder=1)
    ax.plot(before, rows, "o", ms=5.5, mfc="white", color=OLD_COLOUR)
    ax.plot(after, rows, "o", ms=3.5, color=NEW_COLOUR)
    ax.set(xlim=(-REACH, REACH), ylim=(len(rows) - 0.4, -0.6))
    ax.set_yticks(rows, [short(new.names[row]) for row in order])
    ax.tick_params(axis="y", length=0)
    ax.set_xticks([-0.05, 0, 0.05], ["-0.05", "0", "+0.05"] if labelled else [""] * 3)
    ax.set_title(study.trials[i].name, loc="left", color=DARK, weight="bold")
    if labelled:
        ax.set_xlabel("predicted - measured (nats)")


def short(name: str) -> str:
    """A curve's name as it fits beside a panel, the same for a schedule of either model."""
    if name.startswith("wsd:cooldown="):
        return f"wsd {float(name.split('=')[1]):.0%}"
    of_small = {"cosine:final_lr_ratio=0.0": "cosine to zero", "wsd:shape=sqrt": "wsd 20% sqrt"}
    return of_small.get(name, name.removesuffix(" linear"))
