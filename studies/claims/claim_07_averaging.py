from studies.claims.claim import INF, MARGIN, Choice, Claim, Question, Share, difference, tuned
from studies.claims.settings import AVERAGES, CONSTANT, WSD

PLAIN = tuned(CONSTANT, peaks=(4e-3, 8e-3))
AVERAGED = Choice((CONSTANT,), peaks=(4e-3, 8e-3), averages=AVERAGES, label="constant, averaged")
DECAYED = tuned(WSD[0.6], peaks=(8e-3, 1.6e-2))

CLAIM = Claim(
    number="7b",
    text="Averaging the weights of a constant lr recovers most of what decay is worth",
    shown_at="150M and 300M, 1 to 32 times 20 tokens per parameter",
    numbers="final loss comparable to cosine's",
    source="https://arxiv.org/abs/2602.03702",
    contested_by="[2502.06761](https://arxiv.org/abs/2502.06761): averaging does not fully replace decay",
    prediction="above a half, below all of it",
    primary=Question(
        "share of wsd 60%'s gain over constant that averaging recovers",
        Share(PLAIN, AVERAGED, DECAYED),
        holds=(0.5, INF),
    ),
    beside=(
        Question("constant, averaged, minus wsd 60%", difference(AVERAGED, DECAYED), holds=(-INF, MARGIN)),
    ),
)
