"""Whatever a user's file or formula does is an array, or one line that names file, schedule and step."""

import math
import pickle
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from helpers import ROOT, one_line

from nanosched.interrupt import ctrl_c
from schedulers import Schedule, checked_lr, get_schedule, list_schedules, load_file, register
from schedulers.core import guard

MINE = """
import sys
import numpy as np
from schedulers import Schedule, register

class Silent(Exception):
    def __str__(self):
        raise RuntimeError

@register("mine")
class Mine(Schedule):
    def scale(self, t):
        return 1.0
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """mine(body) writes mine.py, a schedule with these methods too, and returns its path."""
    monkeypatch.chdir(tmp_path)

    def write(body, name="mine.py"):
        (tmp_path / name).write_text(MINE + "".join(f"    {line}\n" for line in body.splitlines()))
        return name

    return write


RAISED = {
    "raise BaseException('x')": "BaseException: x",
    "raise GeneratorExit": "GeneratorExit",
    "raise KeyboardInterrupt": "KeyboardInterrupt",
    "raise StopIteration": "StopIteration",
    "sys.exit(0)": "SystemExit: 0",
    "raise SystemExit": "SystemExit",
    "1 / 0": "ZeroDivisionError: division by zero",
    "open('no/file')": "FileNotFoundError: [Errno 2] No such file or directory: 'no/file'",
    "raise ValueError('two\\nlines')": "two",
    "raise Silent": "Silent",
    "self()": "TypeError: ",
}


@pytest.mark.parametrize("statement", RAISED)
@pytest.mark.parametrize(
    "method, where",
    [
        ("def scale(self, t):\n    if t == 7: {}\n    return 1", "mine fails at step 7: "),
        ("def __call__(self, step):\n    if step == 7: {}\n    return 1", "mine fails at step 7: "),
        ("def check(self):\n    {}", "mine: "),
        ("def __init__(self, **settings):\n    {}", "mine: "),
        ("def lrs(self):\n    {}", "mine.lrs() fails: "),
    ],
)
def test_whatever_a_formula_raises(mine, method, where, statement):
    path = mine(method.format(statement))
    with pytest.raises(ValueError) as error:
        get_schedule(path, 10, 1.0).lrs()
    assert one_line(error).startswith(f"mine.py: {where}{RAISED[statement]}")


@pytest.mark.parametrize("statement", [s for s in RAISED if "self" not in s and "Silent" not in s])
def test_whatever_a_file_raises(tmp_path, statement):
    path = tmp_path / "mine.py"
    path.write_text(f"{MINE}\n{statement}\n")
    with pytest.raises(ValueError) as error:
        load_file(path)
    assert one_line(error).endswith(f"mine.py: {RAISED[statement]}") and "mine" not in list_schedules()


@pytest.mark.parametrize(
    "value",
    ["None", "'0.5'", "b'1'", "1j", "[]", "10**400", "np.ones(2)", "object", "iter([1])"],
)
@pytest.mark.parametrize("method", ["scale(self, t)", "__call__(self, t)"])
def test_a_formula_that_returns_no_number(mine, method, value):
    path = mine(f"def {method}:\n    return {value} if t == 7 else 1")
    with pytest.raises(ValueError) as error:
        get_schedule(path, 10, 1.0).lrs()
    message = one_line(error)
    assert message.startswith("mine.py: mine returned ") and message.endswith(" at step 7: return a number")
    assert len(message) < 200 and (value != "None" or "returned None at" in message)


@pytest.mark.parametrize("value", ["1", "True", "np.float32(0.5)", "np.array(0.5)", "0.5"])
@pytest.mark.parametrize("method", ["scale(self, t)", "__call__(self, t)"])
def test_a_formula_may_return_any_kind_of_number(mine, method, value):
    schedule = get_schedule(mine(f"def {method}:\n    return {value}"), 3, 1.0)
    assert schedule.lrs().dtype == np.float64 and schedule.lrs()[0] == float(eval(value))


@pytest.mark.parametrize(
    "returned, message",
    [
        ("np.ones(3)", "mine.lrs() returned a float64 array of shape (3,): return a float64 array of shape"),
        ("np.ones((10, 1))", "mine.lrs() returned a float64 array of shape (10, 1): return"),
        ("np.ones(10, np.float32)", "mine.lrs() returned a float32 array of shape (10,): return"),
        ("[1.0] * 10", "mine.lrs() returned [1.0, 1.0"),
        ("None", "mine.lrs() returned None: return a float64 array of shape (10,)"),
        ("-super().lrs()", "mine.lrs() gives -1.0 at step 0: a learning rate must be finite and not"),
        ("np.where(np.arange(10) == 4, np.nan, 1)", "mine.lrs() gives nan at step 4: "),
        ("super().lrs() / 0", "mine.lrs() gives inf at step 0: "),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_an_lrs_of_ones_own_is_checked(mine, returned, message):
    with pytest.raises(ValueError) as error:
        get_schedule(mine(f"def lrs(self):\n    return {returned}"), 10, 1.0).lrs()
    assert one_line(error).startswith(f"mine.py: {message}")


def test_an_lrs_of_ones_own_may_come_from_a_parent():
    class Parent:
        def lrs(self):
            return np.arange(3.0) - self.peak_lr

    @register("child")
    class Child(Parent, Schedule):
        def scale(self, t):
            return 1.0

    assert get_schedule("child", 3, 0.0 + 1e-9).lrs.__name__ == "lrs"
    with pytest.raises(ValueError, match="child.lrs\\(\\) gives -1.0 at step 0"):
        get_schedule("child", 3, 1.0).lrs()


def test_an_lrs_of_ones_own_gives_the_caller_a_copy():
    array = np.ones(3)

    @register("shared")
    class Shared(Schedule):
        scale = None

        def lrs(self):
            return array

    schedule = get_schedule("shared", 3, 1.0)
    schedule.lrs()[:] = 5
    assert schedule.lrs().tolist() == [1, 1, 1]


def test_a_stop_before_the_end_of_a_users_schedule(mine):
    path = mine("def lrs(self):\n    return np.arange(self.steps, dtype=float)[::-1].copy()")
    assert get_schedule(f"{path}:stop=0.5", 3, 1.0).lrs().tolist() == [5, 4, 3]
    path = mine("def scale(self, t):\n    return -1.0 if t == 9 else 1.0")
    with pytest.raises(ValueError, match="^mine.py: mine gives -1.0 at step 9"):
        get_schedule(f"{path}:stop=0.5", 5, 1.0).lrs()
    path = mine("reactive = True")
    with pytest.raises(ValueError, match="^mine.py: mine: stop=0.5 is not allowed: mine follows the loss"):
        get_schedule(f"{path}:stop=0.5", 5, 1.0)


def test_a_users_own_parameter_called_stop():
    @register("stops")
    class Stops(Schedule):
        stop: int = 3

        def scale(self, t):
            return float(t < self.stop)

    s = get_schedule("stops:stop=2", 4, 1.0)
    assert s.lrs().tolist() == [1, 1, 0, 0] and s.params == {"stop": 2}


def test_one_lr_of_a_reactive_schedule(mine):
    path = mine("reactive = True\ndef __call__(self, step, losses=()):\n    return losses.pop()[1]")
    schedule, losses = get_schedule(path, 10, 1.0), [(5, 0.25)]
    assert checked_lr(schedule, 7, losses) == 0.25 and losses == [(5, 0.25)]  # which stay the caller's
    for loss, message in (
        (math.nan, "mine.py: mine gives nan at step 7: a learning rate must be finite and not negative"),
        (-1, "mine.py: mine gives -1.0 at step 7: "),
        (None, "mine.py: mine returned None at step 7: return a number"),
    ):
        with pytest.raises(ValueError) as error:
            checked_lr(schedule, 7, [(5, loss)])
        assert one_line(error).startswith(message)
    with pytest.raises(ValueError, match="mine fails at step 7: IndexError: pop from empty list"):
        checked_lr(schedule, 7, [])
    assert checked_lr(get_schedule("plateau", 10, 1.0), 7) == 1.0


def test_more_steps_than_memory():
    for spec in ("wsd", "bound_optimal", "torch:StepLR:step_size=3"):
        for steps in (10**14, 10**300):
            with pytest.raises(ValueError) as error:
                get_schedule(spec, steps, 1.0).lrs()
            assert "is not allowed: the learning rates alone need more memory" in one_line(error)
            assert len(one_line(error)) < 220


# --- Ctrl-C and what takes long -------------------------------------------------------------------


def test_ctrl_c_stays_ctrl_c(mine):
    before = signal.getsignal(signal.SIGINT)
    schedule = get_schedule(
        mine("def scale(self, t):\n    import signal; signal.raise_signal(signal.SIGINT)"), 10, 1.0
    )
    with pytest.raises(KeyboardInterrupt):
        schedule.lrs()
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_between_two_steps_of_a_training(mine):
    before = signal.getsignal(signal.SIGINT)
    path = mine("def scale(self, t):\n    import signal; signal.raise_signal(signal.SIGINT)\n    return 1")
    with ctrl_c() as pressed:
        assert checked_lr(get_schedule(path, 10, 1.0), 3) == 1.0 and pressed()
        with pytest.raises(KeyboardInterrupt):  # the second one interrupts at once, as without a guard
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize(
    "method, words",
    [
        ("def scale(self, t):\n    import time; time.sleep(0.2 * (t == 7))\n    return 1", "at step 7 of 10"),
        ("def lrs(self):\n    import time; time.sleep(0.2)\n    return np.ones(10)", "evaluating"),
        ("def check(self):\n    import time; time.sleep(0.2)", "making"),
        ("import time; time.sleep(0.2)", "running mine.py"),
    ],
)
def test_what_takes_long_says_so(mine, monkeypatch, capsys, method, words):
    monkeypatch.setattr(guard, "SILENT_S", 0.1)
    assert get_schedule(mine(method), 10, 1.0).lrs().tolist() == [1] * 10
    lines = capsys.readouterr().err.splitlines()
    assert all(line.startswith("still ") and "mine.py" in line for line in lines)
    assert any(words in line for line in lines)
    time.sleep(0.3)
    assert capsys.readouterr().err == ""  # it is over


# --- files ----------------------------------------------------------------------------------------


def test_a_dot_in_a_files_name(mine):
    path = mine("", "wsd.v2.py")
    assert load_file(path) == ["mine"]
    schedule = pickle.dumps(get_schedule("mine", 4, 1.0))
    assert pickle.loads(schedule).lrs().tolist() == [1] * 4
    code = (
        "import pickle, sys; from schedulers import load_file; "
        "load_file('wsd.v2.py'); print(pickle.loads(sys.stdin.buffer.read()).lrs())"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, input=schedule, capture_output=True, env={"PYTHONPATH": str(ROOT)})
    assert done.stdout.split() == [b"[1.", b"1.", b"1.", b"1.]"], done.stderr


@pytest.mark.parametrize(
    "path",
    [str(path.relative_to(ROOT)) for path in sorted((ROOT / "schedulers" / "core").glob("*.py"))]
    + ["schedulers/__init__.py", "schedulers/../schedulers/core/base.py", "nanosched/version.py"],
)
def test_a_file_of_this_project_that_is_no_schedule(path):
    names = list_schedules()
    with pytest.raises(ValueError, match="registers no schedule"):
        load_file(ROOT / path)
    assert list_schedules() == names and get_schedule("wsd", 3, 1.0) == get_schedule("wsd", 3, 1.0)


def test_a_file_of_this_folder_is_imported_once():
    assert load_file(ROOT / "schedulers" / "wsd.py") == ["wsd"]
    assert type(get_schedule("wsd", 3, 1.0)).__module__ == "schedulers.wsd"


@pytest.mark.parametrize(
    "path, why",
    [
        ("no.py", "No such file or directory"),
        (".", "it is no file"),
        ("/dev/zero", "it is no file"),
        ("a\0.py", "embedded null byte"),
        ("~nobody_of_this_name/x.py", ""),
        ("x" * 5000 + ".py", "File name too long"),
        (5, ""),
    ],
)
def test_what_is_no_file(path, why):
    with pytest.raises(ValueError) as error:
        load_file(path)
    assert "can't be read: " in one_line(error) and one_line(error).endswith(why)
    assert len(one_line(error)) < 200
