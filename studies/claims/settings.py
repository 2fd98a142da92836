"""The schedules of the grid, as compare.py takes them."""

from __future__ import annotations

CONSTANT = "constant"
COOLDOWNS = (0.1, 0.2, 0.4, 0.6, 0.8, 0.9)
WSD = {cooldown: f"wsd:cooldown={cooldown}" for cooldown in COOLDOWNS}
WSD_SQRT = "wsd:cooldown=0.2,shape=sqrt"
WSD_POWER = "wsd:cooldown=0.6,shape=power"  # exponent 1.2
COSINE_TO_TENTH, COSINE = "cosine", "cosine:final_lr_ratio=0"
DECAYS = (*WSD.values(), WSD_SQRT, COSINE_TO_TENTH, COSINE)
LINEAR = {ratio: f"linear:final_lr_ratio={ratio:g}" for ratio in (0.0, 0.05, 0.1, 0.15)}
AVERAGES = ("ema:decay=0.99", "ema:decay=0.998", "tail:fraction=0.1", "tail:fraction=0.2")
