"""The regime beside the report's answer: what the schedules were compared on."""

from __future__ import annotations

from analysis.best_known import best_known
from analysis.comparison import Comparison
from analysis.text import amount, counted, format_lr

Facts = dict[str, str]


def regime(comparison: Comparison) -> Facts:
    """Name -> value: data, model, tokens, steps, peak lr beside the best known one, and seeds."""
    config, found = comparison.config, comparison.result_with_curve()
    steps = sorted({setting.steps for setting in comparison.settings})
    tokens = [config.tokens_per_step * number for number in steps]
    facts = {"data": comparison.dataset.name}
    if found:
        parameters = found.run.record.parameters
        facts["model"] = (
            f"{amount(parameters)} parameters: {counted(config.n_layer, 'layer')} of width {config.n_embd}"
        )
        facts["tokens per parameter"] = span([amount(number / parameters) for number in tokens])
    return facts | {
        "tokens of a run": f"{span(list(map(amount, tokens)))}, {config.tokens_per_step:,} per step",
        "steps": span([f"{number:,}" for number in steps]),
        "peak lr": peak_words(comparison),
        **seed_facts(comparison),
    }


def peak_words(comparison: Comparison) -> str:
    peak_lrs = sorted({setting.peak_lr for setting in comparison.settings})
    words = span(list(map(format_lr, peak_lrs)))
    found = f"each schedule's best of {words}" if comparison.tuned else words
    return f"{found}: {best_known(comparison).words}"


def seed_facts(comparison: Comparison) -> Facts:
    if not comparison.held_out:
        return {"seeds": seed_words(comparison.seeds) + ", which chose the peak lrs too" * comparison.tuned}
    chose = f"{seed_words(comparison.row_seeds)} chose the peak lrs"
    return {"seeds": f"{seed_words(comparison.judging_seeds)}; {chose}"}


def seed_words(seeds: list[int]) -> str:
    numbers = ", ".join(map(str, seeds))
    return f"{len(seeds)} ({numbers})" if len(seeds) > 1 else f"one ({numbers})"


def span(values: list[str]) -> str:
    """ "1.5", or "1.5 to 6" of several in ascending order."""
    return values[0] if values[0] == values[-1] else f"{values[0]} to {values[-1]}"
