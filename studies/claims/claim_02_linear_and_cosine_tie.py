from studies.claims.claim import MARGIN, Claim, Question, difference, tuned
from studies.claims.settings import COSINE, LINEAR

PEAKS = (8e-3, 1.6e-2)

CLAIM = Claim(
    number="2",
    text="Linear to zero and cosine to zero tie",
    shown_at="124M, 21 tokens per parameter",
    numbers="within 0.003",
    source="https://arxiv.org/abs/2501.18965",
    contested_by="one large run each way in public threads",
    prediction="between -0.005 and 0.005",
    primary=Question(
        "linear to zero minus cosine to zero",
        difference(
            tuned(LINEAR[0.0], peaks=PEAKS),
            tuned(COSINE, peaks=PEAKS),
        ),
        holds=(-MARGIN, MARGIN),
    ),
)
