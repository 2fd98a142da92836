"""compare.py --until-decided, as a user runs it."""

import csv
import json
import re

import pytest
from helpers import is_one_line_error

COMMAND = ["compare.py", "--config", "tiny.toml", "--schedulers", "constant,linear,step:gamma=1,cosine"]


@pytest.fixture(scope="module")
def read():
    def read(folder, name):
        with open(folder / name, newline="") as file:
            return list(csv.DictReader(file))

    return read


def test_a_large_margin_is_decided_at_the_first_look(cli, toml, tmp_path, read):
    toml()
    done = cli(*COMMAND, "--until-decided", "--margin", "10", "--out", "out")
    assert done.code == 0 and "Decided with 12 runs, 3 seeds for each schedule" in done.out
    assert "20 seeds for all of them would have been 80" in " ".join(done.out.split())
    rows = read(tmp_path / "out", "summary.csv")
    assert {row["seeds"] for row in rows} == {"3"} and len(rows) == 4
    for row in rows:
        assert "equivalent" in row["verdict"] or "identical" in row["verdict"], row
    assert "equivalent" in done.out
    report = (tmp_path / "out" / "report.html").read_text()
    assert "Decided with 12 runs" in report and "2509.02046" in report


def test_seeds_are_added_where_they_decide_and_a_second_run_trains_nothing(
    cli, toml, tmp_path, read, no_figures
):
    toml()
    flags = ["--until-decided", "--margin", "0", "--max-seeds", "6"]
    asked = cli(*COMMAND, *flags, "--out", "out", "--dry-run")
    assert "12 runs asked for" in asked.out and "at most" in asked.out
    done = cli(*COMMAND, *flags, "--out", "out")
    assert done.code == 0 and re.search(r"(Decided|Not decided) with \d+", done.out)
    rows = {row["scheduler"]: row for row in read(tmp_path / "out", "summary.csv")}
    assert {int(row["seeds"]) for row in rows.values()} <= {3, 5, 6}
    for row in rows.values():
        low, high = float(row["to_best_low"]), float(row["to_best_high"])
        assert ("significantly" in row["verdict"]) == (low > 0 or high < 0)
        if int(row["seeds"]) < 6 and "identical" not in row["verdict"]:
            assert low > 0 or high < 0 or max(float(r["to_best_high"]) for r in rows.values()) < 0
    again = cli(*COMMAND, *flags, "--out", "out")
    assert "0 to train" in again.out and read(tmp_path / "out", "summary.csv") == list(rows.values())
    later = cli(*COMMAND, *flags, "--out", "out", "--dry-run")
    assert re.search(r"about \d+ runs in all", later.out)


def test_it_goes_on_from_what_is_there(cli, toml, tmp_path, read, no_figures):
    toml()
    flags = ["--until-decided", "--margin", "0", "--max-seeds", "4"]
    cli(*COMMAND, *flags, "--out", "whole")
    cli(
        "compare.py",
        "--config",
        "tiny.toml",
        "--schedulers",
        "cosine,linear",
        "--seeds",
        "1,3",
        "--out",
        "part",
    )
    cli(*COMMAND, *flags, "--out", "part")
    names = ["scheduler", "seeds", "final_val_loss", "to_best_low", "to_best_high", "p_adjusted", "verdict"]
    whole, part = (
        [[row[name] for name in names] for row in read(tmp_path / out, "summary.csv")]
        for out in ("whole", "part")
    )
    assert whole == part
    manifests = [json.loads((tmp_path / out / "manifest.json").read_text()) for out in ("whole", "part")]
    assert {run["run_id"] for run in manifests[0]["runs"]} == {run["run_id"] for run in manifests[1]["runs"]}


@pytest.mark.parametrize(
    "flags, words",
    [
        (["--until-decided", "--seeds", "0"], "--max-seeds"),
        (["--max-seeds", "3"], "--until-decided"),
        (["--until-decided", "--max-seeds", "1"], "max_seeds=1"),
        (["--until-decided", "--max-seeds", "many"], "many"),
        (["--until-decided", "--aa"], "--until-decided"),
    ],
)
def test_what_makes_no_sense_is_refused(cli, toml, flags, words):
    toml()
    assert is_one_line_error(cli(*COMMAND, *flags), words)


def test_what_it_is_expected_to_take_is_against_the_baseline(cli, toml, no_figures):
    """constant is far below the others, so that three seeds tell; among the others they don't."""
    toml(peak_lr=0.003)
    schedulers = ["--schedulers", "cosine,linear,constant,one_cycle"]
    command = ["compare.py", "--config", "tiny.toml", *schedulers, "--margin", "0", "--out", "out"]
    cli(*command, "--seeds", "0-2")
    best, lowest, other = (
        int(re.search(r"about (\d+) runs", cli(*command, "--until-decided", "--dry-run", *flags).out)[1])
        for flags in ([], ["--baseline", "constant"], ["--baseline", "linear"])
    )
    assert best == lowest == 12 < other <= 80
