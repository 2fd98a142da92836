from studies.claims.claim import ABOVE_ZERO, Claim, Question, difference, slope, tuned
from studies.claims.settings import LINEAR


def linear(ratio: float):
    return tuned(LINEAR[ratio], peaks=(8e-3, 1.6e-2))


CLAIM = Claim(
    number="9",
    text="The final lr should be zero",
    shown_at="marin, width 512, one seed",
    numbers="ratio 0 / .05 / .10 / .15: 3.8104 / 3.8165 / 3.8273 / 3.8515",
    source="https://github.com/marin-community/marin/issues/4972",
    prediction="a positive slope",
    primary=Question(
        "slope of the loss on the final ratio of linear, from 0 to 0.15, per 0.1",
        slope([linear(ratio) for ratio in LINEAR], [10 * r for r in LINEAR], "nats per token per 0.1"),
        holds=ABOVE_ZERO,
        published=0.0268,
    ),
    beside=(
        Question("ratio 0.05 minus 0", difference(linear(0.05), linear(0.0)), ABOVE_ZERO, published=0.0061),
        Question("ratio 0.1 minus 0", difference(linear(0.1), linear(0.0)), ABOVE_ZERO, published=0.0169),
    ),
)
