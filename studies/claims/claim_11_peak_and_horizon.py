from math import log2

from studies.claims.claim import BELOW_ZERO, HORIZONS, Claim, PeakSlope, Question, tuned
from studies.claims.settings import DECAYS


def over_horizons(schedules: tuple[str, ...]) -> PeakSlope:
    return PeakSlope(
        tuple(
            (tuned(schedule, regime), log2(regime.tokens_per_parameter), schedule)
            for schedule in schedules
            for regime in HORIZONS
        )
    )


CLAIM = Claim(
    number="11",
    text="The best peak falls as the horizon grows (at one batch size)",
    shown_at="50M to 2.7B, up to 1T tokens",
    numbers="about D^-0.3; with the batch tuned too, D^0.307 (2503.04715)",
    source="https://arxiv.org/abs/2409.19913",
    contested_by="marin's later runs drift upwards",
    prediction="below zero; the convex bound says -0.5",
    primary=Question(
        "slope of log2 of the best peak lr on log2 of the tokens, 8 to 41 tokens per parameter, "
        "all schedules that decay",
        over_horizons(DECAYS),
        holds=BELOW_ZERO,
        published=-0.3,
    ),
    beside=(
        Question(
            "the same of cosine to 10% and to zero",
            over_horizons(DECAYS[-2:]),
            holds=BELOW_ZERO,
        ),
    ),
)
