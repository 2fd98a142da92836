from studies.claims.claim import (
    ABOVE_ZERO,
    BASE,
    HORIZONS,
    INF,
    LONGER,
    MARGIN,
    Choice,
    Claim,
    Question,
    Ranks,
    difference,
    tuned,
)
from studies.claims.settings import DECAYS

SHORT, LONG = HORIZONS[0], HORIZONS[-1]
PEAKS = (8e-3, 1.6e-2)  # of the runs of 0.1M parameters at 41 tokens per parameter
AT_THE_END = Choice(DECAYS, LONG, label="chosen at 41 tokens per parameter")
TOO_EARLY = Choice(DECAYS, LONG, chosen_in=SHORT, label="chosen at 8 tokens per parameter")

CLAIM = Claim(
    number="13",
    text="A shorter training horizon ranks schedules wrongly: compare at the end only",
    shown_at="130M to 1.2B, 1 to 8 times 20 tokens per parameter (of optimizers)",
    numbers="rankings change during training",
    source="https://arxiv.org/abs/2509.02046",
    prediction="less than 0.005 lost: each horizon with its own decay orders schedules alike",
    primary=Question(
        "loss at 41 tokens per parameter of the schedule chosen at 8 minus that of the one chosen at 41, "
        "both with the peak tuned at 41",
        difference(TOO_EARLY, AT_THE_END),
        holds=ABOVE_ZERO,
        fails=(-INF, MARGIN),
    ),
    beside=(
        Question(
            "rank correlation of the schedules at 8 and at 41 tokens per parameter, tuned peaks",
            Ranks(tuple(tuned(s, LONG) for s in DECAYS), tuple(tuned(s, SHORT) for s in DECAYS)),
            holds=(-INF, 0.5),
        ),
        Question(
            "what choosing at 20 tokens per parameter costs at 41, 0.1M parameters, peaks 8e-3 and 1.6e-2",
            difference(
                Choice(DECAYS, LONGER, PEAKS, chosen_in=BASE, label="chosen at 20 tokens per parameter"),
                Choice(DECAYS, LONGER, PEAKS, label="chosen at 41 tokens per parameter"),
            ),
            holds=ABOVE_ZERO,
        ),
        Question(
            "rank correlation of the schedules of 0.1M parameters at 20 and at 41, peaks 8e-3 and 1.6e-2",
            Ranks(
                tuple(tuned(s, LONGER, peaks=PEAKS) for s in DECAYS),
                tuple(tuned(s, BASE, peaks=PEAKS) for s in DECAYS),
            ),
            holds=(-INF, 0.5),
        ),
    ),
)
