"""compare.py as people run it: what it trains, what it keeps, what it says."""

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from filelock import FileLock
from helpers import ROOT, is_one_line_error, read_curve, shell, write_toml

import train as train_module
from nanosched.config import Config
from schedulers import get_schedule
from sweep import train_branch

WSD = "wsd:cooldown=0.5,shape=sqrt"
ASKED = [WSD, "constant", "step:gamma=1", "cosine"]  # step:gamma=1 is constant under another name
TIMES = {"wall_s", "marginal_s", "tokens_per_s", "step_ms_p50", "step_ms_p95", "mfu"}
RUN_COLUMNS = """
run_id scheduler params seed peak_lr steps tokens status final_train_loss final_val_loss best_val_loss
loss_stability grad_norm_mean grad_norm_std grad_norm_max grad_norm_cv grad_norm_spikes clip_fraction
convergence_step wall_s marginal_s tokens_per_s step_ms_p50 step_ms_p95 mfu
device dtype dataset data_fingerprint torch_version code_version
""".split()

MY_SCHEDULE = """
from schedulers import Schedule, param, register

@register("my_stairs")
class MyStairs(Schedule):
    '''Half the peak from the middle on.'''
    ratio: float = param(0.5, low=0, high=1)

    def scale(self, t):
        return 1.0 if self.progress(t) < 0.5 else self.ratio
"""


