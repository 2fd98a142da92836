from studies.claims.claim import INF, MARGIN, Claim, Question, difference, peak_ratio, tuned
from studies.claims.settings import COSINE, COSINE_TO_TENTH, WSD

CLAIM = Claim(
    number="3",
    text="wsd with a 20% cooldown matches cosine to 10%, at about half its peak",
    shown_at="33M to 124M",
    numbers="3.0378 at 1e-3, 3.0505 at 2e-3",
    source="https://arxiv.org/abs/2405.18392",
    contested_by="it loses to cosine to zero",
    prediction="below 0.005, and likely below zero; the best peak lower",
    primary=Question(
        "wsd 20% minus cosine to 10%",
        difference(tuned(WSD[0.2]), tuned(COSINE_TO_TENTH)),
        holds=(-INF, MARGIN),
        published=-0.0127,
    ),
    beside=(
        Question(
            "best peak lr of wsd 20% over that of cosine to 10%, in octaves",
            peak_ratio(tuned(WSD[0.2]), tuned(COSINE_TO_TENTH)),
            holds=(-INF, 0.0),
            published=-1.0,
        ),
        Question(
            "wsd 20% minus cosine to zero",
            difference(tuned(WSD[0.2]), tuned(COSINE)),
            holds=(0.0, INF),
            published=0.0029,
        ),
    ),
)
