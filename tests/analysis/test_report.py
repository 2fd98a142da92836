"""report.html, read as a browser without JavaScript reads it, and its plots' data."""

import base64
import csv
import hashlib
import json
import math
import re
from html.parser import HTMLParser
from types import SimpleNamespace

import pytest
from test_figures import STEPS, WARMUP, build

from analysis import report_plots, tables
from analysis.bounds import bound_rows
from analysis.cost import sweep_cost
from analysis.manifest import write_manifest
from analysis.report.markup import as_json, styles
from analysis.report.page import write_report
from analysis.stats import all_pairs
from analysis.tables import pair_rows, write_tables
from nanosched.config import Config
from schedulers import get_schedule, list_schedules, split_specs
from sweep.plan import make_schedules, plan_branches, plan_runs

CONFIG = Config(steps=STEPS, warmup_steps=WARMUP, device="cpu", dtype="float32", compile="false")
HOSTILE = "</script><script>document.title='owned'</script><!-- <b>\"x\" & 'y' $x$ %{x} \\u003c"


class Page(HTMLParser):
    """What the tests look at: every element's attributes, the text of each cell, heading and script."""

    def __init__(self, text):
        super().__init__()
        self.text, self.elements, self.open, self.texts = text, [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.texts.append("")
        if tag not in ("meta", "input", "path"):
            self.open.append((tag, len(self.elements) - 1))

    def handle_endtag(self, tag):
        while tag != "path" and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data):
        for _, i in self.open:
            self.texts[i] += data

    def all(self, tag, **attrs):
        """(attributes, text) of every such element."""
        return [
            (own, text)
            for (name, own), text in zip(self.elements, self.texts)
            if name == tag and attrs.items() <= own.items()
        ]

    def tables(self):
        """Rows of cells, of each table."""
        found = []
        for (tag, _), text in zip(self.elements, self.texts):
            if tag == "table":
                found.append([])
            elif tag == "tr":
                found[-1].append([])
            elif tag in ("td", "th"):
                found[-1][-1].append(text)
        return found

    def data(self):
        """The data of each plot."""
        return [
            json.loads(text, parse_constant=pytest.fail)
            for attrs, text in self.all("script", type="application/json")
            if "id" not in attrs
        ]

    def answer(self):
        return self.all("p", **{"class": "answer"})[0][1]


def keep_manifest(out, rows, command="python compare.py", dataset="regression"):
    about = SimpleNamespace(
        name=dataset, tokenizer="char", vocab_size=8, fingerprint="f00", train=range(900), val=range(100)
    )
    write_manifest(out, [], rows, CONFIG, about, "fresh", command, sweep_cost(out, rows))


def plan(labels, seeds, peak_lrs=(0.05,)):
    return plan_branches(
        [
            SimpleNamespace(**{**vars(run), "id": str(i)})
            for i, run in enumerate(
                plan_runs(CONFIG, make_schedules(CONFIG, labels, peak_lrs, [STEPS]), list(seeds), None)
            )
        ],
        CONFIG,
    )


def make(out, specs, seeds=(0,), **how):
    rows, summary = build(out, specs, seeds=seeds, **how)
    keep_manifest(out, rows)
    names = [spec if isinstance(spec, str) else spec[0] for spec in specs]
    return write_report(out, rows, summary, plan(names, seeds)), rows, summary


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
            out = tmp_path_factory.mktemp("out")
            path, rows, summary = make(out, **CASES[case])
            known[case] = SimpleNamespace(
                page=Page(path.read_text(encoding="utf-8")), path=path, rows=rows, summary=summary, out=out
            )
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
    assert {attrs["href"][1:] for attrs, _ in page.all("a")} <= set(ids)
    assert page.all("noscript") and page.elements[0] == ("html", {"lang": "en"})
    assert "nan" not in re.sub("<script.*?</script>", "", page.text, flags=re.S).lower().split()


def test_nothing_is_loaded_and_only_its_own_scripts_may_run(made):
    page = made("two").page
    assert not any(
        name in attrs
        for _, attrs in page.elements
        for name in ("src", "srcset", "action", "onclick", "onerror")
    )
    assert all(attrs["href"].startswith("#") for _, attrs in page.elements if "href" in attrs)
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
    again, *_ = make(tmp_path, **CASES[case])  # from a store of its own
    assert again.read_bytes() == first


def test_twenty_schedules_with_five_seeds_are_small(made):
    from plotly.offline import get_plotlyjs

    assert made("all").path.stat().st_size - len(get_plotlyjs().encode()) < 1.5e6


