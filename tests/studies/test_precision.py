"""What another precision changes, from losses whose changes are known, and the page on it."""

import json
import shutil
import sys

import pytest
from helpers import ROOT

from nanosched.csv_files import read_csv, write_csv
from studies.precision.__main__ import main
from studies.precision.data import FOLDERS, QUESTION, Outcome, read_regime

BASE = dict(wsd=2.0, linear=2.1, cosine=2.3)
SEEDS = dict(  # what each seed adds to a schedule, in every arm, so that pairs can be told apart
    wsd=[0.03, -0.01, 0.02, -0.04, 0.0],
    linear=[0.02, 0.0, 0.02, -0.05, 0.01],
    cosine=[0.04, -0.02, 0.03, -0.04, -0.01],
)
NOISE = dict(  # of an arm, with a mean of 0 over the seeds
    wsd=[-2, -1, 0, 1, 2],
    linear=[1, -2, 2, -1, 0],
    cosine=[0, 2, -1, -2, 1],
)
CONFIG = dict(dataset="pystdlib", batch_size=12, block_size=64, steps=300)


def write_arm(
    folder, dtype="float32", peak_lr=8e-3, noise=1e-3, status="complete", fingerprint="f", seeds=5, **shifts
):
    """A folder of compare.py: BASE and SEEDS, with noise, moved by `shifts`."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        dict(
            scheduler=name,
            seed=seed,
            status=status,
            final_val_loss=loss + shifts.get(name, 0) + SEEDS[name][seed] + noise * NOISE[name][seed],
        )
        for name, loss in BASE.items()
        for seed in range(seeds)
    ]
    write_csv(folder / "runs.csv", list(rows[0]), rows)
    manifest = dict(
        command=f"python compare.py --dtype {dtype}",
        config=CONFIG | dict(dtype=dtype, peak_lr=peak_lr),
        dataset=dict(fingerprint=fingerprint),
        machine=dict(device="a processor"),
    )
    (folder / "manifest.json").write_text(json.dumps(manifest))


@pytest.fixture
def folder(tmp_path):
    """Four arms at two peak lrs: float32 without noise and the others with a little, and nothing else."""
    for name in FOLDERS.values():
        noise = 0 if name == "float32" else 1e-3
        write_arm(tmp_path / name, name.split("_")[0], noise=noise)
        write_arm(tmp_path / "low_peak" / name, name.split("_")[0], 1e-3, noise)
    return tmp_path


def effect_of(folder, **arm):
    write_arm(folder / FOLDERS[QUESTION], "bfloat16", **arm)
    return read_regime(folder, margin=0.02).effects[QUESTION]


def call(monkeypatch, folder):
    monkeypatch.setattr(sys, "argv", ["precision", str(folder)])
    main()


def test_noise_alone_changes_nothing(folder):
    effect = effect_of(folder)
    assert (effect.on_losses, effect.on_answer) == (Outcome.SAME, Outcome.SAME)
    change = effect.losses["wsd"].difference  # of -2, -1, 0, 1, 2 thousandths; t(0.975, 4) = 2.776
    assert change.mean == pytest.approx(0) and change.high == pytest.approx(2.776e-3 * 0.5**0.5, rel=1e-3)
    assert effect.run_spread == pytest.approx(2.5**0.5 * 1e-3)
    assert effect.rank_correlation == pytest.approx(1) and not effect.other_verdicts


def test_much_noise_cannot_be_told_from_a_change(folder):
    effect = effect_of(folder, noise=0.03)
    assert (effect.on_losses, effect.on_answer) == (Outcome.UNTOLD, Outcome.UNTOLD)


def test_a_shift_of_all_schedules_changes_the_losses_and_not_the_answer(folder):
    effect = effect_of(folder, wsd=0.01, linear=0.01, cosine=0.01)
    assert (effect.on_losses, effect.on_answer) == (Outcome.CHANGED, Outcome.SAME)
    assert all(c.difference.mean == pytest.approx(0.01) and c.significant for c in effect.losses.values())


def test_a_gap_that_changes_is_another_answer_at_the_same_verdicts(folder):
    effect = effect_of(folder, cosine=0.05)
    assert effect.on_answer is Outcome.CHANGED and not effect.other_verdicts
    assert effect.gaps["wsd", "cosine"].difference.mean == pytest.approx(0.05)
    assert not effect.gaps["wsd", "linear"].significant


def test_a_pair_that_turns_round(folder):
    effect = effect_of(folder, wsd=0.2)
    assert effect.on_answer is Outcome.CHANGED
    assert effect.other_verdicts == effect.reversed == [("wsd", "linear")]
    assert effect.arm.ranking == ["linear", "wsd", "cosine"] and effect.rank_correlation == pytest.approx(0.5)


@pytest.mark.parametrize(
    "arm, said",
    [
        (dict(status="diverged"), "not complete"),
        (dict(seeds=4), "other runs asked for"),
        (dict(fingerprint="g"), "other data"),
    ],
)
def test_arms_that_cannot_be_compared_are_refused(folder, monkeypatch, arm, said):
    write_arm(folder / FOLDERS[QUESTION], "bfloat16", **arm)
    with pytest.raises(SystemExit, match=f"error: .*bfloat16.*{said}"):
        call(monkeypatch, folder)


def test_page_tables_and_figure(folder, monkeypatch):
    write_arm(folder / FOLDERS[QUESTION], "bfloat16", cosine=0.05)
    call(monkeypatch, folder)
    page = (folder / "README.md").read_text()
    assert page.startswith("# bfloat16 on a CPU changes how schedules compare at a peak lr of 8e-3\n")
    assert (
        "| 8e-3 | bfloat16 | changed: 1 of 3, " in page and "| 1e-3 | bfloat16 | the same: 0 of 3, " in page
    )
    assert "| `cosine` | 2.3000, 0.0339 (3) | 2.3500, 0.0339 (3) | +0.0500 (+0.0480 to +0.0520) |" in page
    assert "| `wsd` | `cosine` | **+0.3000** | **+0.3500** | +0.0500" in page
    changes, gaps = read_csv(folder / "changes.csv"), read_csv(folder / "gaps.csv")
    assert (len(changes), len(gaps)) == (18, 18)
    row = next(r for r in changes if [*r.values()][:3] == ["0.008", QUESTION, "cosine"])
    assert float(row["change"]) == pytest.approx(0.05) and float(row["p_holm"]) < 0.001
    assert (folder / "precision.png").stat().st_size > 10_000


def test_where_nothing_is_significant_the_title_says_how_far_the_intervals_reach(folder, monkeypatch):
    call(monkeypatch, folder)
    title = (folder / "README.md").read_text().split("\n")[0]
    assert "changes no gap between two schedules significantly" in title
    # cosine - linear: -1, 4, -3, -1, 1 thousandths; 2.776 * 2.646 / sqrt(5) = 3.285
    assert "reach 0.0033 at a peak lr of 1e-3 and 0.0033 at a peak lr of 8e-3" in title


def test_the_committed_page_follows_from_the_committed_numbers(tmp_path, monkeypatch):
    results = ROOT / "results" / "precision"
    shutil.copytree(results, tmp_path, dirs_exist_ok=True)
    call(monkeypatch, tmp_path)
    for name in ("README.md", "changes.csv", "gaps.csv"):
        assert (tmp_path / name).read_text() == (results / name).read_text()
