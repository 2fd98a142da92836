"""The page on the 2024 comparison, from numbers whose answer is known, and the presets that repeat it."""

import csv
import json
import shutil
import sys

import numpy as np
import pytest
from helpers import ROOT

from nanosched.cli import load_toml
from studies.motsepe_2024.__main__ import main
from studies.motsepe_2024.data import NAMES, schedules
from studies.motsepe_2024.page import ranks_of


def write_store(folder, losses):
    folder.mkdir(parents=True)
    with open(folder / "runs.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["scheduler", "seed", "final_train_loss"])
        writer.writerows(
            [spec, seed, loss + (seed - 0.5) / 100]
            for spec, loss in zip(schedules(), losses)
            for seed in (0, 1)
        )
    with open(folder / "curves.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["scheduler", "seed", "step", "loss"])
        writer.writerows(
            [spec, seed, step, loss + 3 - step]
            for spec, loss in zip(schedules(), losses)
            for seed in (0, 1)
            for step in range(4)
        )


@pytest.fixture
def folder(tmp_path):
    """Three comparisons: losses fall with the order, rise with it, or are fresh, the first two equal."""
    write_store(tmp_path / "carry-over", range(20, 10, -1))
    write_store(tmp_path / "reversed", range(10, 20))
    write_store(tmp_path / "fresh", [10, 10, *range(11, 19)])
    raw = {
        name: dict(losses=[12.0 - i, 11.5 - i, 11.0 - i], lrs=[1.0] * 3, times=[2.0, 1.0, 1.0 + i])
        for i, name in enumerate(NAMES)
    }
    (tmp_path / "raw.json").write_text(json.dumps(raw))
    return tmp_path


def call(monkeypatch, *args):
    monkeypatch.setattr(sys, "argv", ["motsepe", *map(str, args)])
    main()


def test_the_page(folder, monkeypatch):
    call(monkeypatch, folder, "--published", folder / "raw.json")
    page = (folder / "README.md").read_text()
    assert "rank correlation -1.00 with the place" in page and "+1.00 with that same place" in page
    assert "| 1 | Constant | 12.0000 | 11.0000 | 0.7101 | 4.0 | 1.0 |" in page  # 1 / (1 + sqrt(1/6))
    assert "| `constant` | 11.000 (10) | 20.000 (10) | 10.000 (1) | 10.000 (1=) |" in page
    assert "Constant took the least time, 4 s, and CosineAnnealingWarmRestarts the most, 13 s" in page
    assert "from the last one before it by 0.00 on average" in page
    assert (folder / "protocols.png").stat().st_size > 10_000

    (folder / "README.md").unlink()
    call(monkeypatch, folder)  # published.csv is enough for the page
    assert (folder / "README.md").read_text() == page


def test_the_committed_page_follows_from_the_committed_numbers(tmp_path, monkeypatch):
    results = ROOT / "results" / "motsepe_2024"
    shutil.copytree(results, tmp_path, dirs_exist_ok=True)
    call(monkeypatch, tmp_path)
    assert (tmp_path / "README.md").read_text() == (results / "README.md").read_text()


def test_what_is_missing_is_said_in_one_line(folder, monkeypatch):
    with pytest.raises(SystemExit, match="error: .*published.csv"):
        call(monkeypatch, folder)


def test_another_file_is_refused(folder, monkeypatch):
    (folder / "raw.json").write_text(json.dumps({"Constant": {}}))
    with pytest.raises(SystemExit, match="not the blog's file"):
        call(monkeypatch, folder, "--published", folder / "raw.json")


def test_ranks():
    assert ranks_of(np.array([3.0, 1.0, 1.0])) == ["3", "1=", "1="]


def test_both_presets_have_the_same_schedules_and_the_blogs_settings():
    large, small = load_toml("motsepe_2024"), load_toml("motsepe_small")
    same = (
        "schedulers",
        "steps",
        "warmup_steps",
        "peak_lr",
        "dataset",
        "beta1",
        "beta2",
        "weight_decay",
        "grad_clip",
    )
    assert {key: large[key] for key in same} == {key: small[key] for key in same}
    assert len(large["schedulers"]) == 10
    assert large["batch_size"] * large["gradient_accumulation_steps"] * large["block_size"] == 524_288