def test_long_runs_are_thinned():
    x = report_plots.np.arange(100_003)
    line = report_plots.sample(x, x / 7, report_plots.POINTS)
    assert 200 <= len(line["y"]) < 400 and line["start"] + line["every"] * (len(line["y"]) - 1) == x[-1]
    assert line["y"][-1] == x[-1] / 7


# --- texts of others


def test_no_text_of_the_user_can_be_more_than_text(tmp_path):
    names = dict(cosine=HOSTILE, wsd=HOSTILE + "2")
    rows, _ = build(tmp_path, ["cosine", "wsd"], seeds=(0, 1))
    rows = [row | dict(scheduler=names[row["scheduler"]]) for row in rows]
    keep_manifest(tmp_path, rows, command=f"python compare.py {HOSTILE}", dataset=HOSTILE)
    branches = plan(["cosine", "wsd"], (0, 1))
    for branch in branches:
        branch.run.label = names[branch.run.label]
    page = Page(
        write_report(tmp_path, rows, write_tables(tmp_path, rows), branches, control=HOSTILE).read_text(
            encoding="utf-8"
        )
    )
    tame = Page(make(tmp_path / "tame", ["cosine", "wsd"], seeds=(0, 1))[0].read_text(encoding="utf-8"))
    assert sorted({tag for tag, _ in page.elements}) == sorted({tag for tag, _ in tame.elements})
    assert len(page.all("script")) == len(tame.all("script")) and "<script>document" not in page.text
    assert page.all("title")[0][1].endswith(HOSTILE) and page.all("code")[0][1].endswith(HOSTILE)
    assert {row[1] for row in page.tables()[0][1:]} == set(names.values())
    assert {row["schedule"] for row in page.data()[0]["rows"]} == set(names.values())
    assert HOSTILE in page.answer()


def test_json_is_valid_and_safe_within_a_script():
    text = as_json(dict(a=[math.nan, math.inf, -math.inf, 1 / 3, 0], b="</script><!--&\u2028"))
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == dict(a=[None, None, None, 0.333333, 0], b="</script><!--&\u2028")


# --- what it says is what the tables say


@pytest.mark.parametrize("case", ["one", "two", "diverged and failed", "all"])
def test_the_ranking_is_the_summarys(made, case):
    head, *cells = made(case).page.tables()[0]
    assert len(cells) == len(made(case).summary)
    for row, line in zip(cells, made(case).summary):
        shown = dict(zip(head, row))
        assert (shown["#"], shown["schedule"], shown["seeds"]) == (
            str(line["rank"]),
            line["scheduler"],
            str(line["seeds"]),
        )
        loss = line["final_val_loss"]
        assert shown["final validation loss"].startswith("-" if math.isnan(loss) else f"{loss:.4f}")
        assert ("diverged" in shown["final validation loss"], "failed" in shown["final validation loss"]) == (
            line["diverged"] > 0,
            line["failed"] > 0,
        )
        if not math.isnan(line.get("to_best_low", math.nan)):
            assert shown["95% interval"] == f"{line['to_best_low']:+.4f} to {line['to_best_high']:+.4f}"
    dots = made(case).page.data()[0]["rows"]
    value = "to_best" if made(case).summary[0]["seeds"] > 1 else "final_val_loss"
    assert [row["x"] for row in dots] == [
        None if math.isnan(line["final_val_loss"]) else pytest.approx(line[value], rel=1e-5)
        for line in made(case).summary
    ]


def test_the_matrix_is_pairs_csv(made):
    page, out = made("told apart").page, made("told apart").out
    with open(out / "pairs.csv", newline="") as file:
        pairs = list(csv.DictReader(file))
    titles = [attrs["title"] for attrs, _ in page.all("td") if "title" in attrs]
    assert len(titles) == 4 * 3 and set(titles) == {pair["verdict"] for pair in pairs}
    told = sum(float(pair["p_holm"]) < 0.05 for pair in pairs)
    for kind, sign in (("lower", "▼"), ("higher", "▲")):
        marked = page.all("td", **{"class": kind})
        assert 6 > len(marked) == told > 0 and all(text.startswith(sign) for _, text in marked)
    lower = [attrs["title"] for attrs, _ in page.all("td", **{"class": "lower"})]
    assert all(" is lower than " in words for words in lower)
    rows = next(table for table in page.tables() if table[0][:2] == ["#", "schedule"] and table[0][2] == "1")[
        1:
    ]
    for i, row in enumerate(rows):  # the one named as lower is the row's
        for j, cell in enumerate(row[2:]):
            if cell.startswith("▼"):
                assert any(f"{row[1]} is lower than {rows[j][1]} by" in words for words in lower), (i, j)


