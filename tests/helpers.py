"""What tests share beside the fixtures of conftest.py: the tiny model, and the two ways to run a script."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

from nanosched.history import parse_curve
from schedulers import get_schedule

ROOT = Path(__file__).parents[1]

TINY = dict(
    tokenizer="char",
    n_layer=1,
    n_head=2,
    n_embd=16,
    block_size=16,
    batch_size=4,
    steps=12,
    warmup_steps=2,
    peak_lr=0.01,
    eval_interval=5,
    eval_batches=2,
    device="cpu",
    dtype="float32",
    compile="false",
)


def write_toml(folder, **settings):
    """folder/tiny.toml with these settings."""
    lines = [
        f"{name} = {value!r}".replace("True", "true").replace("False", "false")
        for name, value in settings.items()
    ]
    path = folder / "tiny.toml"
    path.write_text("\n".join(lines) + "\n")
    return path


def shell(cwd, script, *args, python=()):
    """The script as a user runs it."""
    command = [sys.executable, *python, str(ROOT / script), *map(str, args)]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120)
    return SimpleNamespace(code=done.returncode, out=done.stdout, err=done.stderr)


class Silent:
    """A display that shows nothing."""

    def start(self, *values): ...
    def step(self, *values): ...
    def end(self, *values): ...


def is_one_line_error(result, *words):
    """Exit 2, and nothing on stderr but one line that has these words."""
    assert result.code == 2, result
    assert result.err.startswith("error: ") and result.err.strip().count("\n") == 0, result.err
    for word in words:
        assert word in result.err, result.err
    return True


def one_line(error):
    """The message of what pytest.raises caught, which is one line."""
    message = str(error.value)
    assert "\n" not in message
    return message


def schedule_of(config, spec="cosine"):
    """The schedule with the config's steps, peak lr and warmup."""
    return get_schedule(spec, steps=config.steps, peak_lr=config.peak_lr, warmup_steps=config.warmup_steps)


def batch_of(dataset, config, seed=0, step=0):
    """The batch of a step as torch tensors (x, y)."""
    import torch

    from data import batch

    rows = config.batch_size * config.gradient_accumulation_steps
    arrays = batch(dataset.train, dataset.fingerprint, seed, step, rows, config.block_size)
    return [torch.from_numpy(array) for array in arrays]


def read_curve(folder):
    """The RunCurve in a run's folder."""
    return parse_curve((folder / "curve.csv").read_text())


def load_checkpoint(path, state, history):
    """Set state and history to a checkpoint's, as a resumed run does; returns what the file holds."""
    from nanosched.checkpoint import fits, read_checkpoint, restore

    checkpoint = read_checkpoint(path)
    assert fits(checkpoint, state)
    restore(checkpoint, state, history)
    return checkpoint
