"""A plain get_lr(step), as nanoGPT has it, is a schedule."""

import math
import pickle
import subprocess
import sys

import numpy as np
import pytest
from helpers import ROOT, one_line

from nanosched.config import Config
from schedulers import get_schedule, list_schedules, load_file, resolve

NANOGPT = """
import math

def get_lr(it, config):
    "nanoGPT's."
    if it < config.warmup_iters:
        return config.learning_rate * (it + 1) / (config.warmup_iters + 1)
    if it > config.lr_decay_iters:
        return config.min_lr
    decay_ratio = (it - config.warmup_iters) / (config.lr_decay_iters - config.warmup_iters)
    assert 0 <= decay_ratio <= 1
    coeff = 0.5 * (1.0 + math.cos(math.pi * decay_ratio))
    return config.min_lr + coeff * (config.learning_rate - config.min_lr)
"""


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(text, name="my_lr.py"):
        (tmp_path / name).write_text(text)
        return name

    return write


def test_nanogpts_own(write):
    schedule = get_schedule(write(NANOGPT), 100, 6e-4, warmup_steps=10)
    cosine = get_schedule("cosine", 100, 6e-4, warmup_steps=10)
    assert schedule.name == schedule.spec == "my_lr" and "my_lr" in list_schedules()
    np.testing.assert_allclose(schedule.lrs(), cosine.lrs(), rtol=1e-12)
    assert schedule(5) == schedule.lrs()[5] and schedule(100) == schedule(1000) == schedule.lrs()[-1]


@pytest.mark.parametrize(
    "definition, lr",
    [
        ("def get_lr(step): return 1e-3 * step", lambda t: 1e-3 * t),
        ("def get_lr(it, steps): return it / steps", lambda t: t / 20),
        ("def get_lr(step, config): return config.min_lr", lambda t: 0.1 * 0.5),
        (
            "def get_lr(step, *, max_iters, learning_rate): return learning_rate / max_iters",
            lambda t: 0.5 / 20,
        ),
        ("def get_lr(step, max_steps, warmup_steps, min_lr=7): return min_lr * warmup_steps", lambda t: 28),
        ("def get_lr(step, steps=1000): return step / steps", lambda t: t / 1000),  # as it is written
        ("get_lr = lambda step: 0.25", lambda t: 0.25),
        (
            "class Lr:\n    def __call__(self, step): return 1 / (step + 1)\nget_lr = Lr()",
            lambda t: 1 / (t + 1),
        ),
    ],
)
def test_what_it_may_ask_for(write, definition, lr):
    schedule = get_schedule(write(definition), 20, 0.5, warmup_steps=4)
    assert schedule.lrs().tolist() == [lr(t) for t in range(20)]  # the lr itself, with no warmup before it


@pytest.mark.parametrize(
    "file, name",
    [
        ("my_lr.py", "my_lr"),
        ("wsd.v2.py", "wsd_v2"),
        ("my-lr.py", "my-lr"),
        ("2024.py", "_2024"),
        ("a b.py", "a_b"),
    ],
)
def test_it_is_named_after_its_file(write, file, name):
    assert load_file(write("def get_lr(step): return 1", file)) == [name]
    assert resolve(f"wsd,{file}") == ["wsd", name] and get_schedule(name, 3, 1.0)(0) == 1.0


def test_registered_classes_go_before(write):
    text = "from schedulers import Schedule, register\n@register('a')\nclass A(Schedule):\n    "
    assert load_file(write(text + "scale = lambda *_: 1\ndef get_lr(step): return 1")) == ["a"]


def test_its_runs_are_named_by_its_lrs(write):
    path = write("def get_lr(step, config): return config.peak_lr")
    constant = get_schedule("constant", 20, 0.5)
    assert Config().run_id(get_schedule(path, 20, 0.5), 0, "data") == Config().run_id(constant, 0, "data")


def test_it_is_told_of_the_longer_schedule_where_it_stops_before_the_end(write):
    s = get_schedule(f"{write(NANOGPT)}:stop=0.8", 80, 6e-4, warmup_steps=10)
    assert s.lrs().tolist() == get_schedule("my_lr", 100, 6e-4, warmup_steps=10).lrs()[:80].tolist()
    assert s.spec == "my_lr:stop=0.8" and s(80) == s.whole(80) > 0.1 * 6e-4


def test_an_edit_counts_at_once(write):
    assert get_schedule(write("def get_lr(step): return 1"), 3, 1.0)(0) == 1
    assert get_schedule(write("def get_lr(step): return 2"), 3, 1.0)(0) == 2


@pytest.mark.parametrize(
    "text, message",
    [
        ("def get_lr(step): pass", "my_lr.py: my_lr returned None at step 0: return a number"),
        ("def get_lr(step): return -step", "my_lr.py: my_lr gives -1.0 at step 1: "),
        ("def get_lr(it): return min_lr", "my_lr.py: my_lr fails at step 0: NameError: name 'min_lr'"),
        (
            "def get_lr(it, cfg): return 1",
            "my_lr.py: get_lr wants 'cfg': beside the step it can have config, ",
        ),
        ("def get_lr(): return 1", "my_lr.py: my_lr fails at step 0: TypeError: get_lr() takes 0"),
        ("def get_lr(it, config): return config.n", "my_lr.py: my_lr fails at step 0: AttributeError: "),
        (
            "def get_lr(it, config): config.steps = 3",
            "my_lr.py: my_lr fails at step 0: FrozenInstanceError: ",
        ),
        ("get_lr = 1e-3", "my_lr.py: registers no schedule: put @register("),
    ],
)
def test_errors(write, text, message):
    with pytest.raises(ValueError) as error:
        get_schedule(write(text), 3, 1.0).lrs()
    assert one_line(error).startswith(message)


@pytest.mark.parametrize(
    "file, message",
    [
        ("wsd.py", "the schedule name 'wsd' is taken by schedulers.wsd.WSD"),
        ("WSD.py", "the schedule name 'WSD' is taken by schedulers.wsd.WSD"),
        ("list.py", "'list' can't name a schedule"),
    ],
)
def test_a_file_whose_name_is_taken(write, file, message):
    with pytest.raises(ValueError) as error:
        load_file(write("def get_lr(step): return 1", file))
    assert one_line(error).startswith(f"{file}: {message}")


def test_two_files_of_one_name(write, tmp_path):
    (tmp_path / "b").mkdir()
    load_file(write("def get_lr(step): return 1"))
    with pytest.raises(
        ValueError, match="b/my_lr.py: the schedule name 'my_lr' is taken by my_lr.py: choose"
    ):
        load_file(write("def get_lr(step): return 1", "b/my_lr.py"))


def test_another_process_reads_it(write):
    schedule = get_schedule(write(NANOGPT), 4, 1.0)
    schedule.lrs()
    code = (
        "import pickle, sys; from schedulers import load_file; "
        "load_file('my_lr.py'); s = pickle.loads(sys.stdin.buffer.read()); print(s(2), s.lrs()[2])"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, input=pickle.dumps(schedule), capture_output=True, env={"PYTHONPATH": str(ROOT)}
    )
    assert done.stdout.decode().split() == [str(schedule(2))] * 2, done.stderr
    assert math.isclose(schedule(2), 0.55)
