"""Anybody's losses: what the file may hold, what is said of it, and how the command ends."""

import json
import re

import numpy as np
import pytest
from helpers import ROOT

from analysis import decide
from analysis.given_losses import read_losses
from analysis.looks import nominal_levels
from analysis.simultaneous import against_baseline, against_best
from nanosched.command import BAD_INPUT

MEANS = dict(cosine=2.31, wsd=2.30, linear=2.3005)


def rows_of(seeds=8, noise=1e-3, **means):
    """Lines of a file: methods with seed effects in common, far above their own noise."""
    rng = np.random.Generator(np.random.Philox(key=3))
    shared = 0.02 * rng.standard_normal(seeds)
    own = {name: noise * rng.standard_normal(seeds) for name in means or MEANS}
    return [
        (name, seed, mean + shared[seed] + own[name][seed])
        for name, mean in (means or MEANS).items()
        for seed in range(seeds)
    ]


def csv_of(rows, header="method,seed,loss"):
    return "\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n"


@pytest.fixture
def call(tmp_path, monkeypatch, capsys):
    """Run the command on a file of this text, and return its exit code, its output and its JSON."""
    monkeypatch.setenv("COLUMNS", "160")
    path = tmp_path / "losses.csv"

    def run(text, *options):
        if text is not None:
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        out = tmp_path / "verdict.json"
        monkeypatch.setattr(
            "sys.argv", ["decide", str(path), "--margin", "0.005", "--json", str(out), *options]
        )
        try:
            code = decide.main()
        except SystemExit as e:
            code = e.code
        told = capsys.readouterr()
        return code, told.out + told.err, json.loads(out.read_text()) if code != BAD_INPUT else None

    run.path = path
    return run


def by_method(found):
    return {method["method"]: method for method in found["methods"]}


# --- what is said


def test_the_best_is_decided(call):
    code, told, found = call(csv_of(rows_of()))
    assert code == 0 and found["decided"] and found["best"] == "linear"
    verdicts = {name: method["verdict"] for name, method in by_method(found).items()}
    assert verdicts == dict(wsd="equivalent", linear="equivalent", cosine="worse")
    assert "cosine is significantly worse" in told and "95% interval" in told


def test_the_numbers_are_those_of_the_intervals(call):
    text = csv_of(rows_of(seeds=4, noise=0.01))
    code, _, found = call(text)
    assert code == 3 and not found["decided"]
    losses = read_losses(call.path)
    expected = against_best(losses)
    assert list(found) == ["methods", "best", "decided"]
    for method in found["methods"]:
        interval = expected[method["method"]]
        assert list(method) == ["method", "seeds", "mean", "difference", "low", "high", "p", "verdict"]
        assert (method["difference"], method["low"], method["high"]) == (
            interval.mean,
            interval.low,
            interval.high,
        )
        assert method["mean"] == pytest.approx(np.mean([*losses[method["method"]].values()]))
        assert method["seeds"] == 4 and method["p"] == interval.p
    _, _, found = call(text, "--baseline", "cosine")
    interval = against_baseline(losses, "cosine")["wsd"]
    assert by_method(found)["wsd"]["low"] == interval.low
    baseline = by_method(found)["cosine"]
    assert baseline["verdict"] is None and baseline["difference"] is None


def test_undecided_methods_name_the_seeds_they_need(call):
    code, told, _ = call(csv_of(rows_of(seeds=3, noise=0.01)))
    assert code == 3 and "would be needed" in told


def test_runs_that_did_not_complete_are_left_out_and_named(call):
    rows = rows_of()
    rows[2] = ("cosine", 2, "nan")
    rows[3] = ("cosine", 3, "")
    rows[4] = ("cosine", 4, "inf")
    code, told, found = call(csv_of(rows))
    assert code == 0 and by_method(found)["cosine"]["seeds"] == 5
    assert "5 of 8" in told


