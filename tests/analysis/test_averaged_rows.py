"""What compare.py says of averages of the weights: rows of their own, and nothing counted or drawn twice."""

import csv
from dataclasses import replace

import numpy as np
import pytest
from helpers_results import DATASET, HISTORY, RECORD

from analysis import write
from analysis.comparison import Comparison, Result, Setting
from analysis.cost import sweep_cost
from analysis.figures.groups import groups_of, judged_groups, ranked_groups
from analysis.figures.ranking import ranking_page
from analysis.ranking_table import ranking_table
from analysis.report import ranking as report_ranking
from analysis.report.ranking import ranking_plot
from analysis.sentences import ranking_sentences
from analysis.steps_saved import steps_saved
from analysis.verdicts import MAX_TESTED, Verdict
from nanosched.config import Config
from nanosched.counted import counted
from nanosched.run_files import FinishedRun, RunRecord, Status
from schedulers import resolve

AVERAGES = ["ema:decay=0.9", "tail:fraction=0.5"]
SMALL = ["--no-probe", "--out", "out", "--average", ",".join(AVERAGES)]


@pytest.fixture
def few_pages(monkeypatch):
    """compare.py draws the ranking and nothing else."""
    pages = [page for page in write.PAGES if page.name in ("report.html", "figures/ranking.png")]
    monkeypatch.setattr(write, "PAGES", pages)


