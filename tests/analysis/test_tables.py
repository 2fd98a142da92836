"""The numbers of runs.csv and summary.csv on curves made by hand, the tables' text, and the ranking."""

import csv
import math
import warnings
from dataclasses import replace

import numpy as np
import pytest
from helpers_results import HISTORY, RECORD, comparison_of, history_of, losses_of, result

from analysis import sentences, verdicts
from analysis.comparison import read_results
from analysis.cost import Cost, cost_sentence, sweep_cost
from analysis.markdown import write_markdown
from analysis.measured import read_runs
from analysis.metrics import convergence_step, curve_metrics
from analysis.ranking_table import ranking_table
from analysis.sentences import standing_sentence
from analysis.stability import count_spikes
from analysis.tables import (
    RUN_COLUMNS,
    SUMMARY_COLUMNS,
    run_row,
    summary_row,
    write_curves,
    write_pairs,
    write_runs,
    write_summary,
)
from analysis.terminal import print_ranking
from nanosched.csv_files import csv_line, read_csv, write_csv
from nanosched.history import parse_curve
from nanosched.run_files import RunRecord, write_run
from schedulers import get_schedule
from sweep.plan import Run
from sweep.store import Store


def metrics(warmup_steps=0, grad_clip=1.0, **columns):
    n = len(next(iter(columns.values())))
    curve = parse_curve(history_of(n, **columns).to_csv())
    return curve_metrics(curve, warmup_steps, grad_clip)


def summary_rows(results):
    comparison = comparison_of(results)
    return [summary_row(row, ranking) for ranking in comparison.rankings.values() for row in ranking.rows]


def write_tables(comparison, out):
    for writer in (write_runs, write_summary, write_curves, write_pairs):
        writer(comparison, out)


# --- metrics


@pytest.mark.parametrize(
    "loss, expected",
    [
        ([1, 3], 1 / 2),  # the population's standard deviation is 1
        ([2, 2, 2], 1.0),  # a run that learns nothing has the best score
        ([1, 2, 3, 4, 5], 1 / (1 + math.sqrt(2))),
    ],
)
def test_loss_stability_is_the_blogs_formula(loss, expected):
    assert metrics(loss=loss).loss_stability == pytest.approx(expected, rel=1e-15)


def test_losses():
    m = metrics(loss=[5, 4, 3.5], val_loss=[np.nan, 2.5, 3.0])
    assert (m.final_train_loss, m.best_val_loss) == (3.5, 2.5)
    assert math.isnan(metrics(loss=[5, 4]).best_val_loss)


@pytest.mark.parametrize("final, best", [(2.4, 2.4), (2.6, 2.5), (math.nan, 2.5)])
def test_the_best_validation_may_be_the_final_one(final, best):
    curve = parse_curve(history_of(3, val_loss=[math.nan, 2.5, 3.0]).to_csv())
    assert curve_metrics(curve, 0, 1.0, final).best_val_loss == best


def test_gradient_norms_leave_the_warmup_out_but_for_the_maximum():
    m = metrics(grad_norm=[50, 10, 1, 2, 3, 6], warmup_steps=2)
    assert m.grad_norm_max == 50
    assert m.grad_norm_mean == 3
    assert m.grad_norm_std == pytest.approx(math.sqrt(3.5))
    assert m.grad_norm_cv == pytest.approx(math.sqrt(3.5) / 3)


def test_a_run_that_ended_in_its_warmup_has_all_its_norms():
    m = metrics(grad_norm=[1, 3], warmup_steps=10)
    assert (m.grad_norm_mean, m.grad_norm_std, m.grad_norm_cv, m.grad_norm_spikes) == (
        2,
        1,
        0.5,
        0,
    )


@pytest.mark.parametrize("grad_clip, expected", [(1.0, 0.5), (2.0, 0.25), (3.0, 0.0), (0.0, 0.0)])
def test_clip_fraction_counts_the_norms_above_the_limit(grad_clip, expected):
    assert metrics(grad_norm=[0.5, 1, 2, 3], grad_clip=grad_clip).clip_fraction == expected


def test_times():
    m = metrics(step_s=np.arange(1, 102)[::-1] / 1000)
    assert m.wall_s == pytest.approx(5.151)
    assert (m.step_ms_p50, m.step_ms_p95) == (pytest.approx(51), pytest.approx(96))