def test_a_method_that_never_completes_does_not_keep_the_others_open(call):
    rows = rows_of() + [("wild", seed, "nan") for seed in range(8)]
    code, _, found = call(csv_of(rows))
    assert code == 0 and by_method(found)["wild"] == dict(
        method="wild", seeds=0, mean=None, difference=None, low=None, high=None, p=None, verdict="untested"
    )


def test_nothing_is_decided_by_one_seed(call):
    code, told, found = call(csv_of(rows_of(seeds=1)))
    assert code == 3 and not found["decided"] and "nothing is claimed" in told


def test_pairing_that_does_not_help_is_said(call):
    rng = np.random.Generator(np.random.Philox(key=5))
    table = rng.standard_normal((2, 6))
    table[1] = -table[0]  # a seed that is good for one is bad for the other
    rows = [(f"m{i}", seed, loss) for i, row in enumerate(table) for seed, loss in enumerate(row)]
    assert "Pairing does not reduce the noise" in call(csv_of(rows))[1]
    assert "Pairing" not in call(csv_of(rows_of()))[1]


# --- other columns


def test_of_whole_curves_the_last_step_counts(call):
    rows = rows_of()
    curves = [(name, seed, step, loss + 1 - step) for step in (1, 0) for name, seed, loss in rows]
    expected = call(csv_of(rows))[2]
    found = call(csv_of(curves, "method,seed,step,loss"))[2]
    assert [m["verdict"] for m in found["methods"]] == [m["verdict"] for m in expected["methods"]]
    assert by_method(found)["wsd"]["mean"] == pytest.approx(by_method(expected)["wsd"]["mean"])


def test_a_curve_that_diverged_may_end_early(call):
    rows = [(*row[:2], 9, row[2]) for row in rows_of()]
    rows[0] = ("cosine", 0, 4, "nan")
    assert by_method(call(csv_of(rows, "method,seed,step,loss"))[2])["cosine"]["seeds"] == 7


def test_another_column_may_say_what_pairs(call):
    rows = rows_of()
    paired = [(name, 100 * i, f"order {seed}", loss) for i, (name, seed, loss) in enumerate(rows)]
    found = call(csv_of(paired, "method,seed,pair,loss"))[2]
    assert found == call(csv_of(rows))[2]


def test_spaces_an_apostrophe_and_unknown_columns_do_no_harm(call):
    rows = [
        ("'=cosine" if name == "cosine" else name, f" {seed}.0", loss, "x") for name, seed, loss in rows_of()
    ]
    found = call("\ufeff" + csv_of(rows, "Method, seed ,loss,machine") + "\n")[2]
    assert "=cosine" in by_method(found)


# --- looks


def test_a_look_has_its_own_level(call):
    text = csv_of(rows_of(seeds=5))
    code, told, found = call(text, "--sequential", "--look", "2", "--baseline", "cosine")
    level = nominal_levels((3, 5, 8, 12, 20), 3)[1]
    interval = against_baseline(read_losses(call.path), "cosine", level)["wsd"]
    method = by_method(found)["wsd"]
    assert (method["low"], method["high"]) == (interval.low, interval.high)
    assert (method["p"] < 0.05) == (interval.high < 0) and code in (0, 3)
    assert "Look 2 of 5, at 5 seeds" in told and f"{100 * (1 - level):.2f}%" in told
    _, _, whole = call(text, "--baseline", "cosine")
    assert by_method(whole)["wsd"]["low"] > method["low"]


@pytest.mark.parametrize(
    "options, told",
    [
        (["--sequential", "--look", "1"], "look 1 is at 3 seeds, but the file has 5: give --look 2"),
        (["--sequential", "--look", "6"], "there are 5, at 3, 5, 8, 12 and 20 seeds"),
        (["--sequential"], "--sequential and --look belong together"),
        (["--look", "2"], "--sequential and --look belong together"),
        (["--sequential", "--look", "1", "--max-seeds", "1"], "give at least 2"),
        (["--margin", "-1"], "--margin"),
        (["--margin", "nan"], "--margin"),
        (["--baseline", "cosin"], "did you mean cosine?"),
        (["--baseline", "xyz"], "give one of cosine, wsd and linear"),
    ],
)
def test_options_that_do_not_fit(call, options, told):
    code, line, _ = call(csv_of(rows_of(seeds=5)), *options)
    assert code == BAD_INPUT and told in line and line.count("\n") == 1


