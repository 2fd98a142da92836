from studies.claims.claim import BELOW_ZERO, Claim, Question, difference, tuned
from studies.claims.settings import COSINE, COSINE_TO_TENTH

CLAIM = Claim(
    number="1",
    text="Decay to zero beats cosine to 10%, each at its tuned peak",
    shown_at="124M, 21 tokens per parameter; 610M, 20",
    numbers="3.0505 to 3.0349 at 124M",
    source="https://arxiv.org/abs/2502.15938",
    contested_by="the size of the gain depends on tokens per parameter",
    prediction="below zero, about as large",
    primary=Question(
        "cosine to zero minus cosine to 10%",
        difference(tuned(COSINE), tuned(COSINE_TO_TENTH)),
        holds=BELOW_ZERO,
        published=-0.0156,
    ),
)
