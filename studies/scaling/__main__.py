"""What more workers gain on a sweep of 1,000 runs, by plan: simulated, nothing is trained.

python -m studies.scaling            # seconds
python -m studies.scaling --measure  # and the real queue with one and two workers, minutes
"""

from __future__ import annotations

import argparse
from pathlib import Path

from nanosched.command import fail
from nanosched.csv_files import read_csv, write_csv
from studies.scaling.figure import draw_scaling
from studies.scaling.measure import MEASURED_COLUMNS, Measured, measure
from studies.scaling.page import write_readme
from studies.scaling.simulate import COLUMNS, Row, simulate
from studies.scaling.sweeps import measured_step_s


def main():
    parser = argparse.ArgumentParser(
        prog="python -m studies.scaling",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", type=Path, default=Path("results/scaling"), metavar="DIR")
    parser.add_argument("--measure", action="store_true", help="train with one and two workers first")
    args = parser.parse_args()
    times = args.out / "measured.csv"
    try:
        if args.measure:
            args.out.mkdir(parents=True, exist_ok=True)
            write_csv(times, MEASURED_COLUMNS, map(vars, measure()))
        measured = [Measured.of(row) for row in read_csv(times)]
        rows = simulate()
        write_csv(args.out / "scaling.csv", COLUMNS, map(Row.as_dict, rows))
        print(write_readme(args.out, rows, measured, measured_step_s(Path("results"))))
        print(draw_scaling(args.out, rows))
    except (OSError, ValueError) as e:
        fail(e)


if __name__ == "__main__":
    main()
