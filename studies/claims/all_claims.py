"""The claims in the order of the page."""

from __future__ import annotations

from studies.claims import (
    claim_01_decay_to_zero,
    claim_02_linear_and_cosine_tie,
    claim_03_short_cooldown_matches_cosine,
    claim_04_sqrt_cooldown,
    claim_05_longer_cooldown,
    claim_06_peak_and_decay_length,
    claim_07_averaging,
    claim_07_decay,
    claim_08_averaging_a_decay,
    claim_09_final_lr_zero,
    claim_10_power_decay,
    claim_11_peak_and_horizon,
    claim_12_few_tokens,
    claim_13_short_horizon,
    claim_14_convex_bound,
)

CLAIMS = [
    claim_01_decay_to_zero.CLAIM,
    claim_02_linear_and_cosine_tie.CLAIM,
    claim_03_short_cooldown_matches_cosine.CLAIM,
    claim_04_sqrt_cooldown.CLAIM,
    claim_05_longer_cooldown.CLAIM,
    claim_06_peak_and_decay_length.CLAIM,
    claim_07_decay.CLAIM,
    claim_07_averaging.CLAIM,
    claim_08_averaging_a_decay.CLAIM,
    claim_09_final_lr_zero.CLAIM,
    claim_10_power_decay.CLAIM,
    claim_11_peak_and_horizon.CLAIM,
    claim_12_few_tokens.CLAIM,
    claim_13_short_horizon.CLAIM,
    claim_14_convex_bound.CLAIM,
]
