from studies.claims.claim import BELOW_ZERO, Claim, Question, difference, tuned
from studies.claims.settings import WSD, WSD_SQRT

CLAIM = Claim(
    number="4",
    text="A 1-sqrt cooldown beats a linear one (20%)",
    shown_at="124M, 21 tokens per parameter",
    numbers="3.0378 to 3.0332",
    source="https://arxiv.org/abs/2405.18392",
    contested_by="[2508.01483](https://arxiv.org/abs/2508.01483): the best shape balances bias and variance",
    prediction="below zero, about as large",
    primary=Question(
        "1-sqrt minus linear, wsd 20%",
        difference(tuned(WSD_SQRT), tuned(WSD[0.2])),
        holds=BELOW_ZERO,
        published=-0.0046,
    ),
)
