"""Predictions made before training and the page after it, on losses that follow a known law."""

import shutil
import sys

import pytest
from helpers import ROOT
from helpers_forecast import write_law_comparison
from helpers_laws import PUBLISHED, lrs_of

from analysis.predictions import FIT_ON
from nanosched.csv_files import read_csv
from studies.theory_vs_practice.__main__ import main


def call(monkeypatch, *args):
    monkeypatch.setattr(sys, "argv", ["theory_vs_practice", *map(str, args)])
    main()


def test_predictions_before_and_the_page_after(tmp_path, monkeypatch):
    write_law_comparison(tmp_path, FIT_ON, law=PUBLISHED)
    call(monkeypatch, tmp_path, "--predict")
    rows = {row["scheduler"]: row for row in read_csv(tmp_path / "predictions.csv")}
    designed = next(name for name in rows if name.startswith("forecast_optimal"))
    assert "plateau" not in rows and float(rows[designed]["multi_power"]) == min(
        float(row["multi_power"]) for row in rows.values()
    )
    assert float(rows["linear"]["multi_power"]) == pytest.approx(
        PUBLISHED.predict(lrs_of("linear", steps=200), [199])[0] + 0.005, abs=2e-3
    )

    with pytest.raises(SystemExit, match="error: .*peaks"):
        call(monkeypatch, tmp_path)
    write_law_comparison(tmp_path / "peaks", ["wsd", "cosine"], peaks=(4e-3, 8e-3), law=PUBLISHED)
    with pytest.raises(SystemExit, match="error: .* was predicted but not trained"):
        call(monkeypatch, tmp_path)
    write_law_comparison(tmp_path, list(rows), law=PUBLISHED)
    call(monkeypatch, tmp_path)
    page = (tmp_path / "README.md").read_text()
    assert "The multi-power law orders them best" in page and "| multi-power law | +1.00 | 0.00" in page
    assert (
        page.count("is lower than") + page.count("cannot be told apart from") == 2
    )  # two seeds with one difference show no noise
    assert (tmp_path / "predictions.png").stat().st_size > 10_000


def test_the_committed_page_follows_from_the_committed_numbers(tmp_path, monkeypatch):
    results = ROOT / "results" / "theory_vs_practice"
    shutil.copytree(results, tmp_path, dirs_exist_ok=True)
    call(monkeypatch, tmp_path)
    assert (tmp_path / "README.md").read_text() == (results / "README.md").read_text()
