"""Design a schedule by a loss law, train it beside the comparison's, fit the law again with it, and so on.

    python -m analysis.design results/NAME --rounds 3

A round fits the law on every measured curve of the comparison, designs the learning rates that it predicts
to end lowest, and trains them with the comparison's seeds, by the command that made the comparison. The
rounds end early where the next design promises no more than the law errs by; the first is trained whatever it
promises, since a law learns most from its own design. Predictions are written before the training, and kept
beside what was measured: design.csv, design/ and figures/design.png. The same command takes complete rounds
as they are.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from analysis.design_promise import (
    leave_each_out,
    lowest,
    predicted_gain,
    read_held_out,
    trust_of,
    write_held_out,
)
from analysis.design_rounds import (
    Outcome,
    Prediction,
    Round,
    held_out_path,
    is_design,
    is_own,
    label_of,
    law_path,
    read_rounds,
    write_rounds,
)
from analysis.design_training import (
    Protocol,
    against_others,
    check_complete,
    is_trained,
    read_losses,
    read_protocol,
    train,
)
from analysis.design_words import print_rounds
from analysis.differences import finite
from analysis.figures.design import draw_design
from analysis.measured import Measured, read_measured
from analysis.predictions import lrs_of, predict_at
from analysis.terminal import print_text
from analysis.verdicts import MARGIN, verdict_of
from nanosched.command import CommandParser, fail, run_command
from theory import Curve, MultiPowerLaw


def main():
    args = parse_args()
    try:
        measured = read_measured(args.out, args.peak_lr)
        protocol = read_protocol(args.out, args.peak_lr)
        rounds = run_rounds(protocol, measured, args.rounds)
        last = rounds[-1].number
        figure = draw_design(args.out, rounds, measured_now(protocol, measured), held_out(args.out, last))
    except (OSError, ValueError, RuntimeError) as e:
        fail(e)
    print_rounds(rounds, [args.out / "design.csv", args.out / "design", figure])


def parse_args() -> argparse.Namespace:
    parser = CommandParser(__doc__)
    parser.add_argument("out", type=Path, metavar="results/NAME", help="a folder that compare.py wrote")
    parser.add_argument(
        "--rounds", type=int, default=3, metavar="N", help="at most, earlier calls' included; default 3"
    )
    parser.add_argument(
        "--peak-lr",
        type=float,
        metavar="X",
        help="to design at, where the comparison has several; its tables are then of this one, and its runs "
        "stay",
    )
    args = parser.parse_args()
    if args.rounds < 1:
        parser.error(f"--rounds {args.rounds} is not allowed: give 1 or more")
    return args


# -- rounds


def run_rounds(protocol: Protocol, measured: Measured, most: int) -> list[Round]:
    """All rounds of this comparison, those of earlier calls too."""
    rounds = read_rounds(protocol.out)
    check_same_runs(rounds, measured)
    for number in range(1, most + 1):
        if number > len(rounds):
            rounds.append(Round(predict(protocol.out, measured, number)))
            write_rounds(protocol.out, rounds)  # before it is trained
        if not rounds[number - 1].wanted:
            break
        rounds = train_rounds(protocol, measured, rounds, number)
        measured = measured_now(protocol, measured)
    return rounds


def check_same_runs(rounds: list[Round], measured: Measured):
    for each in rounds:
        found = each.prediction.steps, each.prediction.peak_lr
        if found != (measured.steps, measured.peak_lr):
            raise ValueError(
                f"design.csv is of {found[0]} steps at a peak lr of {found[1]:g}, and this comparison of "
                f"{measured.steps} at {measured.peak_lr:g}: delete design.csv to begin anew"
            )


def predict(out: Path, measured: Measured, number: int) -> Prediction:
    """Fit, design and judge what the design promises; the law and what was held out are kept."""
    curves = fitted_curves(out, measured, number)
    built_in = {label: curve for label, curve in curves.items() if not is_design(label)}
    if not built_in:
        raise ValueError(
            f"{out} has no schedule with complete runs but designs: nothing to compare them with"
        )
    law = MultiPowerLaw.fit(list(curves.values()))
    for doubt in law.doubts:
        print_text(f"round {number}: {doubt}")
    law_path(out, number).parent.mkdir(exist_ok=True)
    law.save(law_path(out, number))
    lrs = lrs_of(label_of(out, number), measured.steps, measured)
    points = leave_each_out(MultiPowerLaw, curves)
    write_held_out(held_out_path(out, number), points)

    best, trust = lowest(built_in), trust_of(points)
    predicted, low, high = predict_at(law, lrs, best.steps[-1])
    gain = predicted_gain(law, lrs, best)
    return Prediction(
        round=number,
        steps=measured.steps,
        peak_lr=measured.peak_lr,
        mean_lr=float(lrs.mean()),
        best=best.name,
        predicted=predicted,
        low=low,
        high=high,
        predicted_gain=gain,
        slope=trust.slope,
        residual=trust.residual,
        held_out=trust.n,
        promised_gain=trust.promise(gain),
        further_gain=trust.promise(predicted_gain(law, lrs, lowest(curves))),
    )


def fitted_curves(out: Path, measured: Measured, number: int) -> dict[str, Curve]:
    """All curves but those of this round and later ones."""
    earlier = [label_of(out, before) for before in range(1, number)]
    return {label: c for label, c in measured.curves.items() if label in earlier or not is_own(label)}


def train_rounds(protocol: Protocol, measured: Measured, rounds: list[Round], number: int) -> list[Round]:
    """The rounds with what came out of the first `number`, trained where the comparison lacks one."""
    designs = [label_of(protocol.out, each.number) for each in rounds[:number]]
    losses = read_losses(protocol, measured.peak_lr)
    if not all(is_trained(losses, d, protocol) and is_as_designed(d, measured) for d in designs):
        train(protocol, designs)
        losses = read_losses(protocol, measured.peak_lr)
    for design in designs:
        check_complete(losses, design, protocol)
    curves = measured_now(protocol, measured).curves
    came = [outcome(losses, design, number, curves[design]) for design in designs]
    rounds = [replace(each, outcome=result) for each, result in zip(rounds, came)] + rounds[number:]
    write_rounds(protocol.out, rounds)
    return rounds


def is_as_designed(design: str, measured: Measured) -> bool:
    """Whether the runs of this name have the lrs of today's law, and not of one that was there before."""
    curve = measured.curves.get(design)
    return curve is not None and np.allclose(curve.lrs, lrs_of(design, measured.steps, measured), rtol=1e-6)


def outcome(losses, design: str, designs: int, curve: Curve) -> Outcome:
    interval = against_others(losses, design, designs)
    return Outcome(
        measured=float(curve.losses[-1]),
        seeds=len(finite(losses[design])),
        over=interval.to,
        gain=-interval.mean,
        gain_low=-interval.high,
        gain_high=-interval.low,
        verdict=verdict_of(interval, MARGIN, to_baseline=False).value,
    )


def measured_now(protocol: Protocol, measured: Measured) -> Measured:
    return read_measured(protocol.out, measured.peak_lr)


def held_out(out: Path, number: int):
    return read_held_out(held_out_path(out, number))


if __name__ == "__main__":
    run_command(main)
