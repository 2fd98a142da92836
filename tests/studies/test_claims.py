"""Verdicts on claims from losses by a formula, whose differences are known, and the page on them."""

import json
import math
import sys
from dataclasses import replace
from zlib import crc32

import numpy as np
import pytest

from nanosched.csv_files import write_csv
from studies.claims import __main__
from studies.claims.all_claims import CLAIMS
from studies.claims.claim import (
    BASE,
    BELOW_ZERO,
    FEWEST,
    HORIZONS,
    INF,
    Cell,
    Choice,
    Claim,
    Question,
    Verdict,
    difference,
    tuned,
)
from studies.claims.estimate import drawn, student
from studies.claims.grid import grid_of
from studies.claims.judge import judge
from studies.claims.peaks import at_the_end, judged, judged_together, mean_losses
from studies.claims.runs import Runs, key_of, read_runs
from studies.claims.settings import (
    CONSTANT,
    COSINE,
    COSINE_TO_TENTH,
    LINEAR,
    WSD,
    WSD_POWER,
    WSD_SQRT,
)

HOLDS, FAILS, UNTOLD = Verdict
THREE, FIVE = (0, 1, 2), (0, 1, 2, 3, 4)
BEST = dict(zip(WSD.values(), (-7.0, -6.8, -6.4, -6.1, -6.0, -5.9)))  # log2 of the best peak lr
BEST |= {CONSTANT: -7.3, COSINE: -6.1, COSINE_TO_TENTH: -6.3, WSD_SQRT: -6.7, WSD_POWER: -5.8}
LEVELS = dict(zip(WSD.values(), (0.030, 0.018, 0.006, 0.0, 0.002, 0.006)))
LEVELS |= {CONSTANT: 0.15, COSINE: 0.008, COSINE_TO_TENTH: 0.024, WSD_SQRT: 0.012, WSD_POWER: -0.012}
LEVELS |= {spec: 0.008 + 0.25 * ratio for ratio, spec in LINEAR.items()}


def loss_of(cell, seed, levels=LEVELS, noise=5e-4, turned=FEWEST):
    """A basin around the schedule's best peak, a seed's effect, and noise; in one regime the order turns."""
    octaves = math.log2(cell.peak_lr) - BEST.get(cell.schedule, -6.1)
    octaves += 0.3 * math.log2(cell.regime.tokens_per_parameter / 20) if cell.regime in HORIZONS else 0
    level = levels[cell.schedule] * (-1 if cell.regime == turned else 1)
    if cell.average:
        level = 0.2 * level if cell.schedule == CONSTANT else level - 0.004
    key = crc32(f"{cell.schedule} {cell.average} {cell.peak_lr} {cell.regime} {seed}".encode())
    own = np.random.Generator(np.random.Philox(key=key)).normal()
    return 1.8 + level + 0.02 * octaves**2 + 0.01 * math.sin(3 * seed) + noise * own


def cells_and_seeds():
    """All that the claims name: three seeds, and five of the base regime at the two middle peaks."""
    found = {}
    for claim in CLAIMS:
        for question in (claim.primary, *claim.beside):
            for choice in question.statistic.choices:
                for cell in (cell for regime in choice.regimes for cell in choice.cells(regime)):
                    found[cell] = FIVE if cell.regime == BASE and cell.peak_lr in (8e-3, 1.6e-2) else THREE
    return found


def runs_of(losses):
    """Runs from {Cell: {seed: loss}}."""
    return Runs({key_of(c.regime, c.schedule, c.peak_lr, c.average): rows for c, rows in losses.items()})


def all_runs(**formula):
    return runs_of(
        {cell: {s: loss_of(cell, s, **formula) for s in seeds} for cell, seeds in cells_and_seeds().items()}
    )


def verdicts(study):
    return {judged.claim.number: judged.primary.verdict for judged in study.judged}


