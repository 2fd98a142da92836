"""report.html, read as a browser without JavaScript reads it, and its plots' data."""

import base64
import csv
import hashlib
import json
import math
import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from helpers_figures import STEPS, WARMUP, build
from helpers_report import HOSTILE, Page, make, planned, read_page, renamed
from helpers_results import comparison_of, result

from analysis import sentences, verdicts
from analysis.bounds import bound_rows
from analysis.measured import measured_from
from analysis.report import answer, choices, curves, theory
from analysis.report.blocks import Table
from analysis.report.files import files
from analysis.report.peak_lr import peak_lrs
from analysis.report.regime import regime
from analysis.report.script_json import as_json
from analysis.report.styles import styles
from analysis.sentences import pair_sentence
from analysis.tables import write_pairs
from analysis.text import amount
from analysis.verdicts import Verdict
from schedulers import get_schedule, list_schedules, split_specs

CASES = {
    "one": dict(specs=["cosine"]),
    "one seed": dict(specs=["cosine", "wsd", "constant"]),
    "two": dict(specs=["cosine", "wsd", "step", "constant"], seeds=(0, 1)),
    "three peak lrs": dict(specs=["wsd", "cosine", "linear"], seeds=(0, 1, 2), peak_lrs=(0.02, 0.04, 0.08)),
    "diverged and failed": dict(
        specs=["cosine", "wsd", "linear", "rex"],
        seeds=(0, 1),
        fail=("rex",),
        diverge=[("wsd", 0), ("wsd", 1), ("linear", 1)],
    ),
    "all diverged": dict(specs=[("cosine", 9.0), ("wsd", 9.0)], seeds=(0, 1)),
    "all failed": dict(specs=["cosine", "wsd"], fail=("cosine", "wsd")),
    "told apart": dict(
        specs=[
            "cosine",
            "wsd",
            "multistep:milestones=[8],gamma=0.001",
            "multistep:milestones=[12],gamma=0.001",
        ],
        seeds=range(12),
    ),
    "all": dict(specs=split_specs("all"), seeds=(0, 1, 2, 3, 4)),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    known = {}

    def of(case):
        if case not in known:
            known[case] = make(tmp_path_factory.mktemp("out"), **CASES[case])
        return known[case]

    return of


# --- one file, the same each time, that loads and runs nothing else


@pytest.mark.parametrize("case", CASES)
def test_it_is_valid_and_has_what_a_reader_without_eyes_or_mouse_needs(made, case):
    page = made(case).page
    ids = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
    assert len(set(ids)) == len(ids)
    assert [tag for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)] == ["h1"] + ["h2"] * len(
        page.all("section")
    )
    assert all("scope" in attrs for attrs, _ in page.all("th")) and all(
        text.strip() for _, text in page.all("th")
    )
    assert len(page.all("table")) == len(page.all("caption")) and all(
        text.strip() for _, text in page.all("caption")
    )
    assert len(page.all("figure")) == len(page.data()) == len(page.all("figcaption"))
    assert all(len(attrs["aria-label"]) > 20 for attrs, _ in page.all("div", role="img"))
    links = {attrs["href"] for attrs, _ in page.all("a")} - {
        file.name for file in files(made(case).comparison)
    }
    assert all(link[0] == "#" and link[1:] in ids for link in links)
    assert page.all("noscript") and page.elements[0] == ("html", {"lang": "en"})
    assert "nan" not in re.sub("<script.*?</script>", "", page.text, flags=re.S).lower().split()


def test_nothing_is_loaded_and_only_its_own_scripts_may_run(made):
    page = made("two").page
    assert not any(
        name in attrs
        for _, attrs in page.elements
        for name in ("src", "srcset", "action", "onclick", "onerror")
    )
    assert all(
        re.fullmatch(r"#\w+|\w+\.(csv|json|md)", attrs["href"])
        for _, attrs in page.elements
        if "href" in attrs
    )
    (style,) = page.all("style")
    assert "url(" not in style[1] and "@import" not in style[1]
    policy = page.all("meta", **{"http-equiv": "Content-Security-Policy"})[0][0]["content"]
    run = [text for attrs, text in page.all("script") if "type" not in attrs]
    assert len(run) == 2 and policy.startswith("default-src 'none'") and "http" not in policy
    assert policy.split("script-src ")[1].split() == [
        f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in run
    ]


