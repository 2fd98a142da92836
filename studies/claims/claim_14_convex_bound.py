from studies.claims.claim import INF, Claim, Question, Ranks, tuned
from studies.claims.settings import CONSTANT, DECAYS

CLAIM = Claim(
    number="14",
    text="The convex bound orders schedules",
    shown_at="124M, 21 tokens per parameter",
    numbers="the bound's curves look as the losses do, with and without a cooldown",
    source="https://arxiv.org/abs/2501.18965",
    prediction="a rank correlation above 0.5 without constant",
    primary=Question(
        "rank correlation of the bound with the loss, each at best peaks, without constant",
        Ranks(tuple(tuned(schedule) for schedule in DECAYS)),
        holds=(0.5, INF),
    ),
    beside=(
        Question(
            "the same with constant",
            Ranks(tuple(tuned(schedule) for schedule in (*DECAYS, CONSTANT))),
            holds=(0.5, INF),
        ),
    ),
)