def test_the_last_look_is_at_the_most_seeds(call):
    assert (
        "Look 3 of 3, at 6 seeds"
        in call(csv_of(rows_of(seeds=6)), "--sequential", "--look", "3", "--max-seeds", "6")[1]
    )


# --- the page


@pytest.mark.parametrize("number", [0, 1, 2])
def test_the_tables_of_the_page_are_the_commands(number, tmp_path, monkeypatch, capsys):
    page = (ROOT / "docs" / "decide.md").read_text()
    files = re.findall(r"`(\w+\.csv)`:\n\n```\n(.*?)```", page, re.DOTALL)
    calls = re.findall(
        r"```\n\$ python -m analysis\.decide (.*?)\n(.*?)```\n\nExit code (\d)", page, re.DOTALL
    )
    assert len(files) == len(calls) == 3
    (name, text), (options, told, code) = files[number], calls[number]
    (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "96")
    monkeypatch.setattr("sys.argv", ["decide", *options.split()])
    assert decide.main() == int(code)
    table = capsys.readouterr().out.partition("\n\n")[0]
    assert [line.rstrip() for line in table.splitlines()] == told.partition("\n\n")[0].splitlines()


# --- files that are none


GOOD = csv_of(rows_of(seeds=2))


@pytest.mark.parametrize(
    "text, told",
    [
        ("", "is empty"),
        (" \n\n", "is empty"),
        (b"\x7fELF\x00\xff\xfe", "is no text in UTF-8"),
        (b"method,seed,loss\nwsd,0,\x00\n", "is a binary file"),
        ("method,loss\nwsd,2\n", "line 1 has no column seed"),
        ("name,value\nwsd,2\n", "line 1 has no column method, seed and loss"),
        ("method;seed;loss\nwsd;0;2\n", "line 1 has no column"),
        ("method,seed,loss,loss\nwsd,0,2,3\n", "the column 'loss' twice"),
        (GOOD + "wsd,2,two\n", "line 8: loss is 'two'"),
        (GOOD + "wsd,two,2\n", "line 8: seed is 'two'"),
        (GOOD + "wsd,1.5,2\n", "line 8: seed is '1.5'"),
        (GOOD + "wsd,-1,2\n", "line 8: seed is '-1'"),
        (GOOD + "wsd,inf,2\n", "line 8: seed is 'inf'"),
        (GOOD + ",2,2\n", "line 8 has no method"),
        (GOOD + "wsd,2\n", "line 8 has 2 cells"),
        (GOOD + "wsd,1,2\n", "line 8: 'wsd' has '1' a second time, after line 5"),
        (GOOD + '"wsd,2,2\n', "line 8"),
        ("method,seed,loss\nwsd,0,2\n", "has 1 method"),
        ("method,seed,loss\n", "has 0 method"),
        ("method,pair,loss\nwsd,,2\n", "line 2 has no pair"),
        ("method,seed,step,loss\na,0,5,2\nb,0,4,2\n", "line 3: 'b' with '0' ends at step 4, others at 5"),
        ("method,seed,step,loss\na,0,5,2\na,0,5,2\n", "a second time at step 5, after line 2"),
    ],
)
def test_what_is_no_such_file_is_one_line(call, text, told):
    code, line, _ = call(text)
    assert code == BAD_INPUT and told in line and "losses.csv" in line
    assert line.startswith("error: ") and line.count("\n") == 1


def test_a_folder_and_a_missing_file_are_one_line(call):
    assert "does not exist" in call(None)[1]
    call.path.mkdir()
    code, line, _ = call(None)
    assert code == BAD_INPUT and "is a folder" in line and line.count("\n") == 1
