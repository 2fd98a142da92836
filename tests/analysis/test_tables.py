"""The numbers of runs.csv and summary.csv on curves made by hand, the tables' text, and the ranking."""

import csv
import math
import warnings
from types import SimpleNamespace

import numpy as np
import pytest

from analysis import tables
from analysis.cost import spell_cost, sweep_cost
from analysis.markdown import write_markdown
from analysis.metrics import convergence_step, curve_metrics
from analysis.ranking import print_ranking
from analysis.stability import count_spikes
from analysis.tables import RUN_COLUMNS, SUMMARY_COLUMNS, run_rows, summary_rows, write_csv, write_tables
from nanosched.history import History
from nanosched.run_files import write_run
from schedulers import get_schedule


def metrics(warmup_steps=0, grad_clip=1.0, **columns):
    n = len(next(iter(columns.values())))
    curve = dict(loss=np.ones(n), grad_norm=np.ones(n), step_s=np.full(n, 0.1), val_loss=np.full(n, np.nan))
    return curve_metrics(
        {**curve, **{name: np.array(values, float) for name, values in columns.items()}},
        warmup_steps,
        grad_clip,
    )


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
    assert metrics(loss=loss)["loss_stability"] == pytest.approx(expected, rel=1e-15)


def test_losses():
    m = metrics(loss=[5, 4, 3.5], val_loss=[np.nan, 2.5, 3.0])
    assert (m["final_train_loss"], m["best_val_loss"]) == (3.5, 2.5)
    assert math.isnan(metrics(loss=[5, 4])["best_val_loss"])


def test_gradient_norms_leave_the_warmup_out_but_for_the_maximum():
    m = metrics(grad_norm=[50, 10, 1, 2, 3, 6], warmup_steps=2)
    assert m["grad_norm_max"] == 50
    assert m["grad_norm_mean"] == 3
    assert m["grad_norm_std"] == pytest.approx(math.sqrt(3.5))
    assert m["grad_norm_cv"] == pytest.approx(math.sqrt(3.5) / 3)


def test_a_run_that_ended_in_its_warmup_has_all_its_norms():
    m = metrics(grad_norm=[1, 3], warmup_steps=10)
    assert (m["grad_norm_mean"], m["grad_norm_std"], m["grad_norm_cv"], m["grad_norm_spikes"]) == (
        2,
        1,
        0.5,
        0,
    )


@pytest.mark.parametrize("grad_clip, expected", [(1.0, 0.5), (2.0, 0.25), (3.0, 0.0), (0.0, 0.0)])
def test_clip_fraction_counts_the_norms_above_the_limit(grad_clip, expected):
    assert metrics(grad_norm=[0.5, 1, 2, 3], grad_clip=grad_clip)["clip_fraction"] == expected


def test_times():
    m = metrics(step_s=np.arange(1, 102)[::-1] / 1000)
    assert m["wall_s"] == pytest.approx(5.151)
    assert (m["step_ms_p50"], m["step_ms_p95"]) == (pytest.approx(51), pytest.approx(96))


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
        == metrics(grad_norm=norm, warmup_steps=warmup_steps)["grad_norm_spikes"]
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
    assert m["best_val_loss"] == 4 and m["wall_s"] == pytest.approx(0.3)


# --- the summary


def row(scheduler, loss, status="complete", peak_lr=0.01, seed=0, steps=300):
    numbers = dict.fromkeys(
        RUN_COLUMNS[8 : RUN_COLUMNS.index("device")], math.nan if status == "failed" else 7.0
    )
    return dict(
        numbers,
        run_id="0",
        scheduler=scheduler,
        params="",
        seed=seed,
        peak_lr=peak_lr,
        steps=steps,
        status=status,
        final_val_loss=loss,
    )