@pytest.mark.parametrize("case", ["two", "three peak lrs"])
def test_written_twice_it_is_the_same_to_the_last_bit(made, case, tmp_path):
    first = made(case).path.read_bytes()
    again = make(tmp_path, **CASES[case])  # from a store of its own
    assert again.path.read_bytes() == first


def test_twenty_schedules_with_five_seeds_are_small(made):
    from plotly.offline import get_plotlyjs

    assert made("all").path.stat().st_size - len(get_plotlyjs().encode()) < 1.5e6


def test_long_runs_are_thinned():
    x = np.arange(100_003)
    line = curves.sample(x, x / 7, curves.POINTS)
    assert 200 <= len(line["y"]) < 400 and line["start"] + line["every"] * (len(line["y"]) - 1) == x[-1]
    assert line["y"][-1] == x[-1] / 7


# --- texts of others


def test_no_text_of_the_user_can_be_more_than_text(tmp_path, monkeypatch):
    names = dict(cosine=HOSTILE, wsd=HOSTILE + "2")
    plain = build(tmp_path, ["cosine", "wsd"], seeds=(0, 1))
    comparison = renamed(plain, names, dataset=HOSTILE, command=f"python compare.py {HOSTILE}")
    _, tame = read_page(planned(plain), tmp_path)
    monkeypatch.setattr(answer, "control_of", lambda comparison: SimpleNamespace(sentence=HOSTILE))
    _, page = read_page(comparison, tmp_path)
    assert sorted({tag for tag, _ in page.elements}) == sorted({tag for tag, _ in tame.elements})
    assert len(page.all("script")) == len(tame.all("script")) and "<script>document" not in page.text
    assert page.all("title")[0][1].endswith(HOSTILE) and page.all("code")[0][1].endswith(HOSTILE)
    assert {row[1] for row in page.tables()[0][1:]} == set(names.values())
    assert {row["schedule"] for row in page.data()[0]["rows"]} == set(names.values())
    assert HOSTILE in page.answer() and HOSTILE in [text for _, text in page.all("p")]


def test_json_is_valid_and_safe_within_a_script():
    text = as_json(dict(a=[math.nan, math.inf, -math.inf, 1 / 3, 0], b="</script><!--&\u2028"))
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == dict(a=[None, None, None, 0.333333, 0], b="</script><!--&\\u2028")


def test_control_characters_are_seen_and_change_nothing(tmp_path):
    plain = build(tmp_path, ["cosine", "wsd"], seeds=(0, 1))
    names = dict(cosine="co\u202esine\x1b[31m", wsd="w\u2066sd\r")
    comparison = renamed(plain, names, dataset="data\u200f", command="python compare.py \x9b\udc80")
    _, page = read_page(comparison, tmp_path)
    own = page.text.split("<script>")[0]  # before plotly's
    assert "".join(own.split("\n")).isprintable()
    shown = {"co\\u202esine\\x1b[31m", "w\\u2066sd\\r"}
    assert {row[1] for row in page.tables()[0][1:]} == shown
    assert {row["schedule"] for row in page.data()[0]["rows"]} == shown
    assert page.all("title")[0][1].endswith("data\\u200f") and page.all("code")[0][1].endswith("\\x9b\\udc80")


# --- what it says is what the tables say