@pytest.mark.parametrize(
    "at, warmup_steps, expected",
    [
        ({20: 2.01}, 0, 1),
        ({20: 2.0}, 0, 0),
        ({20: 3, 21: 3, 40: 9}, 0, 3),
        ({5: 3, 20: 3}, 10, 1),
        ({10: 3}, 10, 1),
        ({0: 100}, 0, 0),
    ],
)
def test_spikes(at, warmup_steps, expected):
    norm = np.ones(60)
    for step, value in at.items():
        norm[step] = value
    assert (
        count_spikes(norm, warmup_steps)
        == metrics(grad_norm=norm, warmup_steps=warmup_steps).grad_norm_spikes
        == expected
    )


def test_a_new_level_is_a_spike_until_it_is_the_median_of_the_last_50():
    # 3 > 2 * median: while fewer than 25 of the 50 norms before are 3
    assert count_spikes(np.repeat([1.0, 3.0], 100), 0) == 25
    assert count_spikes(np.repeat([3.0, 1.0], 100), 0) == 0


def test_convergence_step():
    assert convergence_step(np.repeat([5.0, 1.0], [7, 12])) == 7  # 19 steps: no smoothing
    assert convergence_step(2 - np.arange(100.0) / 100) == 95  # means of 5; 95% of a straight fall of them
    assert convergence_step(np.array([3.0, 2.0, 1.04, 1.0])) == 2  # within 5% of the fall of 2
    assert convergence_step(np.array([3.0, 2.0, 1.11, 1.0])) == 3
    assert convergence_step(np.array([3.0])) == 0
    assert convergence_step(np.array([3.0, 2.0, np.inf])) == 3  # never


def test_a_dip_is_no_convergence():
    assert convergence_step(np.array([5.0, 1.0, 5.0, 5.0, 1.0, 1.0])) == 4


@pytest.mark.parametrize("column", ["loss", "grad_norm"])
def test_a_diverged_curve_has_metrics_without_warnings(column):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        m = metrics(**{column: [1, 2, np.inf]}, val_loss=[np.nan, 4, np.nan])
    assert m.best_val_loss == 4 and m.wall_s == pytest.approx(0.3)


# --- the summary


def test_the_best_mean_comes_first_and_lost_runs_last():
    rows = [
        result("failed", None, "failed"),
        result("worse", 3.0),
        result("wild", None, "diverged"),
        result("best", 2.0),
        result("half", 1.0),
        result("half", None, "diverged", seed=1),
        result("nan", math.nan),
    ]
    summary = summary_rows(rows)
    assert [line["scheduler"] for line in summary][:3] == [
        "best",
        "worse",
        "half",
    ]  # 1.0 on the seed that survived is no win
    assert {line["scheduler"] for line in summary[3:]} == {"failed", "nan", "wild"}
    assert [line["rank"] for line in summary] == [1, 2, 3, 4, 5, 6]
    half = summary[2]
    assert (half["seeds"], half["diverged"], half["failed"], half["final_val_loss"]) == (2, 1, 0, 1.0)


def test_means_and_deviations_over_seeds():
    rows = []
    for seed, loss in enumerate([1.0, 2.0, 6.0]):
        history = history_of(step_s=[10.0 * seed, 0.5, 0.5], grad_norm=[seed, 1, 1])
        rows.append(result("a", loss, seed=seed, history=history))
    (line,) = summary_rows(rows)
    assert line["final_val_loss"] == 3.0
    assert line["final_val_loss_std"] == pytest.approx(math.sqrt(7))  # of a sample: / (n - 1)
    assert (line["wall_s"], line["seeds"]) == (11.0, 3)
    assert line["grad_norm_max"] == pytest.approx((1 + 1 + 2) / 3)
    assert math.isnan(summary_rows(rows[:1])[0]["final_val_loss_std"])


def test_peak_lrs_are_rows_of_their_own():
    summary = summary_rows(
        [result("a", 2.0, peak_lr=0.1), result("a", 1.0, peak_lr=0.2), result("a", 4.0, peak_lr=0.1, seed=1)]
    )
    assert [(line["peak_lr"], line["seeds"], line["final_val_loss"]) for line in summary] == [
        (0.1, 2, 3.0),
        (0.2, 1, 1.0),
    ]  # its second seed may be worse


