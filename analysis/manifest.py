"""manifest.json: what was asked, with what, on what, so that somebody can ask it again."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from analysis.best_known import best_known
from analysis.comparison import Comparison
from analysis.cost import cost_of, sweep_cost
from analysis.probe import probe_row, probed
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
        regime=regime(comparison),
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
        probe=probe(comparison),
    )


def regime(comparison: Comparison) -> dict:
    """A number of tokens per parameter for each horizon; of a comparison without a curve it is not known."""
    trained, known = comparison.result_with_curve(), best_known(comparison)
    parameters = trained.run.record.parameters if trained else None
    tokens = comparison.config.tokens_per_step
    steps = sorted({setting.steps for setting in comparison.settings})
    return dict(
        parameters=parameters,
        tokens_per_parameter=[n * tokens / parameters for n in steps] if parameters else None,
        tokens_per_step=tokens,
        peak_lrs=sorted({setting.peak_lr for setting in comparison.settings}),
        best_known_peak_lr=known.peak_lr,
        best_known_from=known.source,
    )


def probe(comparison: Comparison) -> dict | None:
    """What was trained beside the runs asked for, and what it says; None without a probe."""
    if not comparison.probe:
        return None
    found = probed(comparison)
    return dict(
        says=found and (found.sentence or found.clause),
        cost=asdict(cost_of(comparison.probe)),
        runs=list(map(probe_row, comparison.probe)),
    )
