"""The finding in words, the same in the page and over the figure."""

from __future__ import annotations

from studies.precision.data import MARGIN, QUESTION, Outcome, Study

ANSWERS = {
    Outcome.CHANGED: "bfloat16 on a CPU changes how schedules compare",
    Outcome.SAME: f"bfloat16 on a CPU compares schedules as float32 does, within {MARGIN:g} nats per token",
    Outcome.UNTOLD: "Whether bfloat16 on a CPU changes how schedules compare cannot be told",
}


def finding(study: Study) -> str:
    return ANSWERS[study.effects[QUESTION].on_answer]