@pytest.mark.parametrize("case", ["one", "two", "diverged and failed", "all"])
def test_the_ranking_is_the_summarys(made, case):
    head, *cells = made(case).page.tables()[0]
    rows = made(case).comparison.rows
    assert len(cells) == len(rows)
    for shown, row in zip((dict(zip(head, row)) for row in cells), rows):
        entry = row.entry
        assert (shown["#"], shown["schedule"], shown["seeds"]) == (
            str(row.rank),
            entry.scheduler,
            str(entry.seeds),
        )
        loss = shown["final val loss"]
        assert loss.startswith("-" if math.isnan(entry.loss) else f"{entry.loss:.4f}")
        assert ("diverged" in loss, "failed" in loss) == (bool(entry.diverged), bool(entry.failed))
        low, high = row.interval
        if not math.isnan(low):
            assert shown["95% interval"] == f"{low:+.4f} to {high:+.4f}"
    dots = made(case).page.data()[0]["rows"]
    several_seeds = rows[0].entry.seeds > 1
    assert [dot["x"] for dot in dots] == [
        None
        if math.isnan(row.entry.loss)
        else pytest.approx(row.difference if several_seeds else row.entry.loss, rel=1e-5)
        for row in rows
    ]


def test_the_matrix_is_pairs_csv(made):
    page, pairs = made("told apart").page, pairs_of(made("told apart"))
    titles = [attrs["title"] for attrs, _ in page.all("td") if "title" in attrs]
    assert len(titles) == 4 * 3 and set(titles) == {pair["verdict"] for pair in pairs}
    different = sum(float(pair["p_holm"]) < 0.05 for pair in pairs)
    for kind, sign in (("lower", "▼"), ("higher", "▲")):
        marked = page.all("td", **{"class": kind})
        assert 6 > len(marked) == different > 0 and all(text.startswith(sign) for _, text in marked)
    lower = [attrs["title"] for attrs, _ in page.all("td", **{"class": "lower"})]
    assert all(" is significantly lower than " in words for words in lower)
    rows = matrix_of(page)
    for i, row in enumerate(rows):  # the one named as lower is the row's
        for j, cell in enumerate(row[2:]):
            if cell.startswith("▼"):
                words = f"{row[1]} is significantly lower than {rows[j][1]}, by"
                assert any(words in title for title in lower), (i, j)


@pytest.mark.parametrize("case", ["two", "told apart"])
def test_each_pair_of_pairs_csv_has_its_two_cells(made, case):
    rows = matrix_of(made(case).page)
    place = {row[1]: i for i, row in enumerate(rows)}
    pairs, tested = pairs_of(made(case)), made(case).comparison.rankings[STEPS].verdicts.pairs
    assert len(pairs) == len(tested) == 6
    for row in pairs:
        pair = tested[frozenset((row["first"], row["second"]))]
        losses = {entry.scheduler: entry.losses for entry in made(case).comparison.entries}
        assert (float(row["difference"]), row["verdict"]) == (
            pair.difference.mean,
            pair_sentence(pair, losses),
        )
        assert float(row["p_holm"] or "nan") == pytest.approx(pair.p_holm, rel=0, abs=0, nan_ok=True)
        first, second = place[pair.first], place[pair.second]
        for cell in (rows[first][2 + second], rows[second][2 + first]):
            assert float(cell.split()[1]) == pytest.approx(1000 * abs(pair.difference.mean), abs=0.5)


def pairs_of(report):
    write_pairs(report.comparison, report.out)
    with open(report.out / "pairs.csv", newline="") as file:
        return list(csv.DictReader(file))


def matrix_of(page):
    """Its rows: rank, schedule, and a cell for each column."""
    return next(rows for rows in page.tables() if rows[0][:3] == ["#", "schedule", "1"])[1:]


def test_curves_are_the_runs(made):
    loss, lr, norm = made("two").page.data()[1:4]
    for line in lr["series"]["lr"]:
        assert line["y"]["start"] == 0 and line["y"]["every"] == 1
        assert line["y"]["y"] == pytest.approx(
            get_schedule(line["schedule"], STEPS, 0.05, warmup_steps=WARMUP).lrs(), rel=1e-5
        )
    window = STEPS // 20
    for line in loss["series"]["training"]:
        seeds = [r for r in made("two").comparison.results if r.setting.scheduler == line["schedule"]]
        assert len(line["y"]["y"]) == STEPS - window + 1 and line["y"]["start"] == window - 1
        assert (
            all(low <= y <= high for low, y, high in zip(line["low"], line["y"]["y"], line["high"]))
            and len(seeds) == 2
        )
    assert {line["label"] for line in norm["series"]["norm"]} == {"cosine", "wsd", "step", "constant"}


