from math import log2

from studies.claims.claim import BELOW_ZERO, Claim, Question, difference, slope, tuned
from studies.claims.settings import WSD

LENGTHS = (0.1, 0.2, 0.4, 0.6)

CLAIM = Claim(
    number="5",
    text="A longer cooldown is better if the peak is tuned again, up to about 60%",
    shown_at="124M, 21 tokens per parameter",
    numbers="10% 3.0541, 20% 3.0378, 40% 3.0272, 60% 3.0234, 80% 3.0239, 90% 3.0290",
    source="https://arxiv.org/abs/2501.18965",
    prediction="a negative slope up to 60%, about as steep; 60% to 80% a tie",
    primary=Question(
        "slope of the loss from 10% to 60%, per doubling of the cooldown",
        slope([tuned(WSD[n]) for n in LENGTHS], [log2(n) for n in LENGTHS], "nats per token per doubling"),
        holds=BELOW_ZERO,
        published=-0.0119,
    ),
    beside=(
        Question(
            "60% minus 40%", difference(tuned(WSD[0.6]), tuned(WSD[0.4])), BELOW_ZERO, published=-0.0038
        ),
        Question(
            "60% minus 90%", difference(tuned(WSD[0.6]), tuned(WSD[0.9])), BELOW_ZERO, published=-0.0056
        ),
    ),
)
