"""Predict what schedules will do, by a loss law fitted on a few measured curves."""

from __future__ import annotations

from .loss_laws import AnnealingLaw, Curve, MultiPowerLaw

__all__ = ["AnnealingLaw", "Curve", "MultiPowerLaw"]
