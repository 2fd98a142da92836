from studies.claims.claim import BELOW_ZERO, Choice, Claim, Contrast, Question, tuned
from studies.claims.settings import AVERAGES, COSINE, WSD

PEAKS = (8e-3, 1.6e-2)
SCHEDULES = {WSD[0.2]: "wsd 20%", WSD[0.6]: "wsd 60%", COSINE: "cosine to zero"}


def averaged(schedule: str) -> Choice:
    return Choice((schedule,), peaks=PEAKS, averages=AVERAGES, label=f"{schedule}, averaged")


def plain(schedule: str) -> Choice:
    return tuned(schedule, peaks=PEAKS)


CLAIM = Claim(
    number="8",
    text="Averaging the tail on top of a decay still helps",
    shown_at="modded-nanogpt track 3 (124M)",
    numbers="42 of 2,745 steps saved",
    source="https://github.com/KellerJordan/modded-nanogpt/pull/325",
    contested_by="nanochat's log: no gain",
    prediction="below zero and small, at most 0.005",
    primary=Question(
        "averaged minus not, the mean over wsd 20%, wsd 60% and cosine to zero",
        Contrast(
            tuple((1 / 3, averaged(s)) for s in SCHEDULES) + tuple((-1 / 3, plain(s)) for s in SCHEDULES),
            same_runs=True,
        ),
        holds=BELOW_ZERO,
    ),
    beside=tuple(
        Question(
            f"the same of {name}",
            Contrast(((1.0, averaged(s)), (-1.0, plain(s))), same_runs=True),
            BELOW_ZERO,
        )
        for s, name in SCHEDULES.items()
    ),
)
