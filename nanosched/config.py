"""What a run is made from: every setting in one flat dataclass, read from TOML and the command line.

The names are nanoGPT's where nanoGPT has the setting. Nothing here imports torch, so that `--help` and `--dry-run`
answer at once.
"""

from __future__ import annotations

import argparse
import difflib
import hashlib
import json
import math
import sys
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from .hardware import has_cuda

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

CONFIGS = Path(__file__).parents[1] / "configs"
ALIASES = {  # nanoGPT's and SambaFlow's names for the same settings
    "learning_rate": "peak_lr",
    "max_steps": "steps",
    "max_iters": "steps",
    "warmup_iters": "warmup_steps",
    "eval_iters": "eval_batches",
}


@dataclass(frozen=True)
class Config:
    """One training setup. The defaults are nanoGPT's CPU recipe (its char model cut down for a laptop).

    Raises:
        ValueError: one line that names the setting, its value and what is allowed.
    """

    # data
    dataset: str = "auto"  # shakespeare, pystdlib, fineweb, a text file, a folder of parquet, jsonl or shards
    tokenizer: str = "char"  # char, byte or gpt2
    # model
    n_layer: int = 4
    n_head: int = 4
    n_embd: int = 128
    block_size: int = 64  # context length, in tokens
    bias: bool = False
    dropout: float = 0.0
    # batch: batch_size * gradient_accumulation_steps * block_size tokens a step
    batch_size: int = 12
    gradient_accumulation_steps: int = 1
    # learning rate
    steps: int = 300
    warmup_steps: int = 30
    peak_lr: float = 1e-3
    # AdamW
    weight_decay: float = 0.1
    beta1: float = 0.9
    beta2: float = 0.99
    grad_clip: float = 1.0  # largest gradient norm; 0 turns clipping off
    # validation and checkpoints
    eval_interval: int = 50  # steps
    eval_batches: int = 20
    checkpoint_interval: int = 1000  # steps
    # machine
    device: str = "auto"  # auto, cpu or cuda
    threads: int = 1  # CPU threads a run; a comparison trains cores / threads runs side by side
    replicas: str = "auto"  # auto (whichever is faster here), separate or stacked: how the runs of a comparison train together
    dtype: str = "auto"  # auto, float32 or bfloat16 (autocast)
    compile: str = "auto"  # auto (on cuda only), true or false

    def __post_init__(self):
        for f in fields(self):
            object.__setattr__(self, f.name, _typed(f.name, getattr(self, f.name), f.type))
        for name in (
            "n_layer",
            "n_head",
            "n_embd",
            "block_size",
            "batch_size",
            "gradient_accumulation_steps",
            "steps",
            "eval_interval",
            "eval_batches",
            "checkpoint_interval",
            "threads",
        ):
            _require(self, name, getattr(self, name) >= 1, "a whole number of at least 1")
        for name in ("warmup_steps", "weight_decay", "grad_clip"):
            _require(self, name, getattr(self, name) >= 0, "a number of at least 0")
        for name in ("beta1", "beta2", "dropout"):
            _require(self, name, 0 <= getattr(self, name) < 1, "a number from 0 to below 1")
        _require(self, "peak_lr", self.peak_lr > 0, "a number above 0")
        _require(self, "n_embd", self.n_embd % self.n_head == 0, f"a multiple of n_head={self.n_head}")
        _require(self, "warmup_steps", self.warmup_steps <= self.steps, f"at most steps={self.steps}")
        _require(self, "tokenizer", self.tokenizer in ("char", "byte", "gpt2"), "char, byte or gpt2")
        _require(self, "device", self.device in ("auto", "cpu", "cuda"), "auto, cpu or cuda")
        _require(
            self, "replicas", self.replicas in ("auto", "separate", "stacked"), "auto, separate or stacked"
        )
        _require(self, "dtype", self.dtype in ("auto", "float32", "bfloat16"), "auto, float32 or bfloat16")
        _require(self, "compile", self.compile in ("auto", "true", "false"), "auto, true or false")

    @property
    def tokens_per_step(self) -> int:
        return self.batch_size * self.gradient_accumulation_steps * self.block_size

    def on_this_machine(self) -> Config:
        """The same with every `auto` of the machine settings decided.

        Raises:
            ValueError: for device=cuda where torch sees no GPU.
        """
        cuda = has_cuda() if self.device in ("auto", "cuda") else False
        if self.device == "cuda" and not cuda:
            raise ValueError("device='cuda' is not allowed: torch sees no GPU here; give --device cpu")
        auto = (
            dict(device="cuda", dtype="bfloat16", compile="true")
            if cuda
            else dict(device="cpu", dtype="float32", compile="false")
        )
        return replace(self, **{name: value for name, value in auto.items() if getattr(self, name) == "auto"})

    def run_id(self, schedule, seed: int, data_fingerprint: str) -> str:
        """16 hex digits that name a run: a hash of all that its numbers follow from.

        The schedule counts as its lr array (float64, shape (steps,)), so that two names for one array are one run; one that reacts to
        the losses as its `reaction` too.
        """
        return self.state_id(schedule.lrs(), seed, data_fingerprint, schedule.reaction)

    def state_id(self, lrs, seed: int, data_fingerprint: str, reactive: str = "") -> str:
        """16 hex digits that name the state after these lrs (float64, shape (steps taken,)): every run that begins so is in it."""
        identity = {k: v for k, v in asdict(self).items() if k not in NOT_IDENTITY}
        if self.device == "cuda":  # on a CPU the number of threads decides how sums are rounded
            del identity["threads"]
        if self.device == "cuda" or self.replicas != "stacked":  # it too only decides how sums are rounded
            del identity["replicas"]
        identity.update(seed=seed, data=data_fingerprint, reactive=reactive)
        key = hashlib.sha256(json.dumps(identity, sort_keys=True).encode())
        key.update(lrs.tobytes())
        return key.hexdigest()[:16]