def table(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def without_times(rows):
    return [{name: value for name, value in row.items() if name not in TIMES} for row in rows]


def trained(out):
    """run id -> when its files were written."""
    return {
        p.parent.name: (p.stat().st_mtime_ns, (p.parent / "curve.csv").stat().st_mtime_ns)
        for p in Path(out).glob("runs/*/run.json")
    }


@pytest.fixture(scope="module")
def first(tmp_path_factory, tiny, session_cache):
    """One comparison in a folder of its own, by a real command: four schedules, two seeds, a TOML file."""
    folder = tmp_path_factory.mktemp("first")
    write_toml(folder, **tiny, schedulers=ASKED, seeds=[0, 1])
    done = shell(folder, "compare.py", "--config", "tiny.toml", "--no-probe")
    assert done.code == 0, done.err
    return SimpleNamespace(folder=folder, out=folder / "results" / "tiny", said=done.out, err=done.err)


@pytest.fixture
def copy(first, tmp_path, tiny):
    """The same results in tmp_path, to go on from."""
    shutil.copytree(first.out, tmp_path / "results" / "tiny")
    write_toml(tmp_path, **tiny)
    return tmp_path / "results" / "tiny"


# --- what a comparison leaves behind


def test_the_files(first):
    assert {"runs.csv", "summary.csv", "curves.csv", "manifest.json", "runs"} <= {
        p.name for p in first.out.iterdir()
    }
    assert {p.name for p in first.folder.iterdir()} == {"tiny.toml", "results"}
    assert len(trained(first.out)) == 6  # 3 arrays, 2 seeds
    for folder in (first.out / "runs").iterdir():
        assert sorted(p.name for p in folder.iterdir()) == [".lock", "curve.csv", "run.json"]
    for name in ("runs.csv", "summary.csv", "curves.csv", "manifest.json"):
        assert f"results/tiny/{name}" in first.said
    assert first.err == ""


def test_runs_csv_has_the_contracts_columns_and_a_row_for_each_run(first):
    rows = table(first.out / "runs.csv")
    assert set(RUN_COLUMNS) <= set(rows[0])
    assert [(row["scheduler"], row["seed"]) for row in rows] == [
        (name, seed) for seed in "01" for name in ASKED
    ]
    runs = {path.parent.name: json.loads(path.read_text()) for path in first.out.glob("runs/*/run.json")}
    peak_flops = max(run["peak_flops"] for run in runs.values())
    for row in rows:
        run = runs[row["run_id"]]
        assert (row["status"], row["device"], row["dtype"], row["dataset"]) == (
            "complete",
            run["device"],
            "float32",
            "argparse.txt",
        )
        assert (int(row["steps"]), int(row["tokens"]), float(row["peak_lr"])) == (12, 768, 0.01)
        assert (
            float(row["final_val_loss"]) == run["final_val_loss"]
            and row["data_fingerprint"] == run["data_fingerprint"]
        )
        assert (row["torch_version"], row["code_version"]) == (run["torch_version"], run["code_version"])
        assert not [name for name in RUN_COLUMNS if row[name] == "" and name != "params"]
        assert float(row["tokens_per_s"]) == pytest.approx(768 / float(row["wall_s"]))
        mfu = float(row["tokens_per_s"]) * run["flops_per_token"] / peak_flops  # one for the comparison
        assert float(row["mfu"]) == pytest.approx(mfu) and 0 < mfu < 1
    assert rows[0]["params"] == "cooldown=0.5;cooldown_steps=None;shape=sqrt;exponent=None;final_lr_ratio=0.0"


def test_curves_csv_is_every_runs_curve(first):
    rows = table(first.out / "curves.csv")
    assert len(rows) == 8 * 12 and None not in rows[0]  # no field too many
    for run in table(first.out / "runs.csv"):
        mine = [
            row
            for row in rows
            if all(row[name] == run[name] for name in ("run_id", "scheduler", "seed", "peak_lr"))
        ]
        curve = read_curve(first.out / "runs" / run["run_id"])
        assert [int(row["step"]) for row in mine] == list(range(12))
        for name in ("loss", "lr", "grad_norm", "step_s"):
            assert [float(row[name]) for row in mine] == getattr(curve, name).tolist()
        assert [row["step"] for row in mine if row["val_loss"]] == ["4", "9", "11"]
        assert float(mine[-1]["loss"]) == float(run["final_train_loss"])


def test_summary_csv_is_the_mean_over_seeds_best_first(first):
    runs, summary = table(first.out / "runs.csv"), table(first.out / "summary.csv")
    assert sorted(row["scheduler"] for row in summary) == sorted(ASKED)
    losses = [float(row["final_val_loss"]) for row in summary]
    assert losses == sorted(losses) and [row["rank"] for row in summary] == ["1", "2", "3", "4"]
    for row in summary:
        each = [float(run["final_val_loss"]) for run in runs if run["scheduler"] == row["scheduler"]]
        assert len(each) == 2 == int(row["seeds"]) and row["diverged"] == row["failed"] == "0"
        assert float(row["final_val_loss"]) == pytest.approx(sum(each) / 2)
        assert float(row["final_val_loss_std"]) == pytest.approx(
            abs(each[0] - each[1]) / 2**0.5
        )  # of a sample


def test_manifest_json_has_what_is_needed_to_do_it_again(first, dataset):
    manifest = json.loads((first.out / "manifest.json").read_text())
    config = Config(**manifest["config"])
    assert manifest["command"] == "python compare.py --config tiny.toml --no-probe"
    assert (config.n_embd, config.steps, config.device, config.dtype) == (16, 12, "cpu", "float32")
    assert manifest["dataset"]["fingerprint"] == dataset.fingerprint
    assert (manifest["dataset"]["train_tokens"], manifest["dataset"]["val_tokens"]) == (
        len(dataset.train),
        len(dataset.val),
    )
    assert (manifest["versions"]["torch"], manifest["versions"]["numpy"]) == (
        version("torch"),
        np.__version__,
    )
    assert manifest["versions"]["python"] == sys.version.split()[0] and manifest["versions"][
        "nanosched"
    ].startswith("0.")
    assert [(run["run_id"], run["scheduler"], str(run["seed"])) for run in manifest["runs"]] == [
        (row["run_id"], row["scheduler"], row["seed"]) for row in table(first.out / "runs.csv")
    ]
    rows, cost = table(first.out / "runs.csv"), manifest["cost"]
    assert cost["marginal_s"] == pytest.approx(sum(float(row["marginal_s"]) for row in rows), abs=1e-3)
    assert cost["wall_s"] == pytest.approx(sum(float(row["wall_s"]) for row in rows), abs=1e-3)
    # wsd, cosine and constant twice: of three arrays, the second and third branch off wsd
    assert (cost["runs"], cost["steps"], cost["steps_trained"]) == (8, 96, 2 * steps_of_a_seed())
    assert cost["separate_runs"] == pytest.approx(8 * cost["steps_trained"] / 96, abs=1e-3)


def steps_of_a_seed():
    arrays = [get_schedule(spec, steps=12, peak_lr=0.01, warmup_steps=2).lrs() for spec in ASKED]
    return len({array[: t + 1].tobytes() for array in arrays for t in range(12)})


def test_the_output_ranks_with_several_seeds(first):
    cost, trained_steps = 8 * 2 * steps_of_a_seed() / 96, 2 * steps_of_a_seed()
    words = f"8 runs at the cost of {cost:.1f} separate runs: {trained_steps} of 96 steps were trained"
    assert words in first.said
    assert "6 runs of 12 steps on argparse.txt: 0 complete, 6 to train on cpu" in first.said
    assert "std over" in first.said and "no ranking" not in first.said
    ranking = first.said[first.said.index("std over") :]
    for row in table(first.out / "summary.csv"):
        (line,) = re.findall(rf"^{row['rank']} +(\S+) +{float(row['final_val_loss']):.4f} ", ranking, re.M)
        assert line == row["scheduler"] or len(row["scheduler"]) > 12


# --- the pairing


def curves(out):
    """(scheduler, seed) -> curve.csv's columns."""
    return {
        (row["scheduler"], row["seed"]): read_curve(Path(out) / "runs" / row["run_id"])
        for row in table(Path(out) / "runs.csv")
    }


def test_every_schedule_of_a_seed_starts_at_the_same_loss_to_the_bit(first):
    starts = {seed: {c.loss[0] for (_, s), c in curves(first.out).items() if s == seed} for seed in "01"}
    assert len(starts["0"]) == len(starts["1"]) == 1 and starts["0"] != starts["1"]


def test_runs_are_the_same_to_the_bit_until_their_learning_rates_part(first):
    """So weights, optimizer and batches are the same: only the schedule tells runs of a seed apart."""
    by_name = curves(first.out)
    for seed in "01":
        a, b = by_name["constant", seed], by_name[WSD, seed]
        part = int(np.argmax(a.lr != b.lr))
        assert 6 <= part < 11
        for name in ("loss", "grad_norm"):
            one, other = getattr(a, name), getattr(b, name)
            assert np.array_equal(one[: part + 1], other[: part + 1])  # a step's loss is before its update
            assert (one[part + 1 :] != other[part + 1 :]).all()


def test_a_schedule_gives_the_same_numbers_in_whatever_company(first, cli, toml, tmp_path, no_figures):
    toml()
    assert (
        cli(
            "compare.py", "--config", "tiny.toml", "--schedulers", "cosine", "--seeds", "1", "--out", "alone"
        ).code
        == 0
    )
    (row,) = table(tmp_path / "alone" / "runs.csv")
    (same,) = [r for r in table(first.out / "runs.csv") if (r["scheduler"], r["seed"]) == ("cosine", "1")]
    assert without_times([row]) == without_times([same])


def test_every_run_of_a_seed_gets_the_same_batches(cli, toml, monkeypatch, no_figures):
    seen, original = [], train_module.batch

    def spy(tokens, fingerprint, seed, step, *sizes):
        x, y = original(tokens, fingerprint, seed, step, *sizes)
        seen.append((seed, step, x.tobytes(), y.tobytes()))
        return x, y

    monkeypatch.setattr(train_module, "batch", spy)
    toml()
    assert (
        cli(
            "compare.py",
            "--no-probe",
            "--config",
            "tiny.toml",
            "--schedulers",
            "cosine,linear,one_cycle",
            "--seeds",
            "4,7",
        ).code
        == 0
    )
    assert len(seen) == 2 * (12 + 9 + 12)  # linear starts where it parts from cosine
    assert len(set(seen)) == len({x for _, _, x, _ in seen}) == 24  # every step and seed its own


# --- running it again


def test_again_trains_nothing(cli, copy, first, no_figures):
    before = trained(copy)
    again = cli(
        "compare.py", "--no-probe", "--config", "tiny.toml", "--schedulers", ",".join(ASKED), "--seeds", "0,1"
    )
    assert again.code == 0 and "6 complete, 0 to train" in again.out
    assert trained(copy) == before == trained(first.out)
    for name in ("runs.csv", "summary.csv", "curves.csv"):
        assert (copy / name).read_bytes() == (first.out / name).read_bytes()


def test_tables_are_rebuilt_from_the_store_without_torch(copy, first):
    for name in ("runs.csv", "summary.csv", "curves.csv"):
        (copy / name).unlink()
    again = shell(
        copy.parents[1],
        "compare.py",
        "--no-probe",
        "--config",
        "tiny.toml",
        "--schedulers",
        ",".join(ASKED),
        "--seeds",
        "0,1",
        python=["-X", "importtime"],
    )
    assert again.code == 0
    assert (copy / "runs.csv").read_bytes() == (first.out / "runs.csv").read_bytes()
    assert not any(line.endswith(" torch") for line in again.err.splitlines())


def test_a_schedule_of_ones_own_trains_only_itself(cli, copy, tmp_path, no_figures):
    (tmp_path / "my_schedule.py").write_text(MY_SCHEDULE)
    before = trained(copy)
    specs = ",".join([*ASKED, "my_schedule.py", "my_schedule.py:ratio=0.1"])
    added = cli("compare.py", "--no-probe", "--config", "tiny.toml", "--schedulers", specs, "--seeds", "0")
    assert added.code == 0 and "5 runs" in added.out and "3 complete, 2 to train" in added.out
    after = trained(copy)
    assert before.items() < after.items() and len(after) == len(before) + 2
    rows = table(copy / "runs.csv")
    assert [row["scheduler"] for row in rows] == [*ASKED, "my_stairs", "my_stairs:ratio=0.1"]
    curve = read_curve(copy / "runs" / rows[-1]["run_id"])
    np.testing.assert_allclose(curve.lr[2:], [0.01] * 5 + [0.001] * 5, rtol=1e-12)

    (tmp_path / "my_schedule.py").write_text(
        MY_SCHEDULE.replace("< 0.5", "< 0.8")
    )  # edited: another array, another run
    edited = cli(
        "compare.py",
        "--no-probe",
        "--config",
        "tiny.toml",
        "--schedulers",
        "constant,my_schedule.py",
        "--seeds",
        "0",
    )
    assert "1 complete, 1 to train" in edited.out


def test_another_seed_or_peak_lr_trains_only_what_is_new(cli, copy, no_figures):
    more = cli(
        "compare.py",
        "--config",
        "tiny.toml",
        "--schedulers",
        "cosine,constant",
        "--seeds",
        "1,2",
        "--peak-lr",
        "0.01,0.02",
    )
    assert more.code == 0 and "8 runs of" in more.out and "2 complete, 6 to train" in more.out
    rows = table(copy / "runs.csv")
    asked = [("cosine", "0.01"), ("constant", "0.01"), ("cosine", "0.02"), ("constant", "0.02")]
    assert [(row["scheduler"], row["peak_lr"]) for row in rows] == asked * 2
    assert [row["seed"] for row in rows] == ["1"] * 4 + ["2"] * 4
    summary = table(copy / "summary.csv")
    assert sorted((row["scheduler"], row["peak_lr"]) for row in summary) == sorted(asked)
    assert "peak lr" in more.out


@pytest.mark.parametrize("given", ["cosine", "COSINE:cycle=1"])
def test_a_baseline_is_a_schedule_or_another_spec_of_it(cli, copy, given):
    asked = ["--schedulers", ",".join(ASKED), "--seeds", "0,1", "--baseline", given, "--margin", "0.1"]
    done = cli("compare.py", "--no-probe", "--config", "tiny.toml", *asked)
    assert done.code == 0 and "0 to train" in done.out, done.err
    summary = {row["scheduler"]: row for row in table(copy / "summary.csv")}
    assert (summary["cosine"]["to_baseline"], summary["cosine"]["verdict"]) == (
        "0.0",
        "cosine is the baseline",
    )
    assert all(row["to_baseline_low"] for name, row in summary.items() if name != "cosine")
    assert re.search(r"of 3 (is|are) [a-z 0-9.]+ cosine", " ".join(done.out.split()))


def test_two_names_for_one_array_are_trained_once_and_paid_once(first):
    for seed in "01":
        rows = {row["scheduler"]: row for row in table(first.out / "runs.csv") if row["seed"] == seed}
        one, two = rows["constant"], rows["step:gamma=1"]
        assert one["run_id"] == two["run_id"] and one["final_val_loss"] == two["final_val_loss"]
        assert 0 < float(one["marginal_s"]) <= float(one["wall_s"])
        assert float(two["marginal_s"]) == 0 and two["wall_s"] == one["wall_s"]
        assert len({row["run_id"] for row in rows.values()}) == 3


def test_the_manifest_and_the_run_say_the_peak_lr_that_was_used(cli, toml, tmp_path, no_figures):
    toml()
    command = ["compare.py", "--no-probe", "--config", "tiny.toml", "--schedulers", "cosine"]
    cli(*command, "--peak-lr", "0.02", "--out", "out")
    (run,) = (json.loads(path.read_text()) for path in (tmp_path / "out").glob("runs/*/run.json"))
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert run["peak_lr"] == manifest["runs"][0]["peak_lr"] == 0.02
    assert run["config"]["peak_lr"] == manifest["config"]["peak_lr"] == 0.02


# --- runs that go wrong


def test_a_diverging_schedule_stays_in_the_table_ranked_last(cli, toml, tmp_path):
    toml()
    (tmp_path / "wild.py").write_text(
        MY_SCHEDULE.replace("my_stairs", "wild").replace("return 1.0 if", "return 1e6 if")
    )
    done = cli(
        "compare.py",
        "--no-probe",
        "--config",
        "tiny.toml",
        "--schedulers",
        "constant,wild.py,cosine",
        "--seeds",
        "0,1",
        "--out",
        "out",
    )
    assert done.code == 0
    assert done.out.count("diverged at step") == 2 and "2 of 2" in done.out.split("std over")[1]
    rows = table(tmp_path / "out" / "runs.csv")
    assert [row["status"] for row in rows] == ["complete", "diverged", "complete"] * 2
    for row in rows[1::3]:
        assert row["final_val_loss"] == "" and int(row["tokens"]) < 768
        steps = [r["step"] for r in table(tmp_path / "out" / "curves.csv") if r["run_id"] == row["run_id"]]
        assert len(steps) == int(row["tokens"]) // 64 >= 1
    summary = table(tmp_path / "out" / "summary.csv")
    assert summary[-1]["scheduler"] == "wild" and (
        summary[-1]["diverged"],
        summary[-1]["final_val_loss"],
    ) == ("2", "")
    assert {row["diverged"] for row in summary[:2]} == {"0"}
    again = cli(
        "compare.py",
        "--no-probe",
        "--config",
        "tiny.toml",
        "--schedulers",
        "constant,wild.py,cosine",
        "--seeds",
        "0,1",
        "--out",
        "out",
    )
    assert again.code == 0 and "6 complete, 0 to train" in again.out  # a divergence is a result


@pytest.mark.filterwarnings("ignore")
def test_everything_diverging_is_still_a_table(cli, toml, tmp_path):
    toml()
    done = cli("compare.py", "--config", "tiny.toml", "--schedulers", "constant,cosine", "--peak-lr", "1e4")
    assert done.code == 0 and done.out.count("1 of 1 diverged") == 2
    assert [row["status"] for row in table(tmp_path / "results" / "tiny" / "runs.csv")] == ["diverged"] * 2


@pytest.mark.filterwarnings("error")
def test_a_diverging_run_gives_no_warnings(cli, toml):
    toml()
    done = cli("compare.py", "--config", "tiny.toml", "--schedulers", "constant", "--peak-lr", "1e4")
    assert done.code == 0 and "diverged" in done.out


@pytest.fixture
def breaking(monkeypatch):
    """Makes the second of the runs that are trained raise at its sixth step."""

    def breaking(message):
        taken, original = [], train_module.train_step

        def train_step(*args):
            taken.append(None)
            if len(taken) == 12 + 6:
                raise RuntimeError(message)
            return original(*args)

        monkeypatch.setattr(train_module, "train_step", train_step)

    return breaking


@pytest.mark.parametrize("checkpoint_interval", [2, 1000])  # with and without something in the run's folder
def test_a_run_that_raises_is_failed_and_the_others_go_on(cli, toml, tmp_path, breaking, checkpoint_interval):
    toml(checkpoint_interval=checkpoint_interval)
    command = [
        "compare.py",
        "--no-probe",
        "--config",
        "tiny.toml",
        "--schedulers",
        "constant,linear,cosine",
        "--out",
        "out",
    ]
    breaking("the GPU fell off\nand more lines")
    done = cli(*command)
    assert done.code == 1 and re.search("linear.*failed: RuntimeError: the GPU fell off", done.out)
    rows = table(tmp_path / "out" / "runs.csv")
    assert [(row["scheduler"], row["status"]) for row in rows] == [
        ("constant", "complete"),
        ("linear", "failed"),
        ("cosine", "complete"),
    ]
    assert rows[1]["final_val_loss"] == ""
    error = (tmp_path / "out" / "runs" / rows[1]["run_id"] / "error.txt").read_text()
    assert "Traceback" in error and "and more lines" in error
    summary = table(tmp_path / "out" / "summary.csv")
    assert (summary[-1]["scheduler"], summary[-1]["failed"]) == ("linear", "1")
    assert {row["scheduler"] for row in table(tmp_path / "out" / "curves.csv")} == {"constant", "cosine"}

    again = cli(*command)  # whatever broke is mended
    assert again.code == 0 and "2 complete, 1 to train" in again.out
    assert [row["status"] for row in table(tmp_path / "out" / "runs.csv")] == ["complete"] * 3


@pytest.mark.parametrize(
    "message", ["can't open [/data/x]", "[enforce fail at alloc_cpu.cpp:117] out of memory"]
)
def test_an_error_with_brackets_is_printed_as_it_is(cli, toml, breaking, message, no_figures):
    toml(checkpoint_interval=2)
    breaking(message)
    done = cli("compare.py", "--no-probe", "--config", "tiny.toml", "--schedulers", "constant,linear,cosine")
    assert done.code == 1 and message in done.out


def test_nothing_but_failures_is_a_table_too(cli, toml, tmp_path, monkeypatch):
    def fails(config, schedule, seed, dataset, folder, **more):
        folder.mkdir(parents=True, exist_ok=True)
        raise RuntimeError("no luck")

    monkeypatch.setattr(train_branch, "train", fails)
    toml()
    done = cli("compare.py", "--config", "tiny.toml", "--schedulers", "constant,cosine", "--out", "out")
    assert done.code == 1 and done.out.count("failed: RuntimeError: no luck") == 2 + 2  # and the probe
    assert [row["status"] for row in table(tmp_path / "out" / "runs.csv")] == ["failed"] * 2


def test_a_formula_that_fails_at_step_7_is_refused_before_training(cli, toml, tmp_path):
    toml()
    (tmp_path / "mine.py").write_text(MY_SCHEDULE.replace("return 1.0 if", "return 1 / (t - 7) ** 2 if"))
    done = cli("compare.py", "--config", "tiny.toml", "--schedulers", "cosine,mine.py", "--steps", "20")
    assert is_one_line_error(done, "my_stairs fails at step 7", "ZeroDivisionError")
    assert not (tmp_path / "results").exists()


# --- Ctrl-C


def start(folder, *args):
    """compare.py on its own, for a signal to be sent to."""
    command = [sys.executable, str(ROOT / "compare.py"), "--config", "tiny.toml", *args]
    pipes = dict(stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return subprocess.Popen(command, cwd=folder, env={**os.environ, "PYTHONUNBUFFERED": "1"}, **pipes)


def wait_for(condition, process):
    while not condition():
        assert process.poll() is None, process.communicate()
        time.sleep(0.002)


def test_ctrl_c_in_the_middle_of_training_and_then_on(cli, toml, tmp_path, no_figures):
    toml(steps=200, checkpoint_interval=10, eval_interval=100, dropout=0.1)
    command = ["compare.py", "--no-probe", "--config", "tiny.toml", "--schedulers"]
    no_checkpoints = ["--checkpoint_interval", "1000"]
    assert cli(*command, "constant", *no_checkpoints, "--out", "out").code == 0
    before = trained(tmp_path / "out")
    with start(tmp_path, "--no-probe", "--schedulers", "constant,cosine,linear", "--out", "out") as process:
        wait_for(lambda: list(tmp_path.glob("out/states/*.pt")), process)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130 and "the same command goes on" in out and err == ""
    assert trained(tmp_path / "out") == before and len(before) == 1
    assert list(tmp_path.glob("out/states/*.pt"))
    assert [row["scheduler"] for row in table(tmp_path / "out" / "runs.csv")] == [
        "constant"
    ]  # what is done is shown
    assert all(
        "Not finished: 1 of 3 runs." in said
        for said in (out, *((tmp_path / "out" / name).read_text() for name in ("summary.md", "report.html")))
    )

    on = cli(*command, "constant,cosine,linear", "--out", "out")
    assert (
        on.code == 0
        and "1 complete, 2 to train" in on.out
        and "Not finished" not in on.out + (tmp_path / "out" / "summary.md").read_text()
    )
    assert before.items() < trained(tmp_path / "out").items()
    assert not list(tmp_path.glob("out/states/*.pt"))
    assert cli(*command, "cosine,linear", *no_checkpoints, "--out", "undisturbed").code == 0
    ours, undisturbed = (table(tmp_path / name / "runs.csv") for name in ("out", "undisturbed"))
    assert without_times(ours)[1:] == without_times(undisturbed) and len(ours) == 3


def test_ctrl_c_before_the_first_step(toml, tmp_path):
    toml(steps=600)
    with start(tmp_path, "--schedulers", "cosine", "--out", "out") as process:
        assert "to train on cpu" in process.stdout.readline()
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130 and err == ""


# --- processes side by side

DIES = """
import os
import time
from multiprocessing import parent_process
from pathlib import Path
from schedulers import Schedule, register

class InTraining(Schedule):
    reactive = True

    def __call__(self, step, val_losses=None):
        if step == 0 and parent_process():  # in training, and not in the plan
            self.start()
        return self.peak_lr

@register("dies")
class Dies(InTraining):
    def start(self):
        Path("gone").touch()
        os._exit(9)  # as when the kernel runs out of memory

@register("waits")
class Waits(InTraining):
    def start(self):
        while not Path("gone").exists():
            time.sleep(0.01)
        time.sleep(1)
"""


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one core trains one run after another")
def test_a_process_that_dies_takes_no_other_run_along(toml, tmp_path):
    toml()
    (tmp_path / "mine.py").write_text(DIES)
    done = shell(
        tmp_path, "compare.py", "--config", "tiny.toml", "--schedulers", "mine.py,constant", "--out", "out"
    )
    assert done.code == 1 and "Traceback" not in done.err
    status = {row["scheduler"]: row["status"] for row in table(tmp_path / "out" / "runs.csv")}
    assert status == dict(dies="failed", waits="complete", constant="complete")
    assert "dies @ 0.01, 12 steps, seed 0: failed: its process died twice" in done.out


# --- an edited file

MINE = """
from schedulers import Schedule, register

@register("mine")
class Mine(Schedule):
    reactive = {reactive}

    def scale(self, t):
        return 1.0

    def __call__(self, step, val_losses=()):  # the same array before training, whatever it does in training
        return self.peak_lr / (1 + {slope} * len(val_losses or ()))
"""


@pytest.mark.parametrize(
    "reactive, trained", [(True, 2), (False, 1)], ids=["reacts to the loss", "its array is all of it"]
)
def test_an_edited_schedule_is_trained_again_if_its_runs_can_differ(
    cli, toml, tmp_path, reactive, trained, no_figures
):
    toml()
    for slope in (1, 2, 1):
        (tmp_path / "mine.py").write_text(MINE.format(reactive=reactive, slope=slope))
        assert (
            cli(
                "compare.py", "--no-probe", "--config", "tiny.toml", "--schedulers", "mine.py", "--out", "out"
            ).code
            == 0
        )
    assert len(list((tmp_path / "out" / "runs").iterdir())) == trained


# --- several horizons, two at once


def test_several_horizons_are_the_comparisons_asked_for_one_by_one(cli, toml, tmp_path, no_figures):
    toml()
    command = ["compare.py", "--config", "tiny.toml", "--schedulers", "wsd,constant,linear"]
    assert cli(*command, "--steps", "6,12", "--out", "both").code == 0
    for steps in ("6", "12"):
        assert cli(*command, "--steps", steps, "--out", steps).code == 0
        of_both, alone = (
            [row for row in table(tmp_path / name / "runs.csv") if row["steps"] == steps]
            for name in ("both", steps)
        )
        assert without_times(of_both) == without_times(alone) and len(alone) == 3
        of_both, alone = (
            [row for row in table(tmp_path / name / "summary.csv") if row["steps"] == steps]
            for name in ("both", steps)
        )
        assert [(row["rank"], row["scheduler"], row["to_best"]) for row in of_both] == [
            (row["rank"], row["scheduler"], row["to_best"]) for row in alone
        ]
    for row in table(tmp_path / "both" / "runs.csv"):
        of_both, alone = (
            read_curve(tmp_path / name / "runs" / row["run_id"]) for name in ("both", row["steps"])
        )
        for name in ("loss", "lr", "grad_norm", "val_loss"):
            np.testing.assert_array_equal(getattr(of_both, name), getattr(alone, name))


def test_a_warmup_that_nobody_asked_for_scales_with_the_steps(cli):
    short = cli("compare.py", "--config", "quick", "--steps", "20", "--schedulers", "wsd", "--dry-run")
    assert short.code == 0 and "of 20 steps, as much as the usual" in short.out
    given = cli("compare.py", "--config", "quick", "--steps", "20", "--warmup", "30", "--dry-run")
    assert is_one_line_error(given, "warmup_steps=30", "steps=20")


def test_a_folder_in_use_is_one_line(cli, toml, tmp_path, no_figures):
    toml()
    (tmp_path / "out").mkdir()
    with FileLock(tmp_path / "out" / ".lock"):
        command = ["compare.py", "--config", "tiny.toml", "--schedulers", "constant", "--out", "out"]
        assert is_one_line_error(cli(*command), "out='out'", "in use")
    assert cli(*command).code == 0


# --- the A/A control


def test_a_schedule_against_itself(cli, toml, tmp_path):
    toml()
    done = cli(
        "compare.py",
        "--config",
        "tiny.toml",
        "--schedulers",
        "cosine,wsd",
        "--aa",
        "--seeds",
        "0,1,2",
        "--out",
        "out",
    )
    result = json.loads((tmp_path / "out" / "aa.json").read_text())
    assert done.code == 0 and "A/A: cosine with seeds 0,1,2 against 3,4,5" in done.out
    assert result["seeds"] == [[0, 1, 2], [3, 4, 5]] and result["different"] is (result["p"] < 0.05)
    losses = {int(row["seed"]): float(row["final_val_loss"]) for row in table(tmp_path / "out" / "runs.csv")}
    assert sorted(losses) == [0, 1, 2, 3, 4, 5] and {
        row["scheduler"] for row in table(tmp_path / "out" / "runs.csv")
    } == {"cosine"}
    means = [np.mean([losses[seed] for seed in group]) for group in result["seeds"]]
    assert (
        result["mean"] == pytest.approx(means[1] - means[0])
        and result["low"] < result["mean"] < result["high"]
    )


def test_the_control_takes_the_first_horizon_and_says_so(cli, toml, tmp_path, no_figures):
    toml()
    command = ["compare.py", "--config", "tiny.toml", "--schedulers", "cosine", "--out", "out"]
    assert cli(*command, "--aa", "--seeds", "0,1", "--steps", "6,12").code == 0
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["config"]["steps"] == 6 and {run["steps"] for run in manifest["runs"]} == {6}
    assert (
        cli(*command).code == 0 and not (tmp_path / "out" / "aa.json").exists()
    )  # it was of another command


@pytest.mark.parametrize("flags", [[], ["--schedulers", "all"]])
def test_the_control_is_of_cosine_where_no_schedule_is_named(cli, toml, tmp_path, flags, no_figures):
    toml()
    command = ["compare.py", "--config", "tiny.toml", "--aa", "--seeds", "0,1", "--out", "out"]
    assert cli(*command, *flags).code == 0
    assert {row["scheduler"] for row in table(tmp_path / "out" / "runs.csv")} == {"cosine"}


def test_what_other_commands_made_stays_as_long_as_the_runs_are_the_same(cli, toml, tmp_path):
    toml()
    command = ["compare.py", "--config", "tiny.toml", "--out", "out", "--schedulers"]
    assert cli(*command, "wsd,cosine").code == 0
    made = [tmp_path / "out" / name for name in ("forecast.csv", "figures/forecast.png")]
    for path in made:
        path.write_text("made of these runs")
    assert cli(*command, "cosine,wsd").code == 0 and all(path.exists() for path in made)
    assert cli(*command, "cosine").code == 0 and not any(path.exists() for path in made)


def test_figures_of_an_earlier_comparison_do_not_stay_where_all_runs_fail(cli, toml, tmp_path, monkeypatch):
    toml()
    command = ["compare.py", "--config", "tiny.toml", "--out", "out", "--schedulers"]
    assert cli(*command, "wsd").code == 0 and list(tmp_path.glob("out/figures/*.png"))

    def fails(*args, **more):
        raise RuntimeError("no luck")

    monkeypatch.setattr(train_branch, "train", fails)
    assert cli(*command, "cosine").code == 1
    assert not (tmp_path / "out" / "figures" / "ranking.png").exists()


def test_a_page_that_fails_loses_no_other_file(cli, toml, tmp_path, monkeypatch):
    def fails(*args):
        raise ArithmeticError("no page today")

    toml()
    monkeypatch.setattr("analysis.report.page.page", fails)
    monkeypatch.setattr("analysis.tables.pair_rows", fails)
    done = cli(
        "compare.py", "--config", "tiny.toml", "--schedulers", "wsd,cosine", "--seeds", "0,1", "--out", "o"
    )
    assert done.code == 1 and "Traceback" not in done.err
    assert done.err.count("ArithmeticError: no page today") == done.err.count("\n") == 2
    left = {path.name for path in (tmp_path / "o").iterdir()}
    assert {"runs.csv", "summary.csv", "curves.csv", "manifest.json", "summary.md", "figures"} <= left
    assert not {"report.html", "pairs.csv"} & left


def test_the_control_needs_two_seeds(cli, toml):
    toml()
    assert is_one_line_error(
        cli("compare.py", "--config", "tiny.toml", "--aa", "--seeds", "3"), "seeds=[3]", "--aa"
    )


# --- bad input


@pytest.mark.parametrize(
    "flags, words",
    [
        (["--schedulers", "cosin"], ["'cosin'", "did you mean 'cosine'"]),
        (["--schedulers", "cosine,,wsd"], ["empty piece"]),
        (["--schedulers", "cosine:cyle=2"], ["cosine has no parameter 'cyle'", "did you mean 'cycle'"]),
        (["--schedulers", "nope.py"], ["nope.py", "No such file"]),
        (["--dataset", "shakespear"], ["'shakespear'", "did you mean shakespeare?"]),
        (["--dataset", "short.txt"], ["block_size 16", "17 tokens"]),
        (["--dataset", "short_val.txt"], ["block_size 16", "17 tokens"]),
        (["--seeds", "0,x"], ["seeds='0,x'", "0,1,2"]),
        (["--seeds", "1.5"], ["seeds='1.5'"]),
        (["--seeds=-1"], ["seeds=-1", "from 0"]),
        (["--seeds", ","], ["seeds=','"]),
        (["--peak-lr", "fast"], ["peak_lr='fast'"]),
        (["--peak-lr", "0.01,-1"], ["peak_lr=-1.0", "above 0"]),
        (["--peak-lr", "0"], ["peak_lr=0.0", "above 0"]),
        (["--peak-lr", "nan"], ["peak_lr=nan"]),
        (["--n-embd", "15"], ["n_embd=15", "a multiple of n_head=2"]),
        (["--steps", "1"], ["warmup_steps=2", "at most steps=1"]),
        (["--config", "gtp2"], ["'gtp2'", "gpt2"]),
        (["--out", "short.txt"], ["short.txt"]),
        (["--out", "short.txt/out"], ["short.txt"]),
        (["--out", "taken"], ["taken/runs"]),
        (["--seeds", str(2**64)], ["seeds"]),
        (["--aa", "--seeds", f"0,{2**32 - 1}"], ["seeds", "--aa"]),
        (["--peak-lr", "1e-3,1.0000001e-3"], ["peak_lr", "agree to 6 digits"]),
        (["--seeds", str(2**33), "--dropout", "0.1"], ["seeds"]),
        (["--schedulers", ""], ["empty"]),
        (["--baseline", "cosin"], ["baseline='cosin'", "did you mean 'cosine'"]),
        (["--baseline", "wsd"], ["baseline='wsd'", "one of the schedules compared"]),
        (["--baseline", ""], ["baseline=''"]),
        (["--baseline", "cosine:cycle=3"], ["baseline='cosine:cycle=3'"]),
        (["--aa", "--seeds", "0-1", "--baseline", "cosine"], ["--baseline", "--aa"]),
        (["--tune", "--baseline", "cosine @ 1e-2"], ["baseline='cosine @ 1e-2'", "'cosine'"]),
        (["--margin", "small"], ["margin='small'", "0.005"]),
        (["--margin=-0.1"], ["margin='-0.1'", "from 0 on"]),
        (["--margin", "nan"], ["margin='nan'"]),
        (["--margin", "inf"], ["margin='inf'"]),
    ],
)
def test_bad_input_is_one_line(cli, toml, tmp_path, text, flags, words):
    toml(schedulers=["cosine", "linear"])
    (tmp_path / "short.txt").write_text("too short")
    (tmp_path / "short_val.txt").write_text(
        text.read_text()[:100]
    )  # 90 characters to train on, 10 to validate
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "runs").write_text("no folder")
    assert is_one_line_error(cli("compare.py", "--config", "tiny.toml", *flags), *words)
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    "settings, words",
    [
        (dict(learning_rat=0.1), ["'learning_rat'", "'learning_rate'"]),
        (dict(seeds="x"), ["seeds='x'"]),
        (dict(seeds=3), ["seeds=3"]),
        (dict(seeds=[]), ["seeds=[]"]),
        (dict(schedulers=["cosine", "cosin"]), ["'cosin'"]),
        (dict(n_layer=0), ["n_layer=0"]),
        (dict(seeds=[1.5]), ["seeds=[1.5]"]),
        (dict(seeds=[True]), ["seeds=[True]"]),
    ],
)
def test_a_bad_file_is_one_line(cli, toml, tmp_path, settings, words):
    toml(**{"schedulers": ["cosine"], **settings})
    assert is_one_line_error(cli("compare.py", "--config", "tiny.toml"), *words)


