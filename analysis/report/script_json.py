"""Data for the report's scripts."""

from __future__ import annotations

import json
import math

import numpy as np
from markupsafe import Markup

from nanosched.visible import visible


def as_json(data) -> Markup:
    """JSON that cannot end a script element or begin a comment in it, and in which no number is NaN."""
    text = json.dumps(plain(data), allow_nan=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def plain(data):
    """Numpy's numbers and arrays as Python's, with 6 digits; what is not finite as None; texts visible."""
    if isinstance(data, str):
        return visible(data)
    if isinstance(data, dict):
        return {key: plain(value) for key, value in data.items()}
    if isinstance(data, (list, tuple, np.ndarray)):
        return [plain(value) for value in data]
    if isinstance(data, (float, np.floating)):
        return float(f"{data:.6g}") if math.isfinite(data) else None
    return data.item() if isinstance(data, np.generic) else data
