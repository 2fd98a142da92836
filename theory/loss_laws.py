"""The laws by name, as their files have it."""

from __future__ import annotations

import json
from pathlib import Path

from theory.annealing import AnnealingLaw
from theory.law import LossLaw
from theory.multi_power import MultiPowerLaw
from theory.published_multi_power import PublishedMultiPowerLaw

LAWS = {law.__name__: law for law in (MultiPowerLaw, PublishedMultiPowerLaw, AnnealingLaw)}


def load_law(path) -> LossLaw:
    """The law that `LossLaw.save` wrote.

    Args:
        path: of a JSON file, str or Path.

    Raises:
        ValueError: a file that can't be read or holds no law.
    """
    try:
        parameters = json.loads(Path(path).read_text(encoding="utf-8"))
        law = LAWS[parameters.pop("law")]
        if law is MultiPowerLaw and "delta" not in parameters:  # a file from before there was a delta
            law = PublishedMultiPowerLaw
        return law(**{name: float(value) for name, value in parameters.items()})
    except OSError as e:
        raise ValueError(f"law={str(path)!r} can't be read: {e.strerror}") from None
    except (ValueError, TypeError, KeyError, AttributeError):
        raise ValueError(
            f"law={str(path)!r} holds no law: give a file that python -m analysis.forecast saved"
        ) from None