def write_data(folder, without=lambda cell: False):
    """Folders as compare.py writes them: one for each width and warmup."""
    by_folder = {}
    for cell, seeds in cells_and_seeds().items():
        if not without(cell):
            by_folder.setdefault((cell.regime.width, cell.regime.warmup_steps), []).append((cell, seeds))
    for (width, warmup), cells in by_folder.items():
        (out := folder / f"{width}-{warmup}").mkdir(parents=True)
        rows = [
            dict(
                scheduler=cell.schedule,
                params="",
                peak_lr=cell.peak_lr,
                seed=seed,
                steps=cell.regime.steps,
                status="complete",
                final_val_loss=loss_of(cell, seed),
                average=cell.average,
            )
            for cell, seeds in cells
            for seed in seeds
        ]
        write_csv(out / "runs.csv", list(rows[0]), rows)
        write_manifest(out, width, warmup)


def write_manifest(out, width, warmup, text="tinyshakespeare.txt"):
    config = dict(n_embd=width, warmup_steps=warmup, batch_size=16, block_size=64)
    (out / "manifest.json").write_text(json.dumps(dict(config=config, dataset=dict(name=text))))


def call(monkeypatch, *args):
    monkeypatch.setattr(sys, "argv", ["claims", *map(str, args)])
    __main__.main()


# -- verdicts


def test_what_was_built_into_the_losses_is_found():
    study = judge(all_runs(), CLAIMS)
    assert not study.left_out
    found = verdicts(study)
    assert found.pop("13") is FAILS  # the formula's order is the same at every horizon
    assert found.pop("14") is not FAILS  # nine settings
    assert set(found.values()) == {HOLDS}, found
    values = {j.claim.number: j.primary.estimate for j in study.judged}
    # the grid's peaks are up to half an octave from the best: 0.005 at most
    assert values["1"].value == pytest.approx(-0.016, abs=0.005)
    assert values["9"].value == pytest.approx(0.025, abs=1e-3)
    assert values["11"].value == pytest.approx(-0.3, abs=0.05)
    assert values["11"].by_seed == pytest.approx(dict.fromkeys(THREE, -0.3), abs=0.1)
    assert values["7b"].value == pytest.approx(0.8, abs=0.06)
    assert values["12"].value == pytest.approx(-0.142, abs=0.01)


def test_the_opposite_does_not_hold():
    levels = {spec: -2 * level for spec, level in LEVELS.items()}
    claims = [claim for claim in CLAIMS if claim.number not in ("11", "13", "14")]
    found = verdicts(judge(all_runs(levels=levels, turned=None), claims))
    for number in ("1", "3", "4", "5", "7a", "9", "10"):
        assert found[number] is FAILS, number
    assert found["12"] is HOLDS and found["6"] is HOLDS  # peaks are as before


def test_without_differences_nothing_can_be_told_but_the_tie():
    levels = dict.fromkeys(LEVELS, 0.0)
    claims = [claim for claim in CLAIMS if claim.number in ("2", "4")]
    tie, one = judge(all_runs(levels=levels, noise=2e-3), claims).judged
    assert tie.primary.verdict is HOLDS
    assert one.primary.verdict is UNTOLD
    low, high = one.primary.interval
    assert low < 0 < high and (one.primary.seeds_needed or 1001) > 3


@pytest.mark.parametrize(
    "value, expected",
    [(0.0, HOLDS), (0.02, FAILS), (-0.02, FAILS), (0.005, UNTOLD)],
)
def test_a_tie_is_an_interval_within_the_margin(value, expected):
    question = Question("", None, holds=(-0.005, 0.005))
    estimate = student(value, error=1e-3, df=4, by_seed=dict.fromkeys(range(5), value))
    assert question.verdict(*estimate.interval(0.05)) is expected
    assert (estimate.p(question) < 0.05) == (expected is not UNTOLD)