def test_every_horizon_has_its_own_ranking():
    rows = [result("a", 2.0, steps=600), result("a", 3.0), result("b", 2.5), result("b", 2.2, steps=600)]
    summary = summary_rows(rows)
    assert [(line["steps"], line["rank"], line["scheduler"]) for line in summary] == [
        (300, 1, "b"),
        (300, 2, "a"),
        (600, 1, "a"),
        (600, 2, "b"),
    ]
    assert [line["to_best"] for line in summary] == pytest.approx([0, 0.5, 0, 0.2])


# --- the files


def store(out, label, run_id="0" * 16, status="complete", seed=0, trained_from=0, **changes):
    """A run in the store as train.py leaves it, and the Run that asks for it."""
    facts = dict(RECORD, run_id=run_id, status=status, trained_from=trained_from, **changes)
    write_run(out / "runs" / run_id, RunRecord(**facts), HISTORY.to_csv())
    return Run(label, get_schedule(label, steps=3, peak_lr=0.01), seed, run_id)


def read_store(out, runs, errors=None):
    return read_results(Store(out), runs, errors or {})


def read(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    "label",
    [
        "cosine",
        "wsd:cooldown=0.5,shape=sqrt",
        "multistep:milestones=[1,2],gamma=0.5",
        "wsd:shape='sqrt',cooldown=0.5",
        'wsd:shape="sqrt"',
        'wsd:shape="sqrt",cooldown=0.5',
    ],
)
def test_every_label_comes_back_from_every_table(tmp_path, label):
    run = store(tmp_path, label)
    write_tables(comparison_of(read_store(tmp_path, [run])), tmp_path)
    (one,), curves, (line,) = (read(tmp_path / name) for name in ("runs.csv", "curves.csv", "summary.csv"))
    assert one["scheduler"] == line["scheduler"] == label
    assert (one["device"], one["dataset"]) == (RECORD["device"], RECORD["dataset"])
    assert list(one) == RUN_COLUMNS and list(line) == SUMMARY_COLUMNS
    assert [
        (c["scheduler"], c["run_id"], c["step"], float(c["loss"]), float(c["lr"]), c["val_loss"])
        for c in curves
    ] == [
        (label, run.id, "0", 4, 0.01, ""),
        (label, run.id, "1", 3, 0.005, ""),
        (label, run.id, "2", 2, 0, "2.5"),
    ]


def test_a_row_from_the_store(tmp_path):
    (one,) = map(run_row, read_store(tmp_path, [store(tmp_path, "cosine")]))
    expected = dict(
        status="complete",
        wall_s=1.0,
        marginal_s=1.0,
        tokens_per_s=192.0,
        mfu=0.192,
        final_train_loss=2.0,
        final_val_loss=2.5,
        best_val_loss=2.5,
        clip_fraction=1 / 3,
        params="final_lr_ratio=0.1;cycle=1.0",
        seed=0,
        steps=3,
    )
    assert {name: one[name] for name in expected} == pytest.approx(expected)


def test_a_rise_of_its_own_is_left_out_of_the_norms_as_a_warmup_is(tmp_path):
    """one_cycle has no warmup, but its first steps are no more settled than those of the others."""
    runs = [store(tmp_path, "cosine", "a"), store(tmp_path, "one_cycle", "b")]
    runs = [
        replace(run, schedule=get_schedule(run.label, steps=3, peak_lr=0.01, warmup_steps=1)) for run in runs
    ]
    cosine, one_cycle = map(run_row, read_store(tmp_path, runs))
    assert cosine["grad_norm_mean"] == one_cycle["grad_norm_mean"] == 0.75


def test_all_runs_of_a_comparison_have_one_peak_for_mfu(tmp_path):
    """Each process measured its own beside the others' work, which only lowers it."""
    runs = [
        store(tmp_path, "constant", "a", peak_flops=0.9e6),
        store(tmp_path, "cosine", "b", peak_flops=1.2e6),
    ]
    assert [run_row(r)["mfu"] for r in read_store(tmp_path, runs)] == pytest.approx([0.16, 0.16])


