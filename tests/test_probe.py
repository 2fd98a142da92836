"""The probe: one schedule at half and at twice the peak lr, beside what compare.py is asked for."""

import csv
import json
import re
from dataclasses import replace

import pytest
from helpers_results import comparison_of, result

from analysis.best_known import best_known
from analysis.probe import probed
from nanosched.known import Known
from schedulers import get_schedule
from sweep import train_branch
from sweep.probe import make_probe

NEAR = ["--peak-lr", "0.05"]  # where half and twice of it are no lower
LOW = ["--peak-lr", "0.0005"]  # where twice of it is lower
ASKED = ["--config", "tiny.toml", "--schedulers", "constant,cosine", "--out", "out"]


def table(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def manifest(out):
    return json.loads((out / "manifest.json").read_text())


def one_line(text):
    return " ".join(text.split())


# --- what is trained


@pytest.mark.parametrize(
    "specs, baseline, label",
    [
        (["constant", "cosine:cycle=2", "cosine"], None, "cosine:cycle=2"),
        (["constant", "cosine"], "constant", "constant"),
        (["plateau", "linear", "constant"], None, "linear"),
        (["plateau", "linear", "constant"], "plateau", "linear"),
        (["plateau"], None, None),
        (["torch:OneCycleLR:max_lr=6e-4,total_steps=40"], None, None),  # its peak is its own
    ],
)
def test_which_schedule_is_probed(specs, baseline, label):
    schedules = [(spec, get_schedule(spec, n, 0.01, warmup_steps=2)) for n in (20, 40) for spec in specs]
    probe = make_probe(schedules, [7, 5, 3, 1], baseline)
    assert (probe and probe.label) == label
    if probe:
        assert [(s.peak_lr, s.steps, s.warmup_steps) for s in probe.schedules] == [
            (0.005, 40, 2),
            (0.02, 40, 2),
        ]
        assert probe.seeds == (7, 5, 3)


@pytest.mark.parametrize(
    "flags",
    [
        ["--no-probe"],
        ["--tune", "--seeds", "0,1"],
        ["--aa", "--seeds", "0,1"],
        ["--peak-lr", "0.01,0.02"],
        ["--protocol", "carry-over"],
    ],
)
def test_where_nothing_is_probed(cli, toml, flags):
    toml()
    done = cli("compare.py", *ASKED, *flags, "--dry-run")
    assert done.code == 0 and "probe" not in done.out


def test_a_dry_run_counts_the_probe(cli, toml):
    toml()
    done = cli("compare.py", *ASKED, "--seeds", "0-4", "--dry-run")
    assert (
        done.code == 0 and "10 runs asked for and 6 of the probe, 16 to train on cpu: 192 steps" in done.out
    )
    assert done.out.count("cosine (probe) @ 0.005, 12 steps: trains 12") == 1  # seeds 0, 1 and 2 look alike


# --- what is said


@pytest.mark.parametrize("seeds", ["0", "0,1,2"])
def test_a_peak_lr_that_is_too_low_is_the_answers_first_sentence(cli, toml, tmp_path, seeds, no_figures):
    toml()
    done = cli("compare.py", *ASKED, *LOW, "--seeds", seeds)
    out, rows = tmp_path / "out", table(tmp_path / "out" / "probe.csv")
    assert done.code == 0 and len(rows) == 2 * len(seeds.split(","))
    assert {(row["scheduler"], row["peak_lr"]) for row in rows} == {
        ("cosine", "0.00025"),
        ("cosine", "0.001"),
    }
    doubt = ", one seed, noise not known" if seeds == "0" else ""
    first = (
        r"cosine ends lower at twice the peak lr \(1e-3: \d\.\d{4} against \d\.\d{4}"
        + doubt
        + rf"\): the {'order' if seeds == '0' else 'ranking'} below says who keeps the lr high, not which "
        r"schedule is best when tuned; give --peak-lr 1e-3 or --tune\."
    )
    assert re.search(first + r" argparse\.txt, .* parameters, 12 steps of 64 tokens", one_line(done.out))
    assert re.match(first, one_line((out / "summary.md").read_text()))
    assert re.search(f'<p class="answer">{first}', (out / "report.html").read_text())
    regime = manifest(out)["regime"]
    assert (regime["best_known_peak_lr"], regime["best_known_from"]) == (0.001, "probe")
    assert regime["tokens_per_parameter"] == [12 * 64 / regime["parameters"]]
    assert (regime["tokens_per_step"], regime["peak_lrs"]) == (64, [0.0005])


def test_the_probe_is_no_row_of_what_was_asked_for(cli, toml, tmp_path, no_figures):
    """And a second command without it trains nothing, and says nothing of it."""
    toml()
    flags = [*LOW, "--seeds", "0,1"]
    with_probe = cli("compare.py", *ASKED, *flags)
    assert "8 runs of 12 steps on argparse.txt, 4 of them the probe: 0 complete, 8 to train" in with_probe.out
    assert "; the probe took 4 runs, 48 steps" in one_line(with_probe.out)
    out = tmp_path / "out"
    names = ("runs.csv", "summary.csv", "curves.csv")
    before = {name: (out / name).read_bytes() for name in names}
    assert len(manifest(out)["probe"]["runs"]) == 4 == len(manifest(out)["runs"])

    without = cli("compare.py", *ASKED, *flags, "--no-probe")
    assert without.code == 0 and "4 runs of 12 steps on argparse.txt: 4 complete, 0 to train" in without.out
    assert {name: (out / name).read_bytes() for name in names} == before
    assert not (out / "probe.csv").exists() and manifest(out)["probe"] is None
    assert "twice" not in without.out and "how near its optimum is not known" in one_line(without.out)
    again = cli("compare.py", *ASKED, *flags)
    assert "8 complete, 0 to train" in again.out and (out / "probe.csv").exists()


def test_a_peak_lr_that_is_not_off_is_a_clause_of_the_regime(cli, toml, tmp_path, no_figures):
    toml(steps=40)
    done = cli("compare.py", *ASKED, *NEAR)
    words = r"peak lr 5e-2 \(cosine is no lower( beyond noise)? at half or twice this\), seed 0\."
    assert done.code == 0 and re.search(words, one_line(done.out)) and "ends lower" not in done.out
    assert re.search(words, (tmp_path / "out" / "summary.md").read_text())
    assert manifest(tmp_path / "out")["regime"]["best_known_peak_lr"] == 0.05


def test_a_probe_that_fails_costs_nothing(cli, toml, tmp_path, monkeypatch):
    original = train_branch.train

    def train(config, schedule, *args, **more):
        if schedule.peak_lr == 0.001:
            raise RuntimeError("no luck")
        return original(config, schedule, *args, **more)

    monkeypatch.setattr(train_branch, "train", train)
    toml()
    done = cli("compare.py", *ASKED, *LOW)
    assert done.code == 0 and "cosine (probe) @ 0.001, 12 steps, seed 0: failed: RuntimeError" in done.out
    assert [row["status"] for row in table(tmp_path / "out" / "runs.csv")] == ["complete"] * 2
    assert [row["status"] for row in table(tmp_path / "out" / "probe.csv")] == ["complete", "failed"]
    assert "(cosine is no lower at half this)" in one_line(done.out)


# --- what counts as off


def found(asked, half=(), twice=(), **changes):
    """What is probed where cosine's seeds end so at 0.01, at half and at twice of it; None diverges."""

    def results(losses, peak):
        return [
            result("cosine", loss, "diverged" if loss is None else "complete", peak, seed)
            for seed, loss in enumerate(losses)
        ]

    probe = (*results(half, 0.005), *results(twice, 0.02))
    return comparison_of(results(asked, 0.01), probe=probe, **changes)


@pytest.mark.parametrize(
    "asked, half, twice, known, off",
    [
        ([2.5], [2.6], [2.47], None, 0.02),
        ([2.5], [2.6], [2.485], None, None),  # less than 0.02
        ([2.5], [2.6], [2.485], 0.005, 0.02),  # more than twice this noise
        ([2.5], [2.6], [2.47], 0.02, None),
        ([2.5], [2.4], [2.6], None, 0.005),
        ([2.5], [2.4], [2.3], None, 0.02),
        ([2.5], [2.6], [None], None, None),
        ([None], [2.6], [None], None, 0.005),
        ([2.5, 2.6, 2.7], [3, 3, 3], [2.40, 2.51, 2.60], None, 0.02),
        ([2.5, 2.6, 2.7], [3, 3, 3], [2.3, 2.65, 2.6], None, None),  # the seeds do not agree
        ([2.5, 2.6, 2.7], [3, 3, 3], [2.40, 2.51, None], None, None),
        ([2.5, 2.6, None], [2.9, 2.9, 2.9], [None] * 3, None, 0.005),
    ],
)
def test_a_peak_lr_is_off_by_more_than_noise(asked, half, twice, known, off):
    told = probed(found(asked, half, twice, known=Known(noise=known)))
    assert (told.off and told.off.peak_lr) == off
    assert bool(told.sentence) == (off is not None)


def test_the_words_at_half_and_where_it_diverges():
    half = probed(found([2.5], [2.4], [2.6])).sentence
    assert "at half the peak lr (5e-3: 2.4000 against 2.5000, one seed, noise not known)" in half
    assert half.endswith("noise not known); give --peak-lr 5e-3 or --tune.")  # nothing is ranked
    several = replace(probed(found([2.5], [2.4], [2.6])), below="order").sentence
    assert ": the order below says who brings the lr down, not which" in several
    known = probed(found([2.5], [2.4], [2.6], known=Known(noise=0.01))).sentence
    assert "against 2.5000, one seed, noise 0.01)" in known
    diverges = probed(found([2.6, None], [2.9, 2.8])).sentence
    assert "(5e-3: 2.8500, where this one diverges with 1 of 2 seeds)" in diverges
    near = [probed(found([2.5], [2.6], [loss])).clause for loss in (2.51, 2.49)]
    assert near == [
        "cosine is no lower at half or twice this",
        "cosine is no lower beyond noise at half or twice this",
    ]


@pytest.mark.parametrize(
    "comparison, expected",
    [
        (found([2.5]), (None, None, "how near its optimum is not known")),
        (found([2.5], known=Known(0.01)), (0.01, "preset", "the best known")),
        (found([2.5], known=Known(0.004)), (0.004, "preset", "2.5 times the best known, 4e-3")),
        (found([2.5], [2.6], [2.4], known=Known(0.004)), (0.02, "probe", "cosine is lower at twice this")),
        (found([None], [None], [None]), (None, None, "cosine diverges at this, and at half and twice this")),
        (found([2.5, None], [None, None]), (None, None, "cosine diverges at this, and at half this")),
        (
            comparison_of([result("wsd", 2.5, peak_lr=p, seed=0) for p in (0.01, 0.02)]),
            (0.01, "comparison", "the lowest loss at 1e-2, the lowest tried"),
        ),
    ],
)
def test_where_the_best_known_peak_lr_comes_from(comparison, expected):
    assert tuple(vars(best_known(comparison)).values()) == expected


def test_a_comparison_without_its_asked_run_says_nothing_of_the_probe():
    assert probed(found([], [2.6], [2.4])) is None


@pytest.mark.parametrize("measured_on, told", [("argparse.txt", True), ("another.txt", False)])
def test_what_was_measured_on_another_text_is_not_said(cli, toml, tmp_path, measured_on, told):
    toml(known_peak_lr=0.02, known_noise=0.123, known_dataset=measured_on)
    assert ("noise 0.123" in cli("compare.py", *ASKED).out) == told  # the probe's
    alone = cli("compare.py", *ASKED, "--no-probe")
    report = (tmp_path / "out" / "report.html").read_text()
    for words in map(one_line, (alone.out, report)):
        assert ("0.5 times the best known, 2e-2" in words) == told
        assert ("how near its optimum is not known" in words) != told
    regime = manifest(tmp_path / "out")["regime"]
    expected = (0.02, "preset") if told else (None, None)
    assert (regime["best_known_peak_lr"], regime["best_known_from"]) == expected
