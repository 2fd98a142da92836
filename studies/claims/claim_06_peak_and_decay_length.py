from math import log2

from studies.claims.claim import ABOVE_ZERO, HORIZONS, Claim, PeakSlope, Question, peak_ratio, tuned
from studies.claims.settings import CONSTANT, COSINE, WSD

SMALL = HORIZONS[2]

CLAIM = Claim(
    number="6",
    text="The best peak rises with the length of the decay",
    shown_at="124M, 21 tokens per parameter",
    numbers="constant 5e-4, wsd 20% 1e-3, 60% and longer and cosine to zero 2e-3",
    source="https://arxiv.org/abs/2501.18965",
    prediction="a positive slope; constant's best peak the lowest",
    primary=Question(
        "slope of log2 of the best peak lr on log2 of the cooldown, wsd 10% to 90%",
        PeakSlope(tuple((tuned(spec), log2(length), "") for length, spec in WSD.items())),
        holds=ABOVE_ZERO,
        published=0.38,  # of the best peaks tried, 1e-3 at 10 and 20%, 2e-3 from 40%
    ),
    beside=(
        Question(
            "the same on 0.05M parameters",
            PeakSlope(tuple((tuned(spec, SMALL), log2(length), "") for length, spec in WSD.items())),
            holds=ABOVE_ZERO,
            published=0.38,
        ),
        Question(
            "best peak lr of cosine to zero over that of constant, in octaves",
            peak_ratio(tuned(COSINE), tuned(CONSTANT)),
            holds=ABOVE_ZERO,
            published=2.0,
        ),
    ),
)