def test_only_the_first_name_of_a_run_pays_and_what_is_missing_has_no_row(tmp_path):
    one = store(tmp_path, "constant", "a")
    runs = [one, replace(one, label="step:gamma=1"), replace(one, id="b", label="linear")]
    broke = replace(one, id="c", label="rex")
    results = read_store(tmp_path, [*runs, broke], {"c": "RuntimeError: no"})
    rows = list(map(run_row, results))
    assert [(r["scheduler"], r["status"], r.get("marginal_s")) for r in rows] == [
        ("constant", "complete", 1.0),
        ("step:gamma=1", "complete", 0.0),
        ("rex", "failed", None),
    ]
    write_tables(comparison_of(results), tmp_path)
    assert len(read(tmp_path / "curves.csv")) == 6 and read(tmp_path / "runs.csv")[2]["wall_s"] == ""


def test_a_run_pays_for_the_steps_it_trained_itself(tmp_path):
    runs = [
        store(tmp_path, "constant", "a"),
        store(tmp_path, "wsd", "b", trained_from=1),
        store(tmp_path, "linear", "c", trained_from=3),
    ]
    comparison = comparison_of(read_store(tmp_path, runs))
    assert [result.metrics.wall_s for result in comparison.results] == [1.0, 1.0, 1.0]
    assert [result.marginal_s for result in comparison.results] == [1.0, 0.75, 0.0]
    cost = sweep_cost(comparison)
    assert cost == Cost(
        runs=3,
        steps=9,
        steps_trained=5,
        wall_s=3.0,
        marginal_s=1.75,
        separate_runs=pytest.approx(5 / 3, abs=1e-3),
    )
    words = "3 schedules at the cost of 1.7 separate runs: 5 of 9 steps were trained"
    assert cost_sentence(cost, comparison) == words


def test_a_damaged_run_has_no_row(tmp_path):
    run = store(tmp_path, "constant", "a")
    curve = tmp_path / "runs" / "a" / "curve.csv"
    curve.write_text(curve.read_text().replace("4.0", "4.1"))
    assert read_store(tmp_path, [run]) == ()


def test_a_finished_run_is_read_once(tmp_path, monkeypatch):
    run, finished = store(tmp_path, "constant", "a"), Store(tmp_path)
    assert finished.get("a") is not None
    (tmp_path / "runs" / "a" / "curve.csv").unlink()
    write_tables(comparison_of(read_results(finished, [run], {})), tmp_path)
    assert len(read(tmp_path / "curves.csv")) == 3


def test_pairs_and_verdicts(tmp_path):
    results = losses_of(a=[2.0, 2.1, 2.2], b=[2.5, 2.61, 2.69], c=[2.05, 2.0, 2.4])
    write_tables(comparison_of(results), tmp_path)
    pairs = read(tmp_path / "pairs.csv")
    assert [(pair["first"], pair["second"], pair["seeds"]) for pair in pairs] == [
        ("a", "c", "3"),
        ("a", "b", "3"),
        ("c", "b", "3"),
    ]
    a_b, differences = pairs[1], np.array([0.5, 0.51, 0.49])
    assert float(a_b["difference"]) == pytest.approx(0.5)
    assert float(a_b["std"]) == pytest.approx(differences.std(ddof=1))
    assert float(a_b["p_holm"]) == pytest.approx(3 * float(a_b["p"]))
    assert "a is significantly lower than b, by 0.500" in a_b["verdict"]
    summary = {line["scheduler"]: line for line in read(tmp_path / "summary.csv")}
    assert float(summary["b"]["to_best_low"]) < 0.5 < float(summary["b"]["to_best_high"])
    assert float(summary["b"]["to_best_std"]) == pytest.approx(differences.std(ddof=1))
    assert "c may be the best, which 3 seeds do not tell" in summary["c"]["verdict"]
    best = [float(summary["a"][name]) for name in ("to_best", "to_best_low", "to_best_high")]
    other = [-float(summary["c"][name]) for name in ("to_best", "to_best_high", "to_best_low")]
    assert best[:1] == pytest.approx(other[:1])
    assert best[1] <= other[1] and best[2] <= other[2]  # c's is to b too, which may be the best as well
    assert float(summary["b"]["p_adjusted"]) > 0.05 and float(summary["b"]["to_best_low"]) < 0
    assert write_pairs(comparison_of(r for r in results if r.seed == 0), tmp_path) == []