def test_diverged_seeds_are_lines_that_end(made):
    lines = {
        line["schedule"]: line for line in made("diverged and failed").page.data()[1]["series"]["training"]
    }
    assert {name: (len(line["diverged"]), "y" in line) for name, line in lines.items()} == {
        "cosine": (0, True),
        "linear": (1, True),
        "wsd": (2, False),
    }
    assert all(seed["end"] < STEPS and None not in seed["y"] for seed in lines["wsd"]["diverged"])


def test_the_plan_is_the_tree(made):
    plot = next(data for data in made("two").page.data() if "rows" in data and "parent" in data["rows"][0])
    rows = {row["label"]: row for row in plot["rows"]}
    assert {name: (row["start"], row["end"]) for name, row in rows.items()}["wsd"][0] > WARMUP
    assert all(
        row["parent"] is None or plot["rows"][row["parent"]]["end"] > row["start"] for row in rows.values()
    )
    assert sum(row["parent"] is None for row in rows.values()) == 1


def test_theory_has_a_row_for_each_schedule_whose_lrs_are_known(made):
    section = made("all").page.section("theory")
    head, *rows = section.tables()[0]
    bounds = {
        row.scheduler: row.bound
        for row in bound_rows(
            [
                (name, get_schedule(name, STEPS, 0.05, warmup_steps=WARMUP))
                for name in split_specs("all")
                if name != "plateau"
            ]
        )
    }
    column = head.index("convex bound / lowest")
    assert {row[0]: float(row[column]) for row in rows} == pytest.approx(bounds, abs=6e-4)
    assert "rank correlation" in section.text and "law" in section.text
    assert 'id="theory"' not in made("one").page.text


class ConstantLaw:
    """Predicts the same loss of all schedules, whatever it is fitted on."""

    @staticmethod
    def fit(curves):
        return ConstantLaw()

    def predict(self, lrs, steps):
        return np.full(len(steps), 1.5)

    def interval(self, lrs, steps):
        return np.full(len(steps), 1.4), np.full(len(steps), 1.6)


def test_predictions_stand_beside_what_was_measured_of_the_same_at_the_same_peak(tmp_path, monkeypatch):
    specs = ["constant", "cosine", "wsd", "linear", "rex"]
    comparison = build(tmp_path, specs, seeds=(0, 1), peak_lr=0.02, peak_lrs=(0.02, 0.04))
    comparison = planned(replace(comparison, tuned=True))
    best = {row.entry.scheduler: row.entry for row in comparison.judged[STEPS].rows}
    assert {entry.setting.peak_lr for entry in best.values()} == {0.04}
    monkeypatch.setattr(theory, "MultiPowerLaw", ConstantLaw)
    bound, forecast = read_page(comparison, tmp_path)[1].section("theory").tables()

    losses = {row[0]: dict(zip(bound[0], row)) for row in bound[1:]}
    assert {name: row["final validation loss"] for name, row in losses.items()} == {
        name: f"{entry.loss:.4f}" for name, entry in best.items()
    }
    assert {float(row["at peak lr"]) for row in losses.values()} == {e.setting.peak_lr for e in best.values()}

    measured = measured_from(comparison)
    assert measured.peak_lr == 0.02 and measured.what.startswith("training loss")
    rows = {row[0].removesuffix(" (fitted on)"): dict(zip(forecast[0], row)) for row in forecast[1:]}
    assert {name: row["measured"] for name, row in rows.items()} == {
        name: f"{measured.curves[name].losses[-1]:.4f}" for name in specs
    }
    assert all(row["predicted"] == "1.5000" for row in rows.values())
    captions = [text for _, text in read_page(comparison, tmp_path)[1].section("theory").all("caption")]
    assert "best of its peak lrs" in captions[0]
    assert measured.what in captions[1] and "at a peak lr of 2e-2" in captions[1]


