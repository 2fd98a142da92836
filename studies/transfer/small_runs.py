"""The final validation losses of the small models' runs, from comparisons' files and from the study's own.

    python -m studies.transfer.small_runs FOLDER...     # runs.csv and manifest.json of comparisons

writes results/transfer/runs.csv, a row per run, from which all else is made.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from nanosched.command import fail
from nanosched.config import Config
from nanosched.csv_files import read_csv, write_csv
from nanosched.regime import counted_parameters
from studies.transfer.by_peak_runs import SETTINGS, Setting

RUNS = Path("results/transfer/runs.csv")
COLUMNS = "parameters width text tokens_per_parameter steps schedule peak_lr seed final_val_loss".split()
TEXTS = {"tinyshakespeare.txt": "tiny Shakespeare", "shakespeare": "tiny Shakespeare"}


@dataclass(frozen=True, order=True)
class Regime:
    """What a run was made with, beside its schedule, peak lr and seed."""

    parameters: int
    width: int
    text: str
    steps: int
    tokens_per_parameter: float

    @property
    def model(self) -> str:
        """As the study names it: "0.05M"."""
        return f"{self.parameters / 1e6:.{1 if self.parameters > 95_000 else 2}f}M"


Grid = dict[Setting, dict[float, dict[int, float]]]  # setting -> peak lr -> seed -> loss; inf if it diverged


def spec_of(setting: Setting) -> str:
    """The schedule as the command line has it."""
    if setting.schedule == "wsd":
        shape = f",shape={setting.cooldown_shape}" * (setting.cooldown_shape != "linear")
        return f"wsd:cooldown={setting.cooldown_fraction:g}{shape}"
    return {"cosine to zero": "cosine:final_lr_ratio=0", "cosine to 10%": "cosine"}.get(
        setting.name, "constant"
    )


SPECS = {spec_of(setting): setting for setting in SETTINGS}


def read_runs(path: Path = RUNS) -> dict[Regime, Grid]:
    """Regime -> grid, of the study's runs.csv."""
    grids = defaultdict(lambda: defaultdict(lambda: defaultdict(dict)))
    for row in read_csv(path):
        regime = Regime(
            int(row["parameters"]),
            int(row["width"]),
            row["text"],
            int(row["steps"]),
            float(row["tokens_per_parameter"]),
        )
        loss = float(row["final_val_loss"] or "inf")
        grids[regime][SPECS[row["schedule"]]][float(row["peak_lr"])][int(row["seed"])] = loss
    return {regime: dict(grids[regime]) for regime in sorted(grids)}


def rows_of(folder: Path) -> list[dict]:
    """The rows of a comparison's runs.csv that the study is about; those with averaged weights are not."""
    manifest = json.loads((folder / "manifest.json").read_text())
    config = Config(**manifest["config"])
    parameters = counted_parameters(config, manifest["dataset"]["vocab_size"])
    return [
        dict(
            parameters=parameters,
            width=config.n_embd,
            text=TEXTS.get(row["dataset"], row["dataset"]),
            tokens_per_parameter=round(int(row["steps"]) * config.tokens_per_step / parameters, 1),
            steps=row["steps"],
            schedule=row["scheduler"],
            peak_lr=row["peak_lr"],
            seed=row["seed"],
            final_val_loss=row["final_val_loss"] and round(float(row["final_val_loss"]), 6),
        )
        for row in read_csv(folder / "runs.csv")
        if row["scheduler"] in SPECS and not row.get("average")
    ]


def each_once(rows: Iterable[dict]) -> list[dict]:
    """A run that several comparisons have is one row."""
    keys = [name for name in COLUMNS if name != "final_val_loss"]
    return list({tuple(str(row[key]) for key in keys): row for row in rows}.values())


def main():
    parser = argparse.ArgumentParser(prog="python -m studies.transfer.small_runs", description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, metavar="DIR", help="results/NAME of a comparison")
    parser.add_argument("--out", type=Path, default=RUNS, metavar="FILE")
    args = parser.parse_args()
    try:
        rows = each_once(row for folder in args.folders for row in rows_of(folder))
        write_csv(args.out, COLUMNS, rows)
    except (OSError, ValueError, KeyError) as e:
        fail(e)
    print(f"{args.out}: {len(rows)} runs")


if __name__ == "__main__":
    main()
