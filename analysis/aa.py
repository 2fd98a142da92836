"""The A/A control: one schedule against itself under other seeds. What that differs by is noise."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path

from analysis.stats import noise_floor, spell_p
from nanosched.files import atomic


def control(out: Path, rows: list[dict], seeds: tuple[list[int], list[int]]) -> str:
    """Compare the final validation losses of the two groups of seeds, write out/aa.json and say what came out.

    Args:
        rows: those of runs.csv, of one schedule.
        seeds: the two groups.
    """
    losses = [
        {row["seed"]: row.get("final_val_loss") for row in rows if row["seed"] in group} for group in seeds
    ]
    floor = noise_floor(*losses)
    result = dict(
        schedule=rows[0]["scheduler"],
        seeds=seeds,
        losses=[list(group.values()) for group in losses],
        different=floor.different,
        **asdict(floor),
    )
    with atomic(Path(out) / "aa.json") as path:
        path.write_text(
            json.dumps({key: none_for_nan(value) for key, value in result.items()}, indent=1) + "\n"
        )
    return spell(result)


def spell(result: dict) -> str:
    named = " against ".join(",".join(map(str, group)) for group in result["seeds"])
    words = f"A/A: {result['schedule']} with seeds {named}: "
    if math.isnan(result["mean"]):
        return f"{words}no complete run on one side at least, so nothing is compared."
    words += f"the means differ by {result['mean']:+.4f}"
    if math.isnan(result["p"]):
        return f"{words}. Two complete runs on each side are needed for more"
    called = (
        "called different, which happens by chance in 1 of 20 such controls"
        if result["different"]
        else "not called different"
    )
    half = (result["high"] - result["low"]) / 2
    return f"{words} ({result['low']:+.4f} to {result['high']:+.4f}, {spell_p(result['p'])}): {called}.\nNoise floor: without pairing by seed, differences below about {half:.4f} can be noise here."


def none_for_nan(value):
    return None if isinstance(value, float) and math.isnan(value) else value