@pytest.mark.parametrize("value, error", [(-0.01, 2e-3), (0.01, 2e-3), (0.001, 2e-3), (-0.0056, 2e-3)])
def test_the_level_of_a_verdict_is_the_t_test(value, error):
    from scipy import stats

    question = Question("", None, BELOW_ZERO)
    estimate = student(value, error, df=4, by_seed=dict.fromkeys(range(5), value))
    p = estimate.p(question)
    assert p == pytest.approx(2 * stats.t.sf(abs(value) / error, 4))
    assert question.verdict(*estimate.interval(p * 0.99)) is UNTOLD
    assert question.verdict(*estimate.interval(p * 1.01)) is (HOLDS if value < 0 else FAILS)


def test_a_region_of_its_own_for_does_not_hold():
    question = Question("", None, holds=(0.0, INF), fails=(-INF, 0.005))
    assert [
        question.verdict(*ends) for ends in ((0.001, 0.01), (0.0, 0.0), (-1e-3, 4e-3), (-1e-3, 9e-3))
    ] == [
        HOLDS,
        FAILS,
        FAILS,
        UNTOLD,
    ]


def test_draws_say_as_much_as_the_normal_that_they_are_from():
    draws = np.random.Generator(np.random.Philox(key=1)).normal(2.0, 1.0, 100_000)
    estimate = drawn(2.0, 3, draws)
    assert estimate.interval(0.05) == pytest.approx((2 - 1.96, 2 + 1.96), abs=0.03)
    assert estimate.p(Question("", None, (0.0, INF))) == pytest.approx(0.0455, abs=3e-3)
    assert drawn(2.0, 3, draws + 50).p(Question("", None, (0.0, INF))) > 0  # no draw is sure


def test_holms_correction_widens_the_intervals_and_is_over_the_claims_that_are_there():
    def claim(number):
        question = Question("", difference(tuned(WSD[0.2]), tuned(COSINE)), BELOW_ZERO)
        return Claim(number, "", "", "", "", question)

    runs = all_runs(levels=dict.fromkeys(LEVELS, 0.0), noise=2e-3)
    (alone,) = judge(runs, [claim("a")]).judged
    many = judge(runs, [claim(n) for n in "abcd"]).judged
    assert alone.primary.alpha == 0.05
    assert {j.primary.alpha for j in many} == {0.0125}
    assert many[0].primary.interval[0] < alone.primary.interval[0]


def test_a_slope_of_best_peaks_that_lie_at_the_end_of_the_grid_is_left_out():
    losses = {cell: dict.fromkeys(seeds, -cell.peak_lr) for cell, seeds in cells_and_seeds().items()}
    for cell, row in losses.items():
        losses[cell] = {seed: loss + 1e-3 * math.sin(seed * cell.peak_lr) for seed, loss in row.items()}
    study = judge(runs_of(losses), [claim for claim in CLAIMS if claim.number in ("6", "11")])
    assert not study.judged
    assert study.left_out["Claim 6"] == "6 of 6 best peaks are at an end of the grid"
    assert study.left_out["Claim 11"] == "36 of 36 best peaks are at an end of the grid"


def test_a_run_and_its_average_have_noise_of_their_own():
    """Averages that are 0.003 better in every seed, give or take 1e-4, far below the noise of runs."""

    def losses(cell):
        plain = {seed: loss_of(replace(cell, average=""), seed, noise=5e-3) for seed in FIVE}
        return {seed: loss - bool(cell.average) * (3e-3 + 1e-4 * seed) for seed, loss in plain.items()}

    runs = runs_of({cell: losses(cell) for cell in cells_and_seeds()})
    (found,) = judge(runs, [claim for claim in CLAIMS if claim.number == "8"]).judged
    assert found.primary.verdict is HOLDS
    assert found.primary.estimate.value == pytest.approx(-3.2e-3)
    # 0, 1, 2, 3, 4 times 1e-4: 2.776 * 1.581e-4 / sqrt(5)
    assert np.ptp(found.primary.interval) / 2 == pytest.approx(1.963e-4, rel=1e-3)