# The lr array and the data fingerprint stand for the first four; checkpoints change no number.
NOT_IDENTITY = {"steps", "warmup_steps", "peak_lr", "dataset", "checkpoint_interval"}


def _typed(name: str, value, type_name: str):
    """The value as the field's type, or a ValueError: TOML and Python know the type, the command line gives text."""
    allowed = {"int": "a whole number", "float": "a finite number", "bool": "true or false", "str": "a text"}[
        type_name
    ]
    refusal = ValueError(f"{name}={value!r} is not allowed: give {allowed}")
    if type_name == "str":
        value = str(value).lower() if isinstance(value, bool) or name == "compile" else value
        if not isinstance(value, str):
            raise refusal
        return value
    if type_name == "bool":
        if str(value).lower() not in ("true", "false"):
            raise refusal
        return str(value).lower() == "true"
    if isinstance(value, bool):
        raise refusal
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise refusal from None
    if not math.isfinite(number) or (type_name == "int" and number != int(number)):
        raise refusal
    return int(number) if type_name == "int" else number


def _require(config: Config, name: str, ok: bool, allowed: str):
    if not ok:
        raise ValueError(f"{name}={getattr(config, name)!r} is not allowed: give {allowed}")


SETTINGS = {f.name for f in fields(Config)}
COMPARISON = {"schedulers", "seeds"}  # what a TOML file may also say about a comparison


def load_toml(name: str) -> dict:
    """The settings of a TOML file, given by its path or by the name of a preset in configs/.

    Returns:
        a dict of Config's fields and perhaps `schedulers` (list of str) and `seeds` (list of int).

    Raises:
        ValueError: no such file, not TOML, or an unknown key, which is named with its nearest neighbour.
    """
    path = Path(name) if Path(name).suffix == ".toml" else CONFIGS / f"{name}.toml"
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        presets = ", ".join(sorted(p.stem for p in CONFIGS.glob("*.toml")))
        raise ValueError(
            f"config={name!r} is not there: give a TOML file or one of the presets {presets}"
        ) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as e:
        raise ValueError(f"config={name!r} can't be read: {' '.join(str(e).split())}") from None
    known = SETTINGS | set(ALIASES) | COMPARISON
    for key in settings:
        if key not in known:
            near = difflib.get_close_matches(key, sorted(known), 1, cutoff=0)[0]
            raise ValueError(f"config={name!r} has an unknown key {key!r}: the nearest is {near!r}")
    for alias, key in ALIASES.items():
        if alias in settings:
            if key in settings:
                raise ValueError(f"config={name!r} gives {key} twice, once as {alias}: give it once")
            settings[key] = settings.pop(alias)
    return settings


def check_seed(name: str, seed: int):
    """ValueError for a seed that torch can't tell from another one: it takes 32 bits on a CPU."""
    if not 0 <= seed < 2**32:
        raise ValueError(f"{name}={seed} is not allowed: give whole numbers from 0 to {2**32 - 1}")


def default_preset(device: str) -> str:
    """nanoGPT's char model on a GPU, its CPU recipe elsewhere."""
    return "char" if device != "cpu" and has_cuda() else "cpu"


def add_flags(parser: argparse.ArgumentParser):
    """Every setting as a flag, in both spellings (--peak-lr, --peak_lr), with nanoGPT's and SambaFlow's aliases."""
    parser.add_argument(
        "--config",
        metavar="FILE.toml",
        help="settings, or the name of a preset in configs/; default char on a GPU, else cpu",
    )
    group = parser.add_argument_group(
        "settings (each is also a key of the TOML file; these are the defaults without one)"
    )
    for f in fields(Config):
        names = [f.name] + [alias for alias, name in ALIASES.items() if name == f.name]
        flags = list(dict.fromkeys(f"--{n}" for name in names for n in (name.replace("_", "-"), name)))
        group.add_argument(*flags, dest=f.name, metavar="X", help=f"default {f.default}")


def from_args(args: argparse.Namespace) -> tuple[Config, dict, str]:
    """(config with the machine's settings decided, the TOML's comparison keys, its name); flags win over the file."""
    name = args.config or default_preset(args.device or "auto")
    settings = load_toml(name)
    comparison = {key: settings.pop(key) for key in COMPARISON & set(settings)}
    settings.update({name: getattr(args, name) for name in SETTINGS if getattr(args, name, None) is not None})
    return Config(**settings).on_this_machine(), comparison, Path(name).stem