def test_several_peak_lrs_have_basins(made):
    case = made("three peak lrs")
    basins = next(data for data in case.page.data() if "peaks" in data)
    assert [peak for peak, _ in basins["peaks"]] == [0.02, 0.04, 0.08] and len(basins["lines"]) == 3
    entries = [row.entry for row in case.comparison.rows]
    losses = {(entry.scheduler, entry.setting.peak_lr): entry.loss for entry in entries}
    for line in basins["lines"]:
        assert line["y"] == pytest.approx([losses[line["schedule"], peak] for peak in line["x"]], rel=1e-5)
        assert line["best"] == min(line["x"], key=lambda peak: losses[line["schedule"], peak])
    options = [attrs["value"] for attrs, _ in case.page.all("option")]
    assert options == ["", "0", "1", "2", "best", "0.02", "0.04", "0.08"]
    lines = case.page.data()[1]["series"]["training"]
    assert len(lines) == 9 and sum(line["best"] for line in lines) == 3


def test_very_many_peak_lrs_leave_each_schedule_its_lowest(tmp_path, monkeypatch):
    monkeypatch.setattr(curves, "MAX_LINES", 4)
    page = make(tmp_path, ["wsd", "cosine"], peak_lrs=(0.01, 0.02, 0.04)).page
    lines = page.data()[1]["series"]["training"]
    assert len(lines) == 2 and all(line["best"] for line in lines)
    assert len(page.all("select")) == 1  # of the baseline
    assert "at the peak lr where it ended lowest" in page.all("figcaption")[1][1]


def test_too_many_schedules_have_no_matrix(tmp_path, monkeypatch):
    monkeypatch.setattr(verdicts, "MAX_TESTED", 2)
    page = make(tmp_path, ["wsd", "cosine", "linear"], seeds=(0, 1)).page
    assert "Nothing is tested: no two" in page.all("section", id="verdicts")[0][1]
    assert not page.all("table", **{"class": "matrix"})
    assert "may be the best" in page.answer()


def test_far_too_many_schedules_are_not_compared(tmp_path, monkeypatch):
    for module in (verdicts, sentences, answer):
        monkeypatch.setattr(module, "MAX_COMPARED", 2)
    page = make(tmp_path, ["wsd", "cosine", "linear"], seeds=(0, 1)).page
    assert "(more than 300 schedules: nothing is compared)" in page.answer()


def test_schedules_of_one_family_differ_in_dash_and_symbol():
    looks = styles([*list_schedules(), *(f"wsd:cooldown=0.{i}" for i in range(1, 10))])
    assert len(set(looks.values())) == len(looks)
    assert looks["wsd"].colour == looks["trapezoid"].colour and looks["wsd"].dash != looks["trapezoid"].dash


# --- the answer


def test_the_answer_says_what_the_seeds_say(made):
    for case in ("two", "told apart"):
        ranking = made(case).comparison.rankings[STEPS]
        first, *others = ranking.rows
        lowest = f"{first.entry.scheduler} ends at the lowest mean validation loss, {first.entry.loss:.4f}"
        undecided = [row for row in others if row.standing.verdict is Verdict.UNDECIDED]
        assert len(undecided) == (1 if case == "told apart" else 3)
        words = sentences.answer(ranking.verdicts)
        assert all(row.entry.scheduler in words for row in undecided)
        assert made(case).page.answer() == f"{lowest}: {words}."
        assert f"{words}." in made(case).page.text
        assert "of all pairs" in made(case).page.text  # how the noise was estimated
    one = made("one seed").page
    assert "no ranking is claimed" in one.answer() and "may be the best" not in one.text.split("<script")[0]
    assert "cosine ends at a validation loss of" in made("one").page.answer()
    for case in ("all diverged", "all failed"):
        assert made(case).page.answer() == "No run completed."
        assert all(row["x"] is None for row in made(case).page.data()[0]["rows"])


