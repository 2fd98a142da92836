"""Two figures of tuned peak lrs: the final loss against the peak lr, and what tuning does to the ranking."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from analysis.figures.colours import colour_of
from analysis.figures.dots import dot_page, fence
from analysis.figures.draw import save
from analysis.figures.page import STYLE, shorten, spell_lr
from analysis.figures.panels import draw_behind, panels


@dataclass(frozen=True)
class Basin:
    """One schedule at one horizon: its row of tuned.csv and its loss at every peak lr."""

    label: str
    colour: str
    row: dict
    seeds: dict  # peak lr -> final validation losses of the seeds that came through
    lost: list  # peak lrs at which a seed diverged or failed

    @property
    def mean(self) -> tuple[np.ndarray, np.ndarray]:
        """(peak lrs, mean losses) where every seed came through."""
        peaks = [peak for peak in sorted(self.seeds) if peak not in self.lost]
        return np.array(peaks), np.array([np.mean(self.seeds[peak]) for peak in peaks])


def draw_tuned(out: Path, rows: list[dict], tuned: list[dict], summary: list[dict]) -> list[Path]:
    """Draw out/figures/peak_lr.png and tuned_ranking.png and return their paths; none if no run came to its end."""
    from matplotlib import style

    basins = [basin(row, rows, len({line["steps"] for line in summary}) > 1) for row in tuned]
    basins = [b for b in basins if any(b.seeds.values())]
    if not basins:
        return []
    with style.context(STYLE, after_reset=True):
        figures = dict(peak_lr=peak_lr_page(basins), tuned_ranking=tuned_page(basins))
        return [save(fig, Path(out) / "figures" / f"{name}.png") for name, fig in figures.items()]


def basin(row: dict, rows: list[dict], several_steps: bool) -> Basin:
    own = [r for r in rows if (r["scheduler"], r["steps"]) == (row["scheduler"], row["steps"])]
    seeds = {
        peak: [r["final_val_loss"] for r in own if r["peak_lr"] == peak and r["status"] == "complete"]
        for peak in sorted({r["peak_lr"] for r in own})
    }
    lost = sorted({r["peak_lr"] for r in own if r["status"] != "complete"})
    return Basin(
        row["scheduler"] + f", {row['steps']:,} steps" * several_steps,
        colour_of(row["scheduler"]),
        row,
        seeds,
        lost,
    )


def peak_lr_page(basins: list[Basin]):
    """A panel for each schedule: every seed's loss and their mean against the peak lr, the best one ringed."""
    peaks = sorted({peak for b in basins for peak in b.seeds})
    fig, axes = panels(
        basins,
        1,
        [f"best at {spell_lr(b.row['best_peak_lr'], 1)}" for b in basins],
        basin_title(basins),
        basin_caption(basins),
        "final validation loss (nats a token)",
        "peak learning rate (log scale)",
    )
    losses = np.concatenate([b.mean[1] for b in basins])
    low, high = (
        min(loss for b in basins for values in b.seeds.values() for loss in values),
        losses[losses <= fence(losses)].max(),
    )
    pad = 0.08 * (high - low) or 0.01 * low
    axes[0].set_xscale("log", base=2)
    axes[0].set(xlim=(peaks[0] / 1.3, peaks[-1] * 1.3), ylim=(low - pad, high + pad))
    shown = peaks[:: max(1, math.ceil(len(peaks) / 4))]
    axes[0].set_xticks(shown, [spell_lr(peak, 0) for peak in shown])
    axes[0].minorticks_off()
    behind = [b.mean for b in basins]
    for b, ax in zip(basins, axes):
        for tick in ax.get_xticklabels():
            tick.set_ha("center")
        draw_behind(ax, behind)
        ax.plot(*b.mean, color=b.colour, lw=1.6)
        for peak, values in b.seeds.items():
            ax.plot([peak] * len(values), values, "o", color=b.colour, ms=2.5)
        ax.plot(b.row["best_peak_lr"], b.row["final_val_loss"], "o", ms=8, mfc="none", mec="black", mew=1)
        for peak in b.lost:
            ax.plot(peak, 0.94, "x", color="black", ms=6, mew=1.6, transform=ax.get_xaxis_transform())
    return fig


def tuned_page(basins: list[Basin]):
    """A row for each schedule: its mean loss at its own best peak lr, and hollow the one at the common peak lr."""
    own = np.array([b.row["final_val_loss"] for b in basins])
    common = np.array(
        [
            math.nan if b.row["common_final_val_loss"] is None else b.row["common_final_val_loss"]
            for b in basins
        ],
        dtype=float,
    )
    cells = [f"{o:.4f} at {spell_lr(b.row['best_peak_lr'], 1)}; {place(b)}" for o, b in zip(own, basins)]
    fig, ax, ys = dot_page(
        basins,
        cells,
        ranking_title(basins),
        RANKING_CAPTION,
        "final validation loss, mean over seeds (nats a token)",
    )
    losses = np.concatenate([own, common[np.isfinite(common)]])
    high = losses[losses <= fence(losses)].max()
    pad = 0.06 * (high - losses.min()) or 0.01 * high
    ax.set_xlim(losses.min() - pad, high + pad)
    for b, o, c, y in zip(basins, own, common, ys):
        if math.isfinite(c):
            ax.plot([o, min(c, high + pad)], [y, y], color=b.colour, lw=1)
            ax.plot(c, y, "o", ms=5, mfc="white", mec=b.colour, mew=1.2)
        ax.plot(o, y, "o", color=b.colour, ms=5.5)
    return fig


# -- words

RANKING_CAPTION = (
    "Filled: each schedule at its own best peak lr; hollow: at the peak lr that all had in common. Right: the loss, the best peak lr, and the place in the "
    "ranking at the common one. The axis is zoomed to the data. Colour: the schedule's family."
)


def place(b: Basin) -> str:
    return f"#{b.row['common_rank']} in common" if b.row["common_rank"] else "-"


def basin_title(basins: list[Basin]) -> str:
    best = [b.row["best_peak_lr"] for b in basins if len(b.mean[1]) and np.ptp(b.mean[1])]
    if not best:
        return "The peak lr makes no difference"
    if min(best) == max(best):
        return f"All schedules do best at a peak lr of {spell_lr(best[0], 1)}"
    return f"The best peak lr goes from {spell_lr(min(best), 1)} to {spell_lr(max(best), 1)}, a factor of {max(best) / min(best):.3g}"


def basin_caption(basins: list[Basin]) -> str:
    edge = [b.label for b in basins if b.row["on_edge"]]
    return (
        "Dot: a seed; line: mean over seeds; ring: the best; grey: the other schedules; cross: a seed was lost (diverged or failed). Lines may leave the axis."
        + (f" Best on the edge of what was tried: {', '.join(map(shorten, edge))}." if edge else "")
    )


def ranking_title(basins: list[Basin]) -> str:
    first = basins[0]
    if first.row["common_rank"] == 1:
        return f"{shorten(first.label)} is lowest at its own best peak lr, as at the common one"
    at_common = [b.label for b in basins if b.row["common_rank"] == 1]
    return f"{shorten(first.label)} is lowest at its own best peak lr" + (
        f"; at the common one it was {shorten(at_common[0])}" if at_common else ""
    )