def test_curves_are_the_runs(made):
    loss, lr, norm = made("two").page.data()[1:4]
    for line in lr["series"]["lr"]:
        assert line["y"]["start"] == 0 and line["y"]["every"] == 1
        assert line["y"]["y"] == pytest.approx(
            get_schedule(line["schedule"], STEPS, 0.05, warmup_steps=WARMUP).lrs(), rel=1e-5
        )
    window = STEPS // 20
    for line in loss["series"]["training"]:
        ends = [row["final_train_loss"] for row in made("two").rows if row["scheduler"] == line["schedule"]]
        assert len(line["y"]["y"]) == STEPS - window + 1 and line["y"]["start"] == window - 1
        assert (
            all(low <= y <= high for low, y, high in zip(line["low"], line["y"]["y"], line["high"]))
            and len(ends) == 2
        )
    assert {line["label"] for line in norm["series"]["norm"]} == {"cosine", "wsd", "step", "constant"}


def test_diverged_seeds_are_lines_that_end(made):
    lines = {
        line["schedule"]: line for line in made("diverged and failed").page.data()[1]["series"]["training"]
    }
    assert {name: (len(line["lost"]), "y" in line) for name, line in lines.items()} == {
        "cosine": (0, True),
        "linear": (1, True),
        "wsd": (2, False),
    }
    assert all(lost["end"] < STEPS and None not in lost["y"] for lost in lines["wsd"]["lost"])


def test_the_plan_is_the_tree(made):
    plot = next(data for data in made("two").page.data() if "rows" in data and "parent" in data["rows"][0])
    rows = {row["label"]: row for row in plot["rows"]}
    assert {name: (row["start"], row["end"]) for name, row in rows.items()}["wsd"][0] > WARMUP
    assert all(
        row["parent"] is None or plot["rows"][row["parent"]]["end"] > row["start"] for row in rows.values()
    )
    assert sum(row["parent"] is None for row in rows.values()) == 1


def test_theory_has_a_row_for_each_schedule_whose_lrs_are_known(made):
    report = made("all")
    (section,) = re.findall('<section id="theory".*?</section>', report.page.text, flags=re.S)
    (listed,) = Page(section).tables()
    bounds = {
        row["scheduler"]: row["bound"]
        for row in bound_rows(
            [
                (name, get_schedule(name, STEPS, 0.05, warmup_steps=WARMUP))
                for name in split_specs("all")
                if name != "plateau"
            ]
        )
    }
    assert {row[0]: float(row[2]) for row in listed[1:]} == pytest.approx(bounds, abs=6e-4)
    assert "rank correlation" in section and "law" in section
    assert 'id="theory"' not in made("one").page.text


def test_several_peak_lrs_have_basins(made):
    case = made("three peak lrs")
    basins = next(data for data in case.page.data() if "peaks" in data)
    assert [peak for peak, _ in basins["peaks"]] == [0.02, 0.04, 0.08] and len(basins["lines"]) == 3
    losses = {(line["scheduler"], line["peak_lr"]): line["final_val_loss"] for line in case.summary}
    for line in basins["lines"]:
        assert line["y"] == pytest.approx([losses[line["schedule"], peak] for peak in line["x"]], rel=1e-5)
        assert line["best"] == min(line["x"], key=lambda peak: losses[line["schedule"], peak])
    assert [attrs["value"] for attrs, _ in case.page.all("option")] == ["best", "0.02", "0.04", "0.08"]
    curves = case.page.data()[1]["series"]["training"]
    assert len(curves) == 9 and sum(line["best"] for line in curves) == 3


def test_very_many_peak_lrs_leave_each_schedule_its_lowest(tmp_path, monkeypatch):
    monkeypatch.setattr(report_plots, "MOST_LINES", 4)
    page = Page(make(tmp_path, ["wsd", "cosine"], peak_lrs=(0.01, 0.02, 0.04))[0].read_text(encoding="utf-8"))
    curves = page.data()[1]["series"]["training"]
    assert len(curves) == 2 and all(line["best"] for line in curves) and not page.all("option")
    assert "at the peak lr where it ended lowest" in page.all("figcaption")[1][1]