def test_one_seed_claims_no_ranking(made):
    page = made("one seed").page
    assert page.answer().startswith("One seed: no ranking is claimed")
    assert page.all("section", id="ranking") and not [
        t for t, a in page.elements if "Ranking" in a.get("aria-label", "")
    ]
    headings = [text for _, text in page.all("h2") + page.all("a")]
    assert "Final losses" in headings and "Ranking" not in headings
    for _, caption in page.all("figcaption")[:2]:  # of the final losses, and of the curves
        assert (
            caption.startswith("One seed, so no ranking is claimed")
            and "lowest" not in caption.split(". ")[0]
        )


def test_the_regime_stands_beside_the_answer(made):
    facts = regime(made("three peak lrs").comparison)
    assert facts == {
        "data": "regression",
        "model": "8 parameters: 4 layers of width 128",
        "tokens per parameter": "5.76k",
        "tokens of a run": "46.1k, 768 per step",
        "steps": "60",
        "peak lr": "2e-2 to 8e-2: the lowest loss at 8e-2, the highest tried",
        "seeds": "3 (0, 1, 2)",
    }
    page = made("three peak lrs").page
    assert dict(zip(*([text for _, text in page.all(tag)] for tag in ("dt", "dd")))) == facts
    assert "model" not in regime(made("all failed").comparison)
    assert regime(made("one seed").comparison)["seeds"] == "one (0)"


@pytest.mark.parametrize(
    "number, words",
    [(0.0321, "0.0321"), (20, "20"), (999, "999"), (999.9, "1k"), (123_456_789, "123M"), (2e9, "2B")],
)
def test_amounts_have_three_digits(number, words):
    assert amount(number) == words


@pytest.mark.parametrize(
    "schedules, ticked",
    [
        (["rex", "wsd"], ["rex", "wsd"]),
        (split_specs("all"), None),
        (["rex", *(f"wsd:cooldown=0.{i}" for i in range(1, 9)), "a", "cosine"], None),
        ([f"wsd:cooldown=0.{i}" for i in range(1, 9)] + ["wsd"], None),
    ],
)
def test_at_first_the_known_ones_and_the_best_two_are_ticked(schedules, ticked):
    shown = [schedules[place] for place in choices.first_ticks(schedules)]
    kinds = {name.split(":")[0] for name in schedules} & {"constant", "cosine", "wsd"}
    assert shown == ticked or (shown[:2] == schedules[:2] and len(shown) <= 5)
    assert kinds <= {name.split(":")[0] for name in shown}
    assert "wsd" not in schedules or "wsd" in shown


def test_each_dot_has_its_difference_to_every_other(made):
    rows, pairs = made("told apart").page.data()[0]["rows"], pairs_of(made("told apart"))
    place = {row["schedule"]: i for i, row in enumerate(rows)}
    for pair in pairs:
        first, second = place[pair["first"]], place[pair["second"]]
        expected = [float(pair[name]) for name in ("difference", "low", "high")]
        assert rows[second]["against"][first] == pytest.approx(expected, rel=1e-5)
        assert rows[first]["against"][second] == pytest.approx(
            [-expected[0], -expected[2], -expected[1]], rel=1e-5
        )


def test_labels_beside_rows_are_told_apart_on_a_narrow_page(tmp_path):
    specs = [f"wsd:cooldown=0.4000000000000001,shape=sqrt,final_lr_ratio=0.0{i}" for i in range(1, 5)]
    for data in make(tmp_path, [*specs, "cosine"], seeds=(0, 1)).page.data():
        if "rows" in data:
            for width, most in (("narrow", 21), ("wide", 44)):
                shown = [row[width] for row in data["rows"]]
                assert len(set(shown)) == len(shown) and max(map(len, shown)) <= most


# --- from the command line


@pytest.fixture
def compare(cli, toml, tmp_path):
    toml()

    def run(*args):
        done = cli("compare.py", "--config", "tiny.toml", "--out", "out", *args)
        assert done.code == 0, done.err
        assert [line for line in done.out.splitlines() if line.startswith("out")][0].replace(
            "\\", "/"
        ) == "out/report.html"
        return Page((tmp_path / "out" / "report.html").read_text(encoding="utf-8"))

    return run