# -- peaks


def test_the_seed_that_judges_does_not_choose():
    low, high = (Cell(BASE, CONSTANT, peak) for peak in (4e-3, 8e-3))
    losses = {low: {0: 1.0, 1: 3.0, 2: 3.0}, high: {0: 2.0, 1: 1.0, 2: 2.0}}
    choice = tuned(CONSTANT, peaks=(4e-3, 8e-3))
    # 0: the others prefer high (1.5 to 3); 1: a tie of 2 and 2, the first; 2: high (1.5 to 2)
    assert judged(runs_of(losses), choice) == {0: 2.0, 1: 3.0, 2: 2.0}


def test_what_is_compared_has_its_peaks_chosen_by_the_same_seeds():
    """The same losses in each seed; by a fourth, which the average lacks, the runs would choose high."""
    losses = {4e-3: {0: 1.0, 1: 1.1, 2: 1.2}, 8e-3: {0: 1.1, 1: 1.2, 2: 1.3}}
    plain = {4e-3: losses[4e-3] | {3: 9.0}, 8e-3: losses[8e-3] | {3: 1.4}}
    average = "ema:decay=0.9"
    runs = {Cell(BASE, CONSTANT, peak): row for peak, row in plain.items()}
    runs |= {Cell(BASE, CONSTANT, peak, average): row for peak, row in losses.items()}
    runs, peaks = runs_of(runs), (4e-3, 8e-3)
    alone = tuned(CONSTANT, peaks=peaks)
    assert judged(runs, alone)[0] == 1.1
    together = judged_together(runs, [alone, Choice((CONSTANT,), peaks=peaks, averages=(average,))])
    assert together == [losses[4e-3], losses[4e-3]]


def test_the_seeds_are_those_that_two_peaks_have():
    low, high = (Cell(BASE, CONSTANT, peak) for peak in (4e-3, 8e-3))
    losses = {low: {0: 1.0, 1: 1.0, 2: 1.0}, high: {0: 2.0, 1: 2.0, 2: 2.0, 3: -50.0}}
    runs = runs_of(losses)
    assert judged(runs, tuned(CONSTANT, peaks=(4e-3, 8e-3))) == {0: 1.0, 1: 1.0, 2: 1.0}
    assert judged(runs, tuned(CONSTANT, peaks=(8e-3,))) == losses[high]  # where there is one peak, its own


@pytest.mark.parametrize("best, end", [(0.5, True), (1.5, False)])
def test_a_peak_with_fewer_seeds_is_not_chosen_but_says_whether_the_best_is_an_end(best, end):
    losses = {4e-3: {0: best}, 8e-3: {0: 1.0, 1: 1.1}, 1.6e-2: {0: 2.0, 1: 2.1}}
    runs = runs_of({Cell(BASE, CONSTANT, peak): row for peak, row in losses.items()})
    assert judged(runs, tuned(CONSTANT)) == {0: 1.0, 1: 1.1}
    assert at_the_end(runs, tuned(CONSTANT)) is end
    assert at_the_end(runs, tuned(CONSTANT, peaks=(8e-3, 1.6e-2))) is end  # the others are looked at too


def test_an_average_counts_where_all_averages_of_its_peak_are_there():
    cells = {
        peak: [Cell(BASE, CONSTANT, peak, a) for a in ("ema:decay=0.9", "tail:fraction=0.1")]
        for peak in (4e-3, 8e-3)
    }
    losses = {cell: dict.fromkeys(THREE, cell.peak_lr) for row in cells.values() for cell in row}
    del losses[cells[8e-3][1]][2]
    choice = Choice((CONSTANT,), peaks=(4e-3, 8e-3), averages=tuple(c.average for c in cells[4e-3]))
    assert judged(runs_of(losses), choice) == {0: 4e-3, 1: 4e-3}


