"""The top of the report: which schedule is lowest, what the seeds say of that, and in which regime."""

from __future__ import annotations

from dataclasses import dataclass

from analysis.aa import control_of
from analysis.comparison import Comparison, Ranking
from analysis.probe import probed
from analysis.race_words import NO_RUN_IS_STOPPED, race_sentence
from analysis.report.regime import Facts, regime
from analysis.sentences import CARRIED_OVER, NO_RUN, ONE_SEED, unfinished
from analysis.sentences import answer as seeds_answer
from analysis.text import counted, format_lr
from analysis.verdicts import MAX_COMPARED, Verdicts, completed_seeds

MAX_ANSWERS = 3  # horizons; those of more are in the ranking


@dataclass(frozen=True)
class Answer:
    text: str
    regime: Facts
    notes: list[str]


def answer(comparison: Comparison) -> Answer:
    rankings = list(comparison.judged.values())
    sentences = [horizon_answer(comparison, ranking) for ranking in rankings[:MAX_ANSWERS]]
    several_seeds = any(ranking.several_seeds for ranking in rankings)
    if not several_seeds and any(ranking.best.entry.completed for ranking in rankings):
        sentences.insert(0, ONE_SEED)
    if (found := probed(comparison)) and found.sentence:
        sentences.insert(0, found.sentence)
    return Answer(" ".join(sentences), regime(comparison), notes(comparison))


def notes(comparison: Comparison) -> list[str]:
    """What the reader must know beside the answer."""
    found = []
    more = len(comparison.judged) - MAX_ANSWERS
    if more > 0:
        found.append(f"{counted(more, 'more horizon')} below, in the ranking.")
    if not comparison.finished:
        found.append(unfinished(len(comparison.results), len(comparison.requested)))
    if comparison.protocol == "carry-over":
        found.append(CARRIED_OVER)
    if control := control_of(comparison):
        found.append(control.sentence)
    if sentence := race_sentence(comparison):
        found += [sentence, NO_RUN_IS_STOPPED]
    return found


def horizon_answer(comparison: Comparison, ranking: Ranking) -> str:
    """ "wsd ends at the lowest mean validation loss, 2.3456: wsd and linear may be the best; ..."."""
    several_steps, entry = len(comparison.judged) > 1, ranking.best.entry
    where = f"At {ranking.steps:,} steps, " * several_steps
    if not entry.completed:
        return where + (NO_RUN[0].lower() + NO_RUN[1:] if several_steps else NO_RUN) + "."
    peak_lrs = {setting.peak_lr for setting in comparison.settings}
    at = f" at a peak lr of {format_lr(entry.setting.peak_lr)}" * (len(peak_lrs) > 1)
    mean = "mean " * (entry.seeds > 1)
    if len(ranking.rows) == 1:
        return f"{where}{entry.setting.name} ends at a {mean}validation loss of {entry.loss:.4f}{at}."
    tuned = "with each schedule at its own best peak lr, " * comparison.tuned
    lowest = f"{entry.setting.name} ends at the lowest {mean}validation loss, {entry.loss:.4f}{at}"
    verdict = verdict_clause(ranking.verdicts) if entry.seeds > 1 else ""
    return where + (tuned if several_steps else tuned.capitalize()) + lowest + verdict + "."


def verdict_clause(verdicts: Verdicts) -> str:
    """ ": wsd and linear may be the best; ...", or in brackets why nothing is claimed."""
    words = seeds_answer(verdicts)
    nothing = len(verdicts.standings) > MAX_COMPARED or completed_seeds(verdicts.best.losses) == 1
    return f" ({words})" if nothing else f": {words}"
