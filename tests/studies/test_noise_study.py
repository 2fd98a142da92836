"""The noise of paired differences, from comparisons whose noise is known."""

import json
import sys
from dataclasses import asdict

import numpy as np
import pytest

from nanosched.config import Config
from nanosched.csv_files import read_csv, write_csv
from studies.noise.__main__ import main, pair_sd, pooled_sd, read_losses

COLUMNS = ["scheduler", "params", "average", "peak_lr", "steps", "seed", "final_val_loss"]


def write_comparison(folder, table, average="", peak_lr=1e-3, extra=()):
    """runs.csv and manifest.json of schedules s0, s1, ... with these losses (schedules, seeds)."""
    folder.mkdir()
    rows = [
        dict(
            scheduler=f"s{i}",
            params="",
            average=average,
            peak_lr=peak_lr,
            steps=300,
            seed=j,
            final_val_loss=v,
        )
        for i, losses in enumerate(table)
        for j, v in enumerate(losses)
    ]
    write_csv(folder / "runs.csv", COLUMNS, [*rows, *extra])
    manifest = dict(config=asdict(Config()), dataset=dict(name="text", vocab_size=65))
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_the_pooled_pair_is_the_mean_over_all_pairs():
    table = np.random.default_rng(0).normal(size=(6, 4))
    variances = [(a - b).var(ddof=1) for i, a in enumerate(table) for b in table[:i]]
    assert pair_sd(table) == pytest.approx(np.sqrt(np.mean(variances)))
    assert pair_sd(table + np.arange(4)) == pytest.approx(pair_sd(table))  # what a seed does to all cancels
    assert pooled_sd(np.array([[0.0, 2.0], [5.0, 7.0]])) == pytest.approx(np.sqrt(2))


def test_only_whole_schedules_at_the_comparisons_peak_lr_count_and_each_run_once(tmp_path):
    extra = [
        dict(scheduler="half", params="", average="", peak_lr=1e-3, steps=300, seed=0, final_val_loss=9),
        dict(scheduler="s0", params="", average="", peak_lr=2e-3, steps=300, seed=0, final_val_loss=9),
        dict(scheduler="diverged", params="", average="", peak_lr=1e-3, steps=300, seed=0),
    ]
    write_comparison(tmp_path / "a", [[1, 2], [3, 4.5], [3, 4.5]], extra=extra)
    assert read_losses(tmp_path / "a" / "runs.csv", 1e-3, 300)[""].tolist() == [[1, 2], [3, 4.5]]


def test_the_page_has_a_row_for_each_comparison_and_average(tmp_path, monkeypatch, capsys):
    table = np.random.default_rng(1).normal(2, 0.01, size=(8, 5))
    write_comparison(tmp_path / "plain", table)
    write_comparison(tmp_path / "averaged", table / 2, average="ema:decay=0.9")
    out = tmp_path / "noise"
    folders = [str(tmp_path / name) for name in ("plain", "averaged")]
    monkeypatch.setattr(sys, "argv", ["noise", *folders, "--out", str(out)])
    main()
    plain, averaged = read_csv(out / "noise.csv")
    assert float(plain["pair_sd"]) == pytest.approx(2 * float(averaged["pair_sd"]))
    assert float(plain["pair_sd_low"]) < float(plain["pair_sd"]) < float(plain["pair_sd_high"])
    page = (out / "README.md").read_text()
    assert "| plain | 0.80M | 0.3 | 768 | text |" in page and "| ema:decay=0.9 | 8 | 5 |" in page