def rows_of(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_every_run_has_a_row_for_each_average_and_is_paid_once(cli, toml, tmp_path, few_pages):
    config = ["--config", toml(steps=20), "--schedulers", "constant,wsd", "--seeds", "0,1"]
    assert cli("compare.py", *config, "--no-probe", "--out", "out").code == 0
    plain = rows_of(tmp_path / "out" / "runs.csv")

    dry = cli("compare.py", *config, *SMALL, "--dry-run")
    (line,) = [line for line in dry.out.splitlines() if "trained again" in line]
    assert line.startswith("trained again for their averages: constant @ 0.01, 20 steps, seed 0; ")
    assert "4 runs asked for, 4 to train" in dry.out

    said = cli("compare.py", *config, *SMALL)
    assert said.code == 0 and "wsd + ema:decay=0.9" in said.out
    assert " + ema:decay=0.9" in (tmp_path / "out" / "report.html").read_text()
    runs, curves = (rows_of(tmp_path / "out" / name) for name in ("runs.csv", "curves.csv"))
    assert [row["average"] for row in runs] == ["", *AVERAGES] * 4 and len(curves) == 4 * 20
    own = [row for row in runs if not row["average"]]
    names = ("run_id", "seed", "final_val_loss", "final_train_loss", "grad_norm_max")
    assert [[row[name] for name in names] for row in own] == [[row[name] for name in names] for row in plain]
    for row in runs:
        averaged = bool(row["average"])
        assert all((row[name] == "") == averaged for name in ("wall_s", "marginal_s", "best_val_loss", "mfu"))
    assert len({row["final_val_loss"] for row in runs}) == len(runs)

    summary = rows_of(tmp_path / "out" / "summary.csv")
    assert sorted(row["rank"] for row in summary) == list("123456")
    means = {(row["scheduler"], row["average"]): float(row["final_val_loss"]) for row in summary}
    for key, mean in means.items():
        losses = [float(r["final_val_loss"]) for r in runs if (r["scheduler"], r["average"]) == key]
        assert len(losses) == 2 and np.mean(losses) == pytest.approx(mean)
    pairs = rows_of(tmp_path / "out" / "pairs.csv")
    assert len({(r["first"], r["first_average"], r["second"], r["second_average"]) for r in pairs}) == 15

    again = cli("compare.py", *config, *SMALL, "--average", "tail:fraction=0.5")
    assert "4 complete, 0 to train" in again.out  # more averages than asked for serve
    assert {row["average"] for row in rows_of(tmp_path / "out" / "summary.csv")} == {"", "tail:fraction=0.5"}


def test_peak_lrs_are_chosen_by_the_weights_and_averages_are_judged_there(cli, toml, tmp_path, few_pages):
    config = ["--config", toml(steps=8), "--schedulers", "constant,wsd", "--tune", "--seeds", "0,1"]
    assert cli("compare.py", *config, *SMALL[1:]).code == 0
    tuned = rows_of(tmp_path / "out" / "tuned.csv")
    assert len(tuned) == 6
    chosen = {row["scheduler"]: row["best_peak_lr"] for row in tuned if not row["average"]}
    for row in tuned:
        assert row["best_peak_lr"] == chosen[row["scheduler"]]
        assert (row["marginal_s"] == row["runs"] == "") == bool(row["average"])


@pytest.mark.parametrize("scheduler", ["train.py", "compare.py"])
def test_a_bad_average_ends_in_one_line(cli, toml, scheduler):
    said = cli(scheduler, "--config", toml(), "--average", "ema:decay=2")
    assert said.code == 2 and said.err.strip() == (
        "error: average='ema:decay=2' is not allowed: give a decay above 0 and below 1"
    )


def test_train_py_ends_with_the_losses_of_the_averages(cli, toml, tmp_path):
    said = cli("train.py", "--config", toml(average="ema:decay=0.9"), "--out", "one")
    assert "ema:decay=0.9 " in said.out.splitlines()[-1]
    asked = ["train.py", "--config", toml(), "--out", "one"]
    assert "complete already" in cli(*asked).out
    more = cli(*asked, "--average", "tail:fraction=0.5,ema:decay=0.9")
    assert "tail:fraction=0.5 " in more.out.splitlines()[-1] and "trained again" not in more.out


# --- of results made up


def result(scheduler, seed, loss, averaged, steps=100, complete=True):
    averages = dict(zip(AVERAGES, averaged)) if complete else {}
    status = (Status.COMPLETE if complete else Status.DIVERGED).value
    fields = dict(
        run_id=f"{scheduler}-{steps}-{seed}", final_val_loss=loss if complete else None, status=status
    )
    record = RunRecord(**{**RECORD, **fields, "seed": seed, "steps": steps, "averages": averages})
    return Result(Setting(scheduler, 1e-3, steps), seed, record.run_id, FinishedRun(record, HISTORY.to_csv()))


def comparison_of(results, **changes):
    config = Config(average=",".join(AVERAGES))
    return Comparison(tuple(results), (), config, DATASET, "", **changes)


@pytest.fixture
def comparison():
    """wsd with its tail is best, cosine is far off, and constant has a seed that diverged."""
    noise = [0.0, 0.001, -0.001]
    results = [result("wsd", i, 2.0 + x, (1.999 + x, 1.9 + x)) for i, x in enumerate(noise)]
    results += [result("cosine", i, 2.5 + x, (2.6 + x, None)) for i, x in enumerate(noise)]
    results += [result("constant", i, 3.0 + x, (2.9, 2.8), complete=i > 0) for i, x in enumerate(noise)]
    return comparison_of(results)


def test_the_report_draws_averages_hollow_and_of_many_rows_each_schedules_first(comparison, monkeypatch):
    judged = comparison.rankings[100]
    plot = ranking_plot(judged, "")
    assert [row["average"] for row in plot.data["rows"]] == [
        bool(r.entry.setting.average) for r in judged.rows
    ]
    assert "Hollow: an average of the weights." in plot.caption and "Drawn:" not in plot.caption
    monkeypatch.setattr(report_ranking, "MAX_PANELS", 8)
    plot = ranking_plot(judged, "")
    assert [row["label"] for row in plot.data["rows"]][0] == "wsd + tail:fraction=0.5"
    assert len({row["schedule"] for row in plot.data["rows"]}) == len(plot.data["rows"]) == 3
    assert plot.caption.endswith("Drawn: the first row of each schedule; the table has all 9.")


def test_pairs_of_every_built_in_schedule_with_two_averages_are_tested():
    assert 3 * len(resolve("all,schedule_free")) <= MAX_TESTED


def test_of_many_undecided_rows_the_first_are_told_and_the_others_counted(comparison, monkeypatch):
    noisy = [result(name, i, 2.0 + x, (2.0 - x, 2.0)) for name in "abcde" for i, x in enumerate([0.1, -0.1])]
    verdicts = comparison_of(noisy).rankings[100].verdicts
    undecided = [s for s in verdicts.standings if s.verdict is Verdict.UNDECIDED and s is not verdicts.best]
    assert len(undecided) > 10
    _, *told = ranking_sentences(verdicts)
    assert len(told) == 11 and told[-1] == f"  and {counted(len(undecided) - 10, 'other')} undecided"


def test_rows_are_named_ranked_and_incomplete_with_their_run(comparison):
    names = [row.standing.name for row in comparison.rankings[100].rows]
    assert names[:3] == ["wsd + tail:fraction=0.5", "wsd + ema:decay=0.9", "wsd"] and len(names) == 9
    entries = {row.standing.name: row.entry for row in comparison.rankings[100].rows}
    assert len(entries["constant + ema:decay=0.9"].diverged) == 1
    assert len(entries["cosine + tail:fraction=0.5"].diverged) == 3  # its loss is not finite
    table = ranking_table(comparison, list(comparison.rankings.values()), metrics=True)
    assert [row[1] for row in table.rows] == names
    cell = dict(zip(table.headings, table.rows[0]))
    assert cell["final val loss"] == "1.9000" and cell["best val loss"] == "-"


def test_no_run_is_drawn_or_paid_twice(comparison):
    assert {group.label for group in groups_of(comparison)} == {"wsd", "cosine", "constant"}
    assert len(judged_groups(comparison)) == 3 and len(ranked_groups(comparison)) == 9
    assert sweep_cost(comparison).runs == sweep_cost(replace(comparison, config=Config())).runs == 9


def test_averages_are_hollow_in_the_ranking_in_their_schedules_colour(comparison):
    (ax,) = ranking_page(comparison).axes
    groups, dots = ranked_groups(comparison), [line for line in ax.lines if line.get_marker() == "o"]
    assert len(dots) == len(groups)
    for group, dot in zip(groups, dots):
        filled = "white" if group.setting.average else group.colour
        assert (dot.get_color(), dot.get_markerfacecolor()) == (group.colour, filled)


def test_a_baseline_is_the_schedule_itself(comparison):
    ranking = replace(comparison, baseline="wsd").rankings[100]
    assert ranking.verdicts.baseline == "wsd" and ranking.reference.entry.setting.average == ""


def test_steps_saved_are_those_of_the_weights(comparison):
    noise = [0.0, 0.001, 0.002]
    results = [
        result(name, i, loss + x, (1.0, 1.0), steps)
        for name, steps, loss in [
            ("wsd", 50, 2.2),
            ("wsd", 100, 1.9),
            ("cosine", 50, 2.3),
            ("cosine", 100, 2.0),
        ]
        for i, x in enumerate(noise)
    ]
    saved = steps_saved(comparison_of(results, baseline="cosine"))
    assert [setting.name for setting in saved] == ["wsd"]


def test_a_schedule_is_undecided_as_long_as_one_of_its_rows_is():
    noise = [0.0, 0.01, -0.01]
    best = [result("wsd", i, 2.0 + x, (2.01 - x, 2.3 + x)) for i, x in enumerate(noise)]
    worse = [result("cosine", i, 2.5 + x, (2.0 - 2 * x, 2.6 + x)) for i, x in enumerate(noise)]
    far = [result("constant", i, 3.0 + x, (3.0 + x, 3.0 + x)) for i, x in enumerate(noise)]
    comparison = comparison_of(best + worse + far, looks=(3, 5))
    (ranking,) = comparison.rankings.values()
    assert "cosine + ema:decay=0.9" in ranking.race.running and "cosine" not in ranking.race.running
    wanted = {setting.name: seeds for setting, seeds in comparison.seeds_wanted.items()}
    assert wanted == {"wsd": 5, "cosine": 5, "constant": 3}