def test_a_peak_with_one_seed_is_its_difference_to_the_neighbour_on_that_seed():
    """Seed 1 is 0.5 above seed 0; a mean of raw losses would find the lone peak, of seed 0, the best."""
    middle, high = {0: 1.0, 1: 1.5, 2: 1.5}, {0: 2.0, 1: 2.5, 2: 2.5}
    noise = {0: 1e-3, 1: -1e-3, 2: 0.0}
    losses = {
        Cell(BASE, CONSTANT, 8e-3): middle,
        Cell(BASE, CONSTANT, 1.6e-2): {seed: loss + noise[seed] for seed, loss in high.items()},
        Cell(BASE, CONSTANT, 4e-3): {0: 1.2},
    }
    runs, choice = runs_of(losses), tuned(CONSTANT)
    x, means = grid_of(runs, [choice], stream=0).of(choice)
    assert np.exp2(x) == pytest.approx([4e-3, 8e-3, 1.6e-2])
    assert means[0] - means[0, 1] == pytest.approx([0.2, 0.0, 1.0])
    by_peak = {cell.peak_lr: mean for cell, mean in mean_losses(runs, choice).items()}
    assert by_peak == pytest.approx({4e-3: 4 / 3 + 0.2, 8e-3: 4 / 3, 1.6e-2: 7 / 3})
    # residuals of +-1e-3 / 2 in two seeds of both peaks: variance 5e-7 with two degrees of freedom;
    # the lone peak differs from its neighbour by two runs, the other by the means of three
    spread = np.median(np.abs(means[1:] - means[1:, 1:2] - (means[0] - means[0, 1])), axis=0)
    assert spread[0] / spread[2] == pytest.approx(math.sqrt(3), rel=0.03)


def test_a_schedule_chosen_elsewhere_has_its_peak_chosen_here():
    here, there = HORIZONS[-1], HORIZONS[0]
    losses = {
        Cell(there, CONSTANT, 4e-3): 1.0,
        Cell(there, CONSTANT, 8e-3): 5.0,
        Cell(there, COSINE, 4e-3): 2.0,
        Cell(there, COSINE, 8e-3): 3.0,
        Cell(here, CONSTANT, 4e-3): 9.0,
        Cell(here, CONSTANT, 8e-3): 8.0,
        Cell(here, COSINE, 4e-3): 6.0,
        Cell(here, COSINE, 8e-3): 7.0,
    }
    runs = runs_of({cell: dict.fromkeys(range(3), loss) for cell, loss in losses.items()})
    both = dict(regime=here, peaks=(4e-3, 8e-3))
    assert set(judged(runs, Choice((CONSTANT, COSINE), **both)).values()) == {6.0}
    assert set(judged(runs, Choice((CONSTANT, COSINE), chosen_in=there, **both)).values()) == {8.0}


def test_a_run_that_diverged_is_not_chosen_and_does_not_judge():
    low, high = (Cell(BASE, CONSTANT, peak) for peak in (4e-3, 8e-3))
    losses = {low: {0: 3.0, 1: 3.0, 2: 3.0}, high: {0: 1.0, 1: 1.0, 2: math.inf}}
    # for 0 and 1 the high peak diverged in another seed; for 2 it is the best, and this seed diverged
    assert judged(runs_of(losses), tuned(CONSTANT, peaks=(4e-3, 8e-3))) == {0: 3.0, 1: 3.0}


# -- reading


