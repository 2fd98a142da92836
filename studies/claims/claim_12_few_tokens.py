from studies.claims.claim import BELOW_ZERO, FEW, FEWEST, PEAKS, Claim, Question, difference, tuned
from studies.claims.settings import CONSTANT, COSINE, COSINE_TO_TENTH, WSD

LOWEST = (4e-3,)  # a peak that nobody tuned
FROM_LOWER = (5e-4, 1e-3, 2e-3, *PEAKS)  # in 30 steps the best peaks are lower

CLAIM = Claim(
    number="12",
    text="At very few tokens per parameter the order turns round: what stays high longest wins",
    shown_at="125M, 500 steps, untuned 6e-4, one seed",
    numbers="wsd far below cosine",
    source="",  # a public comparison without an address that we know
    contested_by="claims 1 and 3, in their regime",
    prediction="below zero at 0.3 tokens per parameter, above it at 2 and tuned peaks",
    primary=Question(
        "constant minus cosine to zero at 0.3 tokens per parameter, tuned peaks",
        difference(tuned(CONSTANT, FEWEST, peaks=FROM_LOWER), tuned(COSINE, FEWEST, peaks=FROM_LOWER)),
        holds=BELOW_ZERO,
    ),
    beside=(
        Question(
            "the same at 2 tokens per parameter",
            difference(tuned(CONSTANT, FEW), tuned(COSINE, FEW)),
            BELOW_ZERO,
        ),
        Question(
            "wsd 20% minus cosine to 10% at 0.3 tokens per parameter and a peak of 4e-3",
            difference(tuned(WSD[0.2], FEWEST, peaks=LOWEST), tuned(COSINE_TO_TENTH, FEWEST, peaks=LOWEST)),
            BELOW_ZERO,
        ),
        Question(
            "constant minus cosine to zero at 20", difference(tuned(CONSTANT), tuned(COSINE)), BELOW_ZERO
        ),
    ),
)
