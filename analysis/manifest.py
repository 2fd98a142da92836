"""manifest.json: what was asked, with what, on what, so that somebody can ask it again."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from analysis.comparison import Comparison
from analysis.cost import sweep_cost
from nanosched.files import atomic
from nanosched.version import code_version


def write_manifest(comparison: Comparison, out: Path) -> list[Path]:
    with atomic(path := out / "manifest.json") as temporary:
        temporary.write_text(json.dumps(manifest(comparison), indent=1) + "\n")
    return [path]


def manifest(comparison: Comparison) -> dict:
    """What manifest.json holds."""
    dataset, trained = comparison.dataset, comparison.result_with_curve()
    return dict(
        command=comparison.command,
        protocol=comparison.protocol,
        config=asdict(comparison.config),
        dataset=dict(
            name=dataset.name,
            tokenizer=dataset.tokenizer,
            vocab_size=dataset.vocab_size,
            fingerprint=dataset.fingerprint,
            train_tokens=len(dataset.train),
            val_tokens=len(dataset.val),
        ),
        machine=dict(
            device=trained.run.record.device if trained else None,
            platform=f"{platform.system()} {platform.machine()}",
        ),
        versions=dict(
            nanosched=code_version(),
            python=platform.python_version(),
            torch=version("torch"),
            numpy=version("numpy"),
        ),
        cost=asdict(sweep_cost(comparison)),
        runs=[
            dict(
                run_id=run.id,
                scheduler=run.label,
                seed=run.seed,
                peak_lr=run.schedule.peak_lr,
                steps=run.schedule.steps,
            )
            for run in comparison.requested
        ],
    )