def test_runs_are_found_by_what_their_schedule_does(tmp_path):
    rows = [
        dict(
            scheduler="wsd", params="cooldown=0.4;cooldown_steps=None;shape=linear;final_lr_ratio=0.0", seed=0
        ),
        dict(scheduler="trapezoid", params="", seed=1),  # the same learning rates under another name
        dict(scheduler="not_known.py", params="", seed=2),
        dict(scheduler="wsd:cooldown=0.4", params="", seed=3, status="failed", final_val_loss=""),
        dict(scheduler="wsd:cooldown=0.4", params="", seed=4, status="diverged", final_val_loss=""),
        dict(scheduler="wsd:cooldown=0.4", params="", seed=5, steps=2009),
    ]
    usual = dict(peak_lr="0.008", steps=2008, status="complete", final_val_loss=1.9)
    for name, text in (("a", "tinyshakespeare.txt"), ("b", "pystdlib")):
        (out := tmp_path / name).mkdir()
        write_csv(out / "runs.csv", [*usual, "scheduler", "params", "seed"], [usual | row for row in rows])
        write_manifest(out, 64, 200, text)
    cell = Cell(BASE, WSD[0.4], 8e-3)
    for folders in ([tmp_path], [tmp_path / "a", tmp_path / "b"]):
        assert read_runs(folders).of(cell) == {0: 1.9, 1: 1.9, 4: math.inf}
    assert read_runs([tmp_path / "b"]).of(cell) == {}


def test_missing_runs_leave_out_their_claim_alone(tmp_path, monkeypatch, capsys):
    write_data(
        tmp_path / "data",
        without=lambda cell: cell.schedule in (LINEAR[0.05], LINEAR[0.1]) or cell.regime.width == 44,
    )
    monkeypatch.setattr(__main__, "draw_claim", lambda *_: "a figure")
    call(monkeypatch, "--data", tmp_path / "data", "--out", tmp_path / "out")
    said = capsys.readouterr().out
    (line,) = [line for line in said.splitlines() if line.startswith("Claim 9 ")]
    assert line == (
        "Claim 9 is left out: linear:final_lr_ratio=0.05 (0.1M parameters, 20 tokens per parameter; "
        "peaks 8e-3, 1.6e-2) has no seeds, and so on for 1 more; it takes two or more"
    )
    page = (tmp_path / "out" / "README.md").read_text()
    assert "- Claim 9: linear:final_lr_ratio=0.05 (" in page and "## Claim 9" not in page
    assert "## Claim 2\n" in page and "## Claim 6\n" in page and "## Claim 11" not in page
    assert "- Beside claim 6, the same on 0.05M parameters: " in page


@pytest.mark.parametrize("seeds", [1, 2])
def test_two_seeds_judge_and_one_does_not(seeds):
    losses = {cell: {s: loss_of(cell, s) for s in range(seeds)} for cell in cells_and_seeds()}
    study = judge(runs_of(losses), CLAIMS)
    if seeds == 1:
        assert not study.judged and "has 1 seed, and so on" in study.left_out["Claim 1"]
    else:
        assert not study.left_out and {j.primary.estimate.n for j in study.judged} == {2}
        assert FAILS not in [v for number, v in verdicts(study).items() if number not in ("13", "14")]


def test_a_folder_without_a_comparison_is_one_line(tmp_path, monkeypatch):
    with pytest.raises(SystemExit, match="error: .* has no runs.csv"):
        call(monkeypatch, "--data", tmp_path, "--out", tmp_path / "out")


# -- the page


def test_page_and_figures(tmp_path, monkeypatch):
    write_data(tmp_path / "data")
    call(monkeypatch, "--data", tmp_path / "data", "--out", tmp_path / "out")
    page = (tmp_path / "out" / "README.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| [")]
    assert len(rows) == len(CLAIMS) == 15
    assert (
        "**holds here**" in rows[0] and "-0.0156" in rows[0] and "https://arxiv.org/abs/2502.15938" in rows[0]
    )
    assert "0.1M parameters, 20 tokens per parameter, tiny Shakespeare, peak lr 4e-3, 8e-3" in page
    assert not any(wrong in page for wrong in ("{{", "{%", "nan%", "+nan", "None"))
    for claim in CLAIMS:
        assert f"(claim_{claim.number}.png)" in page
        assert (tmp_path / "out" / f"claim_{claim.number}.png").stat().st_size > 10_000
