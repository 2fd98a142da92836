"""Precision: does training in bfloat16 on a CPU change which schedule is best, or the losses they end at?

    python -m studies.precision results/precision

`dtype=auto` takes bfloat16 on a CPU with AMX, so what that does to a comparison has to be known. bfloat16 is
autocast here: matrix products in bfloat16; weights, optimizer, softmax and loss in float32; attention written
out as in model/gpt2.py. The validation loss is taken in the precision of the training.

Protocol, fixed before anything was trained:

- Regime: `nanogpt-cpu` on pystdlib, 0.8M parameters, 300 steps of 768 tokens (0.3 tokens per parameter),
  seeds 0 to 4, peak lr 8e-3. At this peak 19 of 21 schedules ended lowest in results/low_tokens/tuned, all
  five of this study among them. That was on tiny Shakespeare; it is taken over and not tuned again.
- Schedules: inverse_sqrt_cooldown, wsd, linear, cosine and constant. In results/low_tokens/tuned they were
  1st, 2nd, 6th, 12th and 13th of 21, at 2.288, 2.294, 2.309, 2.334 and 2.348: gaps that are far below the
  noise of seeds, and one that is well above it. They are of five families, and end at 0, at a tenth of the
  peak (cosine) or at the peak (constant), so that rounding meets small updates and large ones.
- Arms: the question is float32 against bfloat16, both without torch.compile. Compiled code sums in another
  order and so is a third arithmetic: float32 compiled is the control, which shows what rounding alone does
  to a run, and bfloat16 compiled is what `auto` takes on a CPU with AMX. All four begin with the same weights
  and see the same batches.
- Compared, each arm with float32: the final validation loss of each schedule, paired by seed, with a 95%
  interval (Student's t) and Holm's correction over the five; the change of each gap between two schedules,
  paired by seed, with Holm's correction over the ten; Spearman's rank correlation of the mean losses; how
  many of the ten pairs have another verdict (Holm, alpha = 0.05, within each arm).
- An arm changes the losses if one of the five differences is significant. It changes the answer if the change
  of a gap is, or if a pair is told apart in both arms in opposite directions. Otherwise losses or answer
  are the same within 0.02 nats per token if all their 95% intervals lie within that, and else it cannot be
  told. 0.02 is about what the seeds of one schedule differ by: standard deviations of 0.015 to 0.031 in
  results/low_tokens/tuned. Another best schedule, or a verdict that only one arm has, is reported and is
  no change by itself: schedules that seeds cannot tell apart change places by chance.

Added when the first result was known, and fixed before its own runs: at a peak of 8e-3 on pystdlib nothing
could be told, since rounding alone (float32 compiled) moved a run's loss as far as another seed does. So all
four arms are trained again at the preset's own peak lr of 1e-3, in the folder `low_peak`, and judged by the
same rules. There the seeds of the five differ by less, 0.007 to 0.009 in results/low_tokens/common, so that
the margin is 0.007 nats per token. Both regimes are reported, whatever comes out.

This script reads the folders float32, bfloat16, float32_compiled and bfloat16_compiled, and those of the same
names in low_peak, made by the commands that README.md gives, and writes README.md, changes.csv, gaps.csv and
precision.png beside them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from nanosched.command import fail
from studies.precision.data import read_regimes, write_changes, write_gaps
from studies.precision.figure import draw_precision
from studies.precision.page import write_readme


def main():
    parser = argparse.ArgumentParser(
        prog="python -m studies.precision",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("out", type=Path, metavar="DIR", help="with a folder for each arm, and low_peak")
    args = parser.parse_args()
    try:
        files = write_all(args.out)
    except (OSError, ValueError) as e:
        fail(e)
    print("\n".join(map(str, files)))


def write_all(out: Path) -> list[Path]:
    regimes = read_regimes(out)
    return [
        write_changes(out, regimes),
        write_gaps(out, regimes),
        write_readme(out, regimes),
        draw_precision(out, regimes),
    ]


if __name__ == "__main__":
    main()