@pytest.mark.parametrize(
    "flags", [["--schedulers", "cosin"], ["--device", "cuda"], ["--dataset", "nope.txt"]]
)
def test_bad_input_as_a_user_sees_it(toml, tmp_path, flags):
    if "cuda" in flags:
        import torch

        if torch.cuda.is_available():
            pytest.skip("there is a GPU here")
    toml()
    done = shell(tmp_path, "compare.py", "--config", "tiny.toml", *flags)
    assert is_one_line_error(done, flags[1]) and done.out == ""
    assert not (tmp_path / "results").exists()


# --- asking first


def test_help_and_dry_run_answer_without_torch(toml, tmp_path):
    toml(schedulers=[WSD, "constant", "step:gamma=1"], seeds=[0, 1])
    for flags, words in [
        (["--help"], ["--schedulers", "--seeds", "--peak-lr", "--dry-run"]),
        (
            ["--config", "tiny.toml", "--dry-run"],
            [f"{WSD} @ 0.01, 12 steps: trains 12", "each of seeds 0, 1", "6 runs asked for", "results/tiny"],
        ),
    ]:
        done = shell(tmp_path, "compare.py", *flags, python=["-X", "importtime"])
        imported = {
            line.rsplit("|", 1)[-1].strip()
            for line in done.err.splitlines()
            if line.startswith("import time:")
        }
        assert done.code == 0 and "numpy" in imported
        assert not imported & {"torch", "datasets", "tiktoken"}
        for word in words:
            assert word in done.out
    made = {path.name for path in tmp_path.glob("results/tiny/**/*.*")}
    assert made == {"plan.png", "planned_lrs.png"}  # nothing else