def test_the_files_beside_it_are_there(compare, tmp_path, no_figures):
    for options in (["--seeds", "0"], ["--seeds", "0,1"], ["--seeds", "0,1", "--tune"]):
        page = compare("--schedulers", "cosine,constant", *options)
        links = {attrs["href"] for attrs, _ in page.all("a") if attrs["href"][0] != "#"}
        there = {path.name for path in (tmp_path / "out").iterdir() if path.is_file()}
        assert {name for name in there if name.endswith(".csv")} <= links <= there


def test_horizons(compare):
    page = compare("--schedulers", "cosine,constant", "--seeds", "0,1", "--steps", "12,6")
    first = r"At 12 steps, cosine ends lower at twice the peak lr \(.*\): the ranking below .* or --tune\. "
    assert re.match(first + r"At 6 steps, \w+ ends .* At 12 steps, \w+ ends", page.answer())
    options = [(attrs["value"], "selected" in attrs) for attrs, _ in page.all("option")]
    assert options == [
        *[("", True), ("0", False), ("1", False)],  # the baseline
        ("6", False),
        ("12", True),
    ]
    assert len(page.all("table", **{"class": "matrix"})) == 2
    assert "--steps 12,6" in page.all("code")[0][1] and ["steps", "12"] in page.tables()[-1]


def test_tuned(compare, tmp_path, no_figures):
    page = compare("--schedulers", "cosine,constant", "--seeds", "0-3", "--tune")
    with open(tmp_path / "out" / "tuned.csv", newline="") as file:
        tuned = list(csv.DictReader(file))
    lowest = f"{tuned[0]['scheduler']} ends at the lowest mean validation loss"
    words = f"With each schedule at its own best peak lr, {lowest}, {float(tuned[0]['final_val_loss']):.4f}"
    assert page.answer().startswith(words)
    assert [(row[0], row[1], row[-1]) for row in page.tables()[0][1:]] == [
        (row["rank"], row["scheduler"], row["common_rank"]) for row in tuned
    ]
    (words,) = {attrs["title"] for attrs, _ in page.all("td") if "title" in attrs}
    assert "with 2 seeds" in words or "significantly" in words
    assert tuned[1]["verdict"] in page.text
    hollow = next(data for data in page.data() if "rows" in data and "hollow" in data["rows"][0])
    higher = [float(row["common_final_val_loss"]) - float(row["tuning_val_loss"]) for row in tuned]
    judged = [float(row["final_val_loss"]) for row in tuned]
    for row, loss, by, written in zip(hollow["rows"], judged, higher, tuned):
        assert row["x"] == pytest.approx(loss, rel=1e-5)
        assert row["hollow"] == pytest.approx(loss + by, rel=1e-5)
        if written["rank"] != "1":  # the table's interval, from the best's loss on
            ends = [judged[0] + float(written[end]) for end in ("to_best_low", "to_best_high")]
            assert [row["low"], row["high"]] == pytest.approx(ends, rel=1e-4)
    assert "Peak lrs are chosen with seeds 0, 1; losses and verdicts are of seeds 2, 3." in page.text
    assert "Choosing the peak lrs took" in page.text


def test_carry_over_has_no_plan_and_says_what_it_is(compare):
    page = compare("--schedulers", "cosine,constant", "--protocol", "carry-over")
    assert (
        not page.all("section", id="plan")
        and "the order in which they ran is most of this ranking" in page.all("header")[0][1]
    )


def test_the_control_is_told(compare, no_figures):
    page = compare("--schedulers", "cosine", "--aa", "--seeds", "0,1")
    assert "A/A: cosine with seeds 0,1 against 2,3" in page.all("header")[0][1]


def test_a_peak_lr_at_which_every_seed_diverged_is_said_without_a_mean():
    good = [result("cosine", 2.0 + seed / 100, peak_lr=0.01, seed=seed) for seed in range(2)]
    gone = [result("cosine", None, "diverged", peak_lr=9.0, seed=seed) for seed in range(2)]
    table = next(block for block in peak_lrs(comparison_of([*good, *gone])) if isinstance(block, Table))
    assert "× a seed diverged or failed" in str(table.rows) and "nan" not in str(table.rows)