def test_too_many_schedules_have_no_matrix(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "MOST_VERDICTS", 2)
    page = Page(make(tmp_path, ["wsd", "cosine", "linear"], seeds=(0, 1))[0].read_text(encoding="utf-8"))
    assert "Nothing is tested: no two" in page.all("section", id="verdicts")[0][1]
    assert (
        not page.all("table", **{"class": "matrix"})
        and "(more than 2 schedules: nothing is tested)" in page.answer()
    )


def test_schedules_of_one_family_differ_in_dash_and_symbol():
    looks = styles([*list_schedules(), *(f"wsd:cooldown=0.{i}" for i in range(1, 10))])
    assert len({tuple(look.values()) for look in looks.values()}) == len(looks)
    assert (
        looks["wsd"]["colour"] == looks["trapezoid"]["colour"]
        and looks["wsd"]["dash"] != looks["trapezoid"]["dash"]
    )


# --- the answer


def test_the_answer_says_what_the_seeds_say(made):
    for case in ("two", "told apart"):
        first, *others = made(case).summary
        said = f"{first['scheduler']} ends at the lowest mean validation loss, {first['final_val_loss']:.4f}: it {first['verdict']}"
        undecided = [line["scheduler"] for line in others if "cannot be told apart" in line["verdict"]]
        assert made(case).page.answer() == said + (
            f", and not from {undecided[0]}." if case == "told apart" else "."
        )
        assert len(undecided) == (1 if case == "told apart" else 3)
    one = made("one seed").page
    assert "no ranking is claimed" in one.answer() and "ranks first" not in one.text.split("<script")[0]
    assert "cosine ends at a validation loss of" in made("one").page.answer()
    for case in ("all diverged", "all failed"):
        assert made(case).page.answer() == "No run came to its end."
        assert all(row["x"] is None for row in made(case).page.data()[0]["rows"])


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


def test_horizons(compare):
    page = compare("--schedulers", "cosine,constant", "--seeds", "0,1", "--steps", "12,6")
    assert re.match(r"At 6 steps, \w+ ends .* At 12 steps, \w+ ends", page.answer())
    assert [(attrs["value"], "selected" in attrs) for attrs, _ in page.all("option")] == [
        ("6", False),
        ("12", True),
    ]
    assert len(page.all("table", **{"class": "matrix"})) == 2
    assert "--steps 12,6" in page.all("code")[0][1] and ["steps", "12"] in page.tables()[-1]


def test_tuned(compare, tmp_path):
    page = compare("--schedulers", "cosine,constant", "--seeds", "0,1", "--tune")
    with open(tmp_path / "out" / "tuned.csv", newline="") as file:
        tuned = list(csv.DictReader(file))
    assert page.answer().startswith(
        f"With each schedule at its own best peak lr, {tuned[0]['scheduler']} ends at the lowest mean validation loss, {float(tuned[0]['final_val_loss']):.4f}"
    )
    assert [(row[0], row[1], row[-1]) for row in page.tables()[0][1:]] == [
        (row["rank"], row["scheduler"], row["common_rank"]) for row in tuned
    ]
    (verdict,) = {attrs["title"] for attrs, _ in page.all("td") if "title" in attrs}
    assert verdict == tuned[1]["verdict"]
    hollow = next(data for data in page.data() if "rows" in data and "hollow" in data["rows"][0])
    assert [row["hollow"] for row in hollow["rows"]] == pytest.approx(
        [float(row["common_final_val_loss"]) for row in tuned], rel=1e-5
    )


def test_carry_over_has_no_plan_and_says_what_it_is(compare):
    page = compare("--schedulers", "cosine,constant", "--protocol", "carry-over")
    assert (
        not page.all("section", id="plan")
        and "the order in which they ran is most of this ranking" in page.all("header")[0][1]
    )


def test_the_control_is_told(compare):
    page = compare("--schedulers", "cosine", "--aa", "--seeds", "0,1")
    assert "A/A: cosine with seeds 0,1 against 2,3" in page.all("header")[0][1]


def test_pairs_come_back_from_pairs_csv(made):
    from analysis.report.tables import read_pairs

    lines = made("two").summary
    read, made_anew = (
        read_pairs(made("two").out, STEPS),
        all_pairs({line["scheduler"]: line["losses"] for line in lines}),
    )
    assert len(read) == len(made_anew) == len(pair_rows(lines))
    for ((first, _), (second, _)), (difference, p, words) in read.items():
        pair = made_anew[frozenset((first, second))]
        assert (difference, words) == (pair.difference.mean, pair.verdict) and (
            p == pair.p_holm or math.isnan(p) and math.isnan(pair.p_holm)
        )
