"""What stays on the terminal of a comparison: a line for each run that ended, and no bar."""

from types import SimpleNamespace

import pytest

from schedulers import get_schedule
from sweep.display import Display, run_name
from sweep.plan import Branch, Run

DIVERGED = SimpleNamespace(complete=False, steps_taken=3)


def branches(*labels, steps=4):
    schedule = get_schedule("cosine", steps=steps, peak_lr=0.01)
    return [Branch(Run(label, schedule, 0, label)) for label in labels]


def shown(capsys, given, ended):
    """What is printed when `ended` of the runs have ended and Ctrl-C stops the others."""
    with Display(given) as display:
        for branch in given:
            display.start(branch)
            display.step(branch, 2, 3.0)
        for branch in given[:ended]:
            display.end(branch, DIVERGED, None)
        for branch in given[ended:]:
            display.end(branch, None, None)
    return capsys.readouterr().out


@pytest.mark.parametrize("ended", [0, 1, 3])
def test_no_bar_stays_when_it_ends_or_is_stopped(ended, capsys, monkeypatch):
    out = shown(capsys, branches("a", "b", "c"), ended)
    assert len(out.split("\n")) - 2 == out.count("diverged at step 2") == ended and "of 3 runs" not in out

    monkeypatch.setenv("FORCE_COLOR", "1")  # as on a terminal
    monkeypatch.setenv("TERM", "xterm")
    *_, last = shown(capsys, branches("a", "b", "c"), ended).split("of 3 runs")
    assert last.rstrip().endswith("\x1b[2K")  # that line is erased


def test_one_run_is_one_run(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    out = shown(capsys, branches("a", steps=1), 0)
    assert "0 of 1 run" in out and "1 runs" not in out and "1 steps" not in out


def test_a_label_is_only_text(capsys):
    (branch,) = branches("a\u202e\x1b[31m[bold]:smile:")
    assert run_name(branch.run) == "a\\u202e\\x1b[31m[bold]:smile: @ 0.01, 4 steps, seed 0"
    assert shown(capsys, [branch], 1).strip() == run_name(branch.run) + ": diverged at step 2"