def test_the_table_to_paste(tmp_path):
    results = losses_of(**{"a|b": [2.0, 2.1], "c": [2.5, 2.61]})
    (path,) = write_markdown(comparison_of(results), tmp_path)
    lines = path.read_text().splitlines()
    assert len({line.replace("\\|", "").count("|") for line in lines[:4]}) == 1  # as many cells in every row
    assert lines[2].startswith("| 1 | `a\\|b` | 2.0500 | 0.0707 | -0.5050 | -0.5685 to -0.4415 | 0.0063 |")
    assert "a|b is significantly lower than the other (95% simultaneous intervals)." in lines[-1]
    (path,) = write_markdown(comparison_of(results[:1]), tmp_path)
    assert "no ranking is claimed" in path.read_text()


def test_too_many_schedules_are_ranked_and_not_tested(monkeypatch, tmp_path):
    monkeypatch.setattr(verdicts, "MAX_COMPARED", 2)
    monkeypatch.setattr(sentences, "MAX_COMPARED", 2)
    comparison = comparison_of(losses_of(a=[3.0, 3.1], b=[1.0, 1.1], c=[2.0, 2.1]))
    ranking = comparison.rankings[300]
    assert [(row.entry.scheduler, row.rank) for row in ranking.rows] == [("b", 1), ("c", 2), ("a", 3)]
    assert [row.difference for row in ranking.rows] == pytest.approx([0, 1, 2])
    assert ranking.rows[2].standing.verdict is verdicts.Verdict.UNTESTED
    assert "nothing is compared" in standing_sentence(ranking.best.standing, ranking.verdicts)
    assert write_pairs(comparison, tmp_path) == []


def test_of_many_schedules_no_pairs_are_tested_but_each_against_the_best(monkeypatch, tmp_path):
    monkeypatch.setattr(verdicts, "MAX_TESTED", 2)
    comparison = comparison_of(losses_of(a=[3.0, 3.11], b=[1.0, 1.1], c=[2.0, 2.12]))
    assert write_pairs(comparison, tmp_path) == []
    assert [row.standing.significant for row in comparison.rankings[300].rows] == [True, True, True]


@pytest.mark.parametrize("baseline", ["b", "b @ 1e-2"])
def test_with_a_baseline_the_columns_are_to_it(tmp_path, baseline):
    results = losses_of(a=[2.0, 2.1, 2.2], b=[2.5, 2.61, 2.69], c=[2.45, 2.5, 2.8])
    results += [result("b", 2.4 + seed / 8, peak_lr=0.02, seed=seed) for seed in range(3)]
    comparison = comparison_of(results, baseline=baseline)
    write_tables(comparison, tmp_path)
    summary = {(line["scheduler"], line["peak_lr"]): line for line in read(tmp_path / "summary.csv")}
    assert not any("to_best" in column for column in summary["a", "0.01"])
    base = summary["b", "0.01"]
    assert (base["to_baseline"], base["to_baseline_low"], base["p_adjusted"]) == ("0.0", "", "")
    assert base["verdict"] == "b @ 1e-2 is the baseline"
    assert float(summary["a", "0.01"]["to_baseline"]) == pytest.approx(-0.5)
    assert "a @ 1e-2 is significantly lower than b @ 1e-2, by 0.50 (" in summary["a", "0.01"]["verdict"]
    table = ranking_table(comparison, list(comparison.rankings.values()))
    assert "to baseline" in table.headings and "to best" not in table.headings


def test_a_baseline_without_a_result_yet_is_none():
    comparison = comparison_of(losses_of(a=[2.0, 2.1], c=[2.5, 2.61]), baseline="b")
    assert comparison.rankings[300].verdicts.baseline is None


def test_no_number_is_an_empty_field(tmp_path):
    write_csv(
        tmp_path / "x.csv",
        ["a", "b", "c", "d", "e", "f"],
        [dict(a=None, b=math.nan, c=np.float64(np.nan), d=np.float64(0.1), e=np.int64(3))],
    )
    assert (tmp_path / "x.csv").read_text() == "a,b,c,d,e,f\n,,,0.1,3,\n"


