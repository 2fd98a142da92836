"""What a command does with a wrong option, with Ctrl-C and with an output that nobody reads."""

import errno
import subprocess
import sys
import time

import pytest
from helpers import ROOT

from nanosched.command import BAD_INPUT, STOPPED, CommandParser, run_command


def parser():
    parser = CommandParser("A command.")
    parser.add_argument("--seeds")
    parser.add_argument("--peak-lr")
    return parser


@pytest.mark.parametrize(
    "option, words",
    [
        ("--resume", "there is no --resume: the same command goes on where it stopped"),
        ("--seed", "there is no --seed: did you mean --seeds?"),
        ("--peak_lr=3", "there is no --peak_lr: did you mean --peak-lr?"),
        ("--wandb_project", "there is no --wandb_project: --help lists the options"),
        ("cosine", "'cosine' stands alone: give it after the option that it belongs to"),
        ("--seeds", "argument --seeds: expected one argument"),
    ],
)
def test_a_wrong_option_is_one_line_with_the_nearest(capsys, option, words):
    with pytest.raises(SystemExit) as exit:
        parser().parse_args([option])
    assert exit.value.code == BAD_INPUT
    assert capsys.readouterr().err == f"error: {words}\n"


def code_of(main):
    with pytest.raises(SystemExit) as exit:
        run_command(main)
    return exit.value.code


def raises(error):
    def main():
        raise error

    return main


def test_a_command_exits_with_what_it_returns():
    assert code_of(lambda: None) is None and code_of(lambda: 1) == 1
    assert code_of(raises(SystemExit(2))) == 2


def test_ctrl_c_is_no_traceback(capsys):
    assert code_of(raises(KeyboardInterrupt())) == STOPPED
    assert capsys.readouterr().err == "\nStopped.\n"


@pytest.mark.parametrize("number", [errno.EPIPE, errno.ENOSPC])
def test_an_output_that_cannot_be_written_is_one_line(number):
    script = f"""
import sys
from nanosched.command import run_command
def main():
    raise OSError({number}, "it is gone")
run_command(main)
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    line = "error: can't write the output: it is gone; what is trained is kept\n"
    assert (done.returncode, done.stderr) == (BAD_INPUT, line)


def test_what_else_goes_wrong_stays_visible():
    with pytest.raises(OSError, match="is a bug"):
        run_command(raises(OSError(errno.ENOENT, "is a bug", "file")))


def test_nobody_reads_the_output(tmp_path):
    command = f"{sys.executable} {ROOT}/compare.py --schedulers wsd --dry-run --out {tmp_path}"
    with open("/dev/full", "w") as full:
        done = subprocess.run(command.split(), stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == BAD_INPUT and done.stderr.startswith("error: can't write the output")
    assert done.stderr.count("\n") == 1
    closed = subprocess.run(f"{command} | head -n 1", shell=True, capture_output=True, text=True)
    assert closed.stdout.count("\n") == 1 and "Traceback" not in closed.stderr


def test_ctrl_c_while_importing_is_quiet(tmp_path):
    command = [
        sys.executable,
        str(ROOT / "compare.py"),
        "--schedulers",
        "all",
        "--dry-run",
        "--out",
        tmp_path,
    ]
    for seconds in (0.1, 0.2):
        with subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        ) as process:
            time.sleep(seconds)
            process.send_signal(2)
            _, err = process.communicate()
        assert (
            "Traceback" not in err or str(ROOT / "nanosched") not in err
        )  # before Python has begun with ours
