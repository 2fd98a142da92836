"""What theory says of a learning-rate schedule before it is trained: convex bounds and loss laws."""

from theory.annealing import AnnealingLaw
from theory.convex_bound import (
    bound,
    bound_curve,
    grad_norm_shape,
    lowest_bound_lrs,
    optimal_peak_lr,
    optimal_schedule,
)
from theory.curves import Curve
from theory.design import optimal_lrs
from theory.law import LossLaw
from theory.loss_laws import load_law
from theory.multi_power import MultiPowerLaw
from theory.published_multi_power import PublishedMultiPowerLaw

__all__ = [
    "AnnealingLaw",
    "Curve",
    "LossLaw",
    "MultiPowerLaw",
    "PublishedMultiPowerLaw",
    "bound",
    "bound_curve",
    "grad_norm_shape",
    "load_law",
    "lowest_bound_lrs",
    "optimal_lrs",
    "optimal_peak_lr",
    "optimal_schedule",
]
