from studies.claims.claim import ABOVE_ZERO, BELOW_ZERO, Claim, Question, difference, peak_ratio, tuned
from studies.claims.settings import WSD, WSD_POWER

PEAKS = (8e-3, 1.6e-2, 3.2e-2)


def power(*peaks: float):
    return tuned(WSD_POWER, peaks=peaks or PEAKS)


def linear(*peaks: float):
    return tuned(WSD[0.6], peaks=peaks or PEAKS)


CLAIM = Claim(
    number="10",
    text="A power decay from a higher peak beats a linear one",
    shown_at="modded-nanogpt track 3 (124M)",
    numbers="75 to 125 of 3,250 steps saved",
    source="https://github.com/KellerJordan/modded-nanogpt/pull/351",
    contested_by="[pull request 324](https://github.com/KellerJordan/modded-nanogpt/pull/324): worse",
    prediction="below zero, its best peak the higher one",
    primary=Question(
        "power 1.2 minus linear, wsd 60%, each at its best peak",
        difference(power(), linear()),
        holds=BELOW_ZERO,
    ),
    beside=(
        Question("the same at 1.6e-2", difference(power(1.6e-2), linear(1.6e-2)), BELOW_ZERO),
        Question("the same at 3.2e-2", difference(power(3.2e-2), linear(3.2e-2)), BELOW_ZERO),
        Question(
            "best peak lr of power over that of linear, in octaves",
            peak_ratio(power(), linear()),
            holds=ABOVE_ZERO,
        ),
    ),
)
