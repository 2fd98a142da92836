"""manifest.json: what was asked, with what, on what, so that somebody can ask it again."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from nanosched.files import atomic
from nanosched.version import code_version


def write_manifest(
    out: Path, runs, rows: list[dict], config, dataset, protocol: str, command: str, cost: dict
):
    """Write out/manifest.json.

    Args:
        runs: sweep.plan.Run, all that were asked for.
        rows: those of runs.csv.
        config: the Config with the machine's settings decided.
        dataset: the data.Dataset.
        protocol: "fresh" or "carry-over".
        command: the command line.
        cost: as from analysis.cost.
    """
    manifest = dict(
        command=command,
        protocol=protocol,
        config=asdict(config),
        dataset=dict(
            name=dataset.name,
            tokenizer=dataset.tokenizer,
            vocab_size=dataset.vocab_size,
            fingerprint=dataset.fingerprint,
            train_tokens=len(dataset.train),
            val_tokens=len(dataset.val),
        ),
        machine=dict(
            device=next((row["device"] for row in rows if "device" in row), None),
            platform=f"{platform.system()} {platform.machine()}",
        ),
        versions=dict(
            nanosched=code_version(),
            python=platform.python_version(),
            **{name: version(name) for name in ("torch", "numpy")},
        ),
        cost=cost,
        runs=[
            dict(
                run_id=run.id,
                scheduler=run.label,
                seed=run.seed,
                peak_lr=run.schedule.peak_lr,
                steps=run.schedule.steps,
            )
            for run in runs
        ],
    )
    with atomic(out / "manifest.json") as path:
        path.write_text(json.dumps(manifest, indent=1) + "\n")