FORMULAS = ["=1+1", "+cmd|' /C calc'!A0", "-x", "@sum(a)", "\ta", "\ra", "\uff1da", "'=a", "''-a", '=a,\n"b"']


@pytest.mark.parametrize("text", [*FORMULAS, "'a'", "wsd:cooldown=0.5", "-0.5", "+1e3", "a\udcffb"])
def test_no_text_is_a_formula_and_every_text_comes_back(text, tmp_path):
    write_csv(tmp_path / "x.csv", ["text", "number"], [dict(text=text, number=-0.25)])
    with open(tmp_path / "x.csv", newline="", encoding="utf-8", errors="surrogateescape") as file:
        (cells,) = list(csv.reader(file))[1:]
    assert cells[1] == "-0.25"
    assert cells[0] == text if text not in FORMULAS else cells[0] == "'" + text
    assert read_csv(tmp_path / "x.csv") == [dict(text=text, number="-0.25")]
    assert csv_line([text, -0.25]) == (tmp_path / "x.csv").read_bytes().decode(errors="surrogateescape")[12:]


@pytest.mark.parametrize("label", ["=wsd", "-wsd", "@a", "'=a"])
def test_a_label_like_a_formula_comes_back_from_every_table(tmp_path, label):
    losses = {label: [2.0, 2.1, 2.2], "b": [2.5, 2.61, 2.69]}
    write_tables(comparison_of(losses_of(**losses)), tmp_path)
    for name in ("runs.csv", "summary.csv", "curves.csv"):
        assert {row["scheduler"] for row in read_csv(tmp_path / name)} == set(losses), name
    for path in tmp_path.glob("*.csv"):
        with open(path, newline="") as file:
            cells = {cell for row in csv.reader(file) for cell in row}
        assert not [c for c in cells if c[:1] in set("=+-@") and not c.lstrip("+-")[:1].isdigit()], path
    assert {run.label for run in read_runs(tmp_path)} == set(losses)


def test_in_markdown_what_cannot_be_seen_is_an_escape(tmp_path):
    (path,) = write_markdown(
        comparison_of(losses_of(**{"a\u202eb": [2.0, 2.1], "c\n|d": [2.5, 2.61]})), tmp_path
    )
    text = path.read_text()
    assert "`a\\u202eb`" in text and "`c\\n\\|d`" in text and text.replace("\n", "").isprintable()


# --- the ranking


def ranked(capsys, results):
    print_ranking(comparison_of(results))
    return capsys.readouterr().out


def test_the_ranking_says_how_far_behind_the_best(capsys):
    text = ranked(capsys, losses_of(cosine=[2.5, 2.7], wsd=[2.25, 2.35]))
    lines = [line.split() for line in text.splitlines() if line[:1].isdigit()]
    assert [line[:5] for line in lines] == [
        ["1", "wsd", "2.3000", "0.0707", "-0.3000"],  # to the best of the others
        ["2", "cosine", "2.6000", "0.1414", "+0.3000"],
    ]
    # of 0.25 and 0.35: t = 6, 1 degree of freedom
    assert lines[0][5:9] == ["-0.9353", "to", "+0.3353", "0.11"]
    assert lines[1][5:9] == ["-0.3353", "to", "+0.9353", "0.11"]
    text = " ".join(text.split())
    assert "wsd and cosine may be the best, and none is significantly worse (95% simultaneous" in text
    assert "cosine may be the best, which 2 seeds do not tell; about 3 would be needed" in text
    assert "no ranking" not in text


def test_one_seed_claims_nothing(capsys):
    text = " ".join(ranked(capsys, losses_of(cosine=[2.5], wsd=[None])).split())
    assert "One seed: no ranking is claimed" in text and "--seeds 0,1,2" in text and "std over" not in text
    assert "1 of 1 diverged" in text


def test_peak_lrs_are_told_apart(capsys):
    assert "peak lr" in ranked(capsys, [result("cosine", 2.5), result("cosine", 2.6, peak_lr=0.02)])
    table = ranked(capsys, [result("cosine", 2.5), result("wsd", 2.6)]).split("\n\n")[1]
    assert "schedule" in table and "peak lr" not in table
