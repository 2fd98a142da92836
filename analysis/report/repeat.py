"""The report's section on how to repeat the comparison: the command, and what manifest.json says."""

from __future__ import annotations

from analysis.comparison import Comparison
from analysis.manifest import manifest
from analysis.report.blocks import Block, Code, SideBySide, Table


def repeat(comparison: Comparison) -> list[Block]:
    recorded = manifest(comparison)
    facts = Table("Data, machine and versions", ["name", "value"], pairs(facts_of(recorded)))
    settings = Table("Settings, as decided on this machine", ["name", "value"], pairs(recorded["config"]))
    return [Code(recorded["command"]), SideBySide([facts, settings])]


def facts_of(recorded: dict) -> dict[str, str]:
    data, machine = recorded["dataset"], recorded["machine"]
    return {
        "data": data["name"],
        "data fingerprint": data["fingerprint"],
        "tokenizer": f"{data['tokenizer']}, {data['vocab_size']:,} tokens",
        "tokens": f"{data['train_tokens']:,} to train on, {data['val_tokens']:,} to validate",
        "machine": f"{machine['device'] or 'unknown'}, {machine['platform']}",
        **{f"{name} version": text for name, text in recorded["versions"].items()},
    }


def pairs(facts: dict) -> list[list[str]]:
    return [[name, str(value)] for name, value in facts.items()]
