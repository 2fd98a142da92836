"""by_peak.md: the predictions, how the model was chosen, and how far to trust it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from studies.page import write_page
from studies.transfer.by_peak_law import final_loss, fit_law
from studies.transfer.by_peak_models import NOISE, Model, place
from studies.transfer.by_peak_runs import CURVES, HORIZONS, PEAKS, SETTINGS, Losses, Run
from studies.transfer.by_peak_splits import pair_errors, root_mean_square, score, splits

PAIR_NOISE = float(np.sqrt(2) * NOISE)


@dataclass(frozen=True)
class Prediction:
    run: Run
    difference: float  # to cosine to zero, nats per token
    error: float  # its standard deviation, without the noise of the runs that it will be checked against

    @property
    def error_to_measured(self) -> float:
        """With that noise."""
        return float(np.hypot(self.error, PAIR_NOISE))


@dataclass(frozen=True)
class LawChange:
    """Root mean square errors of the differences at the shorter horizon, from the longer one."""

    peak_lr: float
    unchanged: float
    law: float
    chosen: float


def write_by_peak(out: Path, losses: Losses, predictions: list[Prediction], **values) -> Path:
    by_setting = {
        setting: [prediction for prediction in predictions if prediction.run.setting == setting]
        for setting in SETTINGS
    }
    return write_page(
        out,
        Path(__file__).with_name("by_peak.md.j2"),
        page="by_peak.md",
        rows=by_setting,
        best={peak: best_at(predictions, peak) for peak in PEAKS},
        steps=predictions[0].run.steps,
        peaks=PEAKS,
        errors_of=lambda model: [root_mean_square(pair_errors(model, split)) for split in splits(losses)],
        score_of=lambda model: score(model, losses),
        splits=[split.name for split in splits(losses)],
        pair_noise=PAIR_NOISE,
        highest_seen=max(place(run.peak_lr, run.steps, 0.5) for run in losses),
        highest_asked=max(place(p.run.peak_lr, p.run.steps, 0.5) for p in predictions),
        **values,
    )


def best_at(predictions: list[Prediction], peak: float) -> Prediction:
    return min((p for p in predictions if p.run.peak_lr == peak), key=lambda p: p.difference)


def law_changes(data: Path, losses: Losses, chosen: Model) -> list[LawChange]:
    """The multi-power law and the chosen model, both from the longer horizon, at each peak with curves."""
    return [
        law_change(data, losses, chosen, float(folder.name)) for folder in sorted((data / CURVES).iterdir())
    ]


def law_change(data: Path, losses: Losses, chosen: Model, peak: float) -> LawChange:
    shorter, longer = HORIZONS
    law = fit_law(data, peak)
    fitted = chosen.fit({run: loss for run, loss in losses.items() if run.steps == longer})
    unchanged, by_law, by_model = [], [], []
    known = [setting for setting in SETTINGS if Run(setting, peak, shorter) in losses]
    for pair in combinations(known, 2):
        (a, b), (late_a, late_b) = ([Run(setting, peak, steps) for setting in pair] for steps in HORIZONS)
        before, after = losses[a] - losses[b], losses[late_a] - losses[late_b]
        change = final_loss(law, late_a) - final_loss(law, late_b) - final_loss(law, a) + final_loss(law, b)
        unchanged.append(after - before)
        by_law.append(after - change - before)
        by_model.append(fitted.difference(a, b.setting) - before)
    return LawChange(peak, *map(root_mean_square, (unchanged, by_law, by_model)))