def test_a_dry_run_knows_what_is_there(cli, copy):
    before = trained(copy)
    done = cli(
        "compare.py",
        "--no-probe",
        "--config",
        "tiny.toml",
        "--schedulers",
        "constant,linear,step:gamma=1,polynomial:power=1",
        "--seeds",
        "1",
        "--dry-run",
    )
    assert done.code == 0 and trained(copy) == before
    assert "constant @ 0.01, 12 steps, seed 1: complete" in done.out
    assert re.search("time: (about|less than)", done.out)  # by the steps in the store
    assert "seed 1\nlinear @ 0.01, 12 steps: trains 12\n" in done.out
    assert (
        "4 runs asked for, 1 to train on cpu: 12 steps of 64 tokens" in done.out
    )  # they are two runs under two names each


@pytest.mark.parametrize("flags", [["--dataset", "nope.txt"], ["--schedulers", "cosin"]])
def test_a_dry_run_refuses_what_the_real_one_would(cli, toml, flags):
    toml()
    assert is_one_line_error(cli("compare.py", "--config", "tiny.toml", "--dry-run", *flags), flags[1])


# --- what it says


def test_one_seed_claims_no_ranking(cli, copy, no_figures):
    done = cli("compare.py", "--config", "tiny.toml", "--schedulers", "cosine,constant", "--seeds", "0")
    assert "no ranking is claimed" in done.out and "std over" not in done.out