def test_the_best_mean_comes_first_and_lost_runs_last():
    rows = [
        row("failed", None, "failed"),
        row("worse", 3.0),
        row("wild", None, "diverged"),
        row("best", 2.0),
        row("half", 1.0),
        row("half", None, "diverged", seed=1),
        row("nan", math.nan),
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
    rows = [
        row("a", loss, seed=seed) | dict(wall_s=10.0 * seed, grad_norm_max=seed)
        for seed, loss in enumerate([1.0, 2.0, 6.0])
    ]
    (line,) = summary_rows(rows)
    assert (line["final_val_loss"], line["final_val_loss_std"]) == (
        3.0,
        pytest.approx(math.sqrt(7)),
    )  # of a sample: / (n - 1)
    assert (line["wall_s"], line["grad_norm_max"], line["seeds"]) == (10.0, 1.0, 3)
    assert math.isnan(summary_rows(rows[:1])[0]["final_val_loss_std"])


def test_peak_lrs_are_rows_of_their_own():
    summary = summary_rows(
        [row("a", 2.0, peak_lr=0.1), row("a", 1.0, peak_lr=0.2), row("a", 4.0, peak_lr=0.1, seed=1)]
    )
    assert [(line["peak_lr"], line["seeds"], line["final_val_loss"]) for line in summary] == [
        (0.1, 2, 3.0),
        (0.2, 1, 1.0),
    ]  # its second seed may be worse


def test_every_horizon_has_its_own_ranking():
    rows = [row("a", 2.0, steps=600), row("a", 3.0), row("b", 2.5), row("b", 2.2, steps=600)]
    summary = summary_rows(rows)
    assert [(line["steps"], line["rank"], line["scheduler"]) for line in summary] == [
        (300, 1, "b"),
        (300, 2, "a"),
        (600, 1, "a"),
        (600, 2, "b"),
    ]
    assert [line["to_best"] for line in summary] == pytest.approx([0, 0.5, 0, 0.2])


# --- the files

RUN = dict(
    steps_taken=3,
    tokens=192,
    final_val_loss=2.5,
    flops_per_token=1000.0,
    peak_flops=1e6,
    device="Xeon, the big one",
    config=dict(grad_clip=1.0, dtype="float32"),
    dataset="a, b.txt",
    data_fingerprint="f",
    torch_version="2",
    code_version="0",
)


def store(out, label, run_id="0" * 16, status="complete", seed=0, trained_from=0):
    """A run in the store as train.py leaves it, and the sweep.plan.Run that asks for it."""
    folder = out / "runs" / run_id
    history = History([4.0, 3.0, 2.0], [0.01, 0.005, 0.0], [1.5, 0.5, 1.0], [0.25, 0.5, 0.25], [(2, 2.5)])
    write_run(folder, dict(RUN, run_id=run_id, status=status, trained_from=trained_from), history.to_csv())
    return SimpleNamespace(
        id=run_id, label=label, seed=seed, schedule=get_schedule(label, steps=3, peak_lr=0.01)
    )


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
    rows = run_rows(tmp_path, [run], {})
    write_tables(tmp_path, rows)
    (one,), curves, (line,) = (read(tmp_path / name) for name in ("runs.csv", "curves.csv", "summary.csv"))
    assert one["scheduler"] == line["scheduler"] == label and (one["device"], one["dataset"]) == (
        RUN["device"],
        RUN["dataset"],
    )
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
    (one,) = run_rows(tmp_path, [store(tmp_path, "cosine")], {})
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


def test_the_warmup_of_schedules_with_a_rise_of_their_own_is_none(tmp_path):
    """one_cycle has no warmup to leave out, so all of its norms count."""
    runs = [store(tmp_path, "cosine", "a"), store(tmp_path, "one_cycle", "b")]
    runs = [
        SimpleNamespace(
            id=r.id,
            label=r.label,
            seed=0,
            schedule=get_schedule(r.label, steps=3, peak_lr=0.01, warmup_steps=1),
        )
        for r in runs
    ]
    cosine, one_cycle = run_rows(tmp_path, runs, {})
    assert (cosine["grad_norm_mean"], one_cycle["grad_norm_mean"]) == (0.75, 1.0)


def test_only_the_first_name_of_a_run_pays_and_what_is_missing_has_no_row(tmp_path):
    one = store(tmp_path, "constant", "a")
    two = SimpleNamespace(**{**vars(one), "label": "step:gamma=1"})
    never = SimpleNamespace(**{**vars(one), "id": "b", "label": "linear"})
    broke = SimpleNamespace(**{**vars(one), "id": "c", "label": "rex"})
    rows = run_rows(tmp_path, [one, two, never, broke], {"c": "RuntimeError: no"})
    assert [(r["scheduler"], r["status"], r.get("marginal_s")) for r in rows] == [
        ("constant", "complete", 1.0),
        ("step:gamma=1", "complete", 0.0),
        ("rex", "failed", None),
    ]
    write_tables(tmp_path, rows)
    assert len(read(tmp_path / "curves.csv")) == 6 and read(tmp_path / "runs.csv")[2]["wall_s"] == ""


def test_a_run_pays_for_the_steps_it_trained_itself(tmp_path):
    runs = [
        store(tmp_path, "constant", "a"),
        store(tmp_path, "wsd", "b", trained_from=1),
        store(tmp_path, "linear", "c", trained_from=3),
    ]
    rows = run_rows(tmp_path, runs, {})
    assert [r["wall_s"] for r in rows] == [1.0, 1.0, 1.0] and [r["marginal_s"] for r in rows] == [
        1.0,
        0.75,
        0.0,
    ]
    cost = sweep_cost(tmp_path, rows)
    assert cost == dict(
        runs=3, steps=9, steps_trained=5, wall_s=3.0, marginal_s=1.75, price=pytest.approx(5 / 3, abs=1e-3)
    )
    assert spell_cost(cost, rows) == "3 schedules for the price of 1.7: 5 of 9 steps were trained"


def test_a_damaged_run_has_no_row(tmp_path):
    run = store(tmp_path, "constant", "a")
    curve = tmp_path / "runs" / "a" / "curve.csv"
    curve.write_text(curve.read_text().replace("4.0", "4.1"))
    assert run_rows(tmp_path, [run], {}) == []


def test_pairs_and_verdicts(tmp_path):
    losses = dict(a=[2.0, 2.1, 2.2], b=[2.5, 2.61, 2.69], c=[2.05, 2.0, 2.4])
    rows = [row(name, loss, seed=seed) for name, values in losses.items() for seed, loss in enumerate(values)]
    for line in rows:  # nothing of them is in the store
        line["status"] = "complete"
        (tmp_path / "runs" / "0").mkdir(parents=True, exist_ok=True)
    (tmp_path / "runs" / "0" / "curve.csv").write_text("step\n")
    write_tables(tmp_path, rows)
    pairs = read(tmp_path / "pairs.csv")
    assert [(pair["first"], pair["second"], pair["seeds"]) for pair in pairs] == [
        ("a", "c", "3"),
        ("a", "b", "3"),
        ("c", "b", "3"),
    ]
    differences = np.array([0.5, 0.51, 0.49])
    assert float(pairs[1]["difference"]) == pytest.approx(0.5) and float(pairs[1]["std"]) == pytest.approx(
        differences.std(ddof=1)
    )
    assert (
        float(pairs[1]["p_holm"]) == pytest.approx(3 * float(pairs[1]["p"]))
        and "a is lower than b by 0.500" in pairs[1]["verdict"]
    )
    summary = {line["scheduler"]: line for line in read(tmp_path / "summary.csv")}
    assert float(summary["b"]["to_best_low"]) < 0.5 < float(summary["b"]["to_best_high"])
    assert "cannot be told apart with 3 seeds" in summary["c"]["verdict"] and summary["a"]["p_holm"] == ""
    write_tables(tmp_path, [line for line in rows if line["seed"] == 0])
    assert not (tmp_path / "pairs.csv").exists()  # of another time


def test_the_table_to_paste(tmp_path):
    rows = [row("a|b", loss, seed=seed) for seed, loss in enumerate([2.0, 2.1])] + [
        row("c", loss, seed=seed) for seed, loss in enumerate([2.5, 2.61])
    ]
    lines = write_markdown(tmp_path, summary_rows(rows)).read_text().splitlines()
    assert len({line.replace("\\|", "").count("|") for line in lines[:4]}) == 1  # as many cells in every row
    assert (
        lines[2].startswith("| 1 | `a\\|b` | 0.01 | 300 | 2 | 2.0500 | 0.0707 | 0.0000 | - |")
        and "ranks first" in lines[-1]
    )
    assert "no ranking is claimed" in write_markdown(tmp_path, summary_rows(rows[:1])).read_text()


def test_too_many_schedules_are_ranked_and_not_tested(monkeypatch):
    monkeypatch.setattr(tables, "MOST_VERDICTS", 2)
    rows = [
        row(name, loss + seed / 10, seed=seed)
        for seed in (0, 1)
        for name, loss in dict(a=3.0, b=1.0, c=2.0).items()
    ]
    summary = summary_rows(rows)
    assert [(line["scheduler"], line["rank"]) for line in summary] == [("b", 1), ("c", 2), ("a", 3)]
    assert (
        summary[2]["to_best"] == pytest.approx(2)
        and "nothing is tested" in summary[0]["verdict"]
        and tables.pair_rows(summary) == []
    )


def test_no_number_is_an_empty_field(tmp_path):
    write_csv(
        tmp_path / "x.csv",
        ["a", "b", "c", "d", "e", "f"],
        [dict(a=None, b=math.nan, c=np.float64(np.nan), d=np.float64(0.1), e=np.int64(3))],
    )
    assert (tmp_path / "x.csv").read_text() == "a,b,c,d,e,f\n,,,0.1,3,\n"


# --- the ranking


def ranked(capsys, rows, seeds):
    print_ranking(summary_rows(rows), seeds)
    return capsys.readouterr().out


def test_the_ranking_says_how_far_behind_the_best(capsys):
    said = ranked(
        capsys,
        [row("cosine", 2.5), row("wsd", 2.25), row("cosine", 2.7, seed=1), row("wsd", 2.35, seed=1)],
        seeds=2,
    )
    lines = [line.split() for line in said.splitlines() if line[:1].isdigit()]
    assert [line[:5] for line in lines] == [
        ["1", "wsd", "2.3000", "0.0707", "+0.0000"],
        ["2", "cosine", "2.6000", "0.1414", "+0.3000"],
    ]
    assert lines[0][5:7] == ["-", "-"] and lines[1][5:9] == [
        "-0.3353",
        "to",
        "+0.9353",
        "0.11",
    ]  # of 0.25 and 0.35: t = 6, 1 degree of freedom
    assert (
        "wsd ranks first, told apart from 0 of 1 others" in said
        and "wsd and cosine cannot be told apart with 2 seeds" in said
    )
    assert "no ranking" not in said


def test_one_seed_claims_nothing(capsys):
    said = " ".join(ranked(capsys, [row("cosine", 2.5), row("wsd", None, "diverged")], seeds=1).split())
    assert "One seed: no ranking is claimed" in said and "--seeds 0,1,2" in said and "std over" not in said
    assert "1 of 1 diverged" in said


def test_peak_lrs_are_told_apart(capsys):
    assert "peak lr" in ranked(capsys, [row("cosine", 2.5), row("cosine", 2.6, peak_lr=0.02)], seeds=2)
    assert "peak lr" not in ranked(capsys, [row("cosine", 2.5), row("wsd", 2.6)], seeds=2)
