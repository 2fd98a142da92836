from studies.claims.claim import BELOW_ZERO, Claim, Question, difference, tuned
from studies.claims.settings import CONSTANT, COSINE, WSD

CLAIM = Claim(
    number="7a",
    text="Decay is worth about 0.15 over the best constant",
    shown_at="124M, 41 tokens per parameter",
    numbers="3.11 to 2.95",
    source="https://arxiv.org/abs/2501.18965",
    prediction="below zero, about as large",
    primary=Question(
        "wsd 60% minus constant",
        difference(tuned(WSD[0.6]), tuned(CONSTANT)),
        holds=BELOW_ZERO,
        published=-0.16,
    ),
    beside=(
        Question("cosine to zero minus constant", difference(tuned(COSINE), tuned(CONSTANT)), BELOW_ZERO),
    ),
)