def test_a_dry_run_takes_a_few_steps_if_asked(cli, toml):
    toml(n_embd=18)  # that nobody has trained yet
    command = ["compare.py", "--config", "tiny.toml", "--schedulers", "wsd", "--dry-run"]
    assert "time: not known" in cli(*command).out
    timed = cli(*command, "--time")
    assert timed.code == 0 and re.search("time: (about|less than)", timed.out)
    assert not list(Path("results").glob("**/run.json"))
    assert is_one_line_error(cli("compare.py", "--config", "tiny.toml", "--time"), "--dry-run")


def test_schedules_are_listed_with_their_parameters(cli):
    done = cli("compare.py", "--schedulers", "list")
    assert done.code == 0 and "cooldown=0.2" in done.out and "cosine" in done.out
    assert len(done.out.split("\n")) > 30


def test_all_is_every_schedule_that_needs_no_law_and_no_package(cli, toml):
    from schedulers import list_schedules
    from schedulers.core.registry import REGISTRY

    toml()
    done = cli("compare.py", "--config", "tiny.toml", "--steps", "24", "--dry-run")  # in 12 wsd_s is constant
    names = sorted(re.findall(r"(\w+) @ 0.01, 24 steps: (?:branches|trains)", done.out))
    needless = [name for name in list_schedules() if not REGISTRY[name].needs_law]
    assert names == [name for name in needless if name != "schedule_free"] and len(names) >= 15


def test_the_ranking_has_every_schedules_name_in_full(cli, toml, tmp_path, no_figures):
    toml()
    names = [
        "wsd:cooldown=0.2,shape=sqrt,final_lr_ratio=0.1",
        "wsd:cooldown=0.2,shape=sqrt,final_lr_ratio=0.2",
    ]
    done = cli("compare.py", "--config", "tiny.toml", "--schedulers", ",".join(names), "--seeds", "0,1")
    assert done.code == 0
    ranking = done.out[done.out.index("std over") :]
    assert all(name in ranking for name in names)


def test_plateau_runs_in_a_comparison(cli, toml, tmp_path, no_figures):
    toml(steps=20, eval_interval=2)
    done = cli(
        "compare.py",
        "--config",
        "tiny.toml",
        "--schedulers",
        "constant,plateau:patience=0,threshold=0.5",
        "--out",
        "out",
    )
    assert done.code == 0
    both = curves(tmp_path / "out")
    constant, plateau = both["constant", "0"].lr, both["plateau:patience=0,threshold=0.5", "0"].lr
    assert constant[-1] == 0.01 and plateau[-1] < 0.01 and plateau[3] == 0.01
