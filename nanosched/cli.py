"""A Config from a TOML file and the command line, the same for all scripts."""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path

from .config import Config
from .errors import first_line, not_allowed, quoted, shortened
from .hardware import has_cuda
from .known import KEYS as KNOWN
from .known import Known, checked_known, known_of
from .numbers import read_numbers
from .regime import steps_for
from .regular import read_regular
from .settings import checked, metavar

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

CONFIGS = Path(__file__).parents[1] / "configs"
ALIASES = {  # nanoGPT's and SambaFlow's names for the same settings
    "learning_rate": "peak_lr",
    "lr": "peak_lr",
    "max_steps": "steps",
    "max_iters": "steps",
    "warmup_iters": "warmup_steps",
    "warmup": "warmup_steps",
    "eval_iters": "eval_batches",
}
SETTINGS = {f.name for f in fields(Config)}
DATASET = Config.__dataclass_fields__["dataset"]
COMPARISON = {"schedulers", "seeds"}  # what a TOML file may also say about a comparison
TOKENS = "tokens_per_parameter"  # instead of steps
FLAGS = SETTINGS | {TOKENS}
NEAR = 0.7  # of difflib's ratio: n_layers is near n_layer (0.93), min_lr isn't (0.62)
MAX_TOML = 100_000  # bytes
MOST_TOKENS = 1e6  # per parameter


def presets() -> list[str]:
    """The names of the TOML files in configs/, sorted."""
    return sorted(path.stem for path in CONFIGS.glob("*.toml"))


def default_preset(device: str) -> str:
    """nanoGPT's char model on a GPU, its CPU recipe elsewhere.

    Args:
        device: auto, cpu or cuda, as the user gave it.
    """
    return "char" if device != "cpu" and has_cuda() else "cpu"


def load_toml(name: str) -> dict:
    """The settings of a TOML file, under their own names.

    Args:
        name: the path of a .toml file, or the name of a preset in configs/.

    Returns:
        a dict of Config's fields, unchecked, and perhaps `schedulers` (str or list of str), `seeds` (int,
        str or list of int), and what was measured, `known_peak_lr` and `known_noise` (float), on
        which dataset, `known_dataset` (str).

    Raises:
        ValueError: no such file, not TOML, a key given twice, or an unknown one, or schedulers, seeds or
            something measured of another type or on no dataset; in one line.
    """
    settings = _read_toml(name)
    for key in settings:
        _check_key(name, key)
    for alias, key in ALIASES.items():
        if alias in settings:
            if key in settings:
                raise ValueError(f"config={quoted(name)} gives {key} twice, once as {alias}: give it once")
            settings[key] = settings.pop(alias)
    _check_list("schedulers", settings, str, 'a text or a list of texts, ["wsd", "cosine"]')
    _check_list("seeds", settings, int, 'a whole number, a text such as "0-2" or a list, [0, 1, 2]')
    checked_known({key: settings[key] for key in KNOWN if key in settings})
    return settings


def add_flags(parser: argparse.ArgumentParser):
    """Add --config, --tokens-per-parameter and a flag for each setting; None where it isn't given.

    --help shows each setting under the name that it has in a TOML file. The flag is also accepted with dashes
    (--peak-lr), and under nanoGPT's and SambaFlow's names.

    Args:
        parser: with a formatter that keeps the lines of a description, such as RawDescriptionHelpFormatter.
    """
    parser.add_argument(
        "--config",
        metavar="FILE.toml",
        help=f"settings: a file, or a preset of {', '.join(presets())}; default char on a GPU, else cpu",
    )
    parser.add_argument(
        "--tokens-per-parameter",
        "--tokens_per_parameter",
        metavar="X",
        help="length of a run in tokens per parameter of the model, instead of --steps; 20 is about "
        "compute-optimal; compare.py takes several: 2,8,20",
    )
    group = parser.add_argument_group(
        "settings",
        "Each is also a key of the TOML file. The defaults are those without one. Dashes are accepted\n"
        "as well as underscores: --peak-lr. compare.py takes several --steps and --peak_lr: 3e-4,6e-4.",
    )
    for f in fields(Config):
        aliases = [alias for alias, name in ALIASES.items() if name == f.name]
        also = f" (also {', '.join(f'--{alias}' for alias in aliases)})" if aliases else ""
        spellings = dict.fromkeys(
            f"--{s}" for name in (f.name, *aliases) for s in (name, name.replace("_", "-"))
        )
        default = str(f.default).lower() if isinstance(f.default, bool) else f.default
        default = "none" if default == "" else default
        help = f"{f.metadata['help']}{also}; default {default}"
        action = group.add_argument(*spellings, dest=f.name, metavar=metavar(f), help=help)
        action.option_strings = action.option_strings[:1]  # what --help shows; all are accepted


@dataclass(frozen=True)
class Setup:
    """What the TOML file and the command line come to."""

    config: Config  # with device, dtype and compile decided; its steps are those of the longest horizon
    horizons: list[int]  # steps, in the order that they were asked for
    comparison: dict  # the file's `schedulers` and `seeds`, where it has them
    name: str  # of the file, without .toml
    known: Known  # what the file says was measured
    usual: Config  # of which that is true: the file's own, where anything was

    @property
    def one_run(self) -> Config:
        """The config of a script that trains one run; ValueError for several horizons."""
        if len(self.horizons) > 1:
            numbers = f"{len(self.horizons)} numbers"
            raise not_allowed(TOKENS, numbers, "give one number: this trains one run")
        return self.config

    def known_of(self, config: Config) -> Known:
        """What is known of the runs of this setup."""
        return known_of(self.known, self.usual, config)


def from_args(
    args: argparse.Namespace,
    tokenizer_of: Callable[[str], str | None],
    vocab_size_of: Callable[[str, str], int],
    steps: list[int] | None = None,
) -> Setup:
    """The setup that the command line and its TOML file ask for; flags win over the file.

    A warmup that nobody asked for is the same part of the run as in the preset, and a line says so.

    Args:
        args: what a parser with `add_flags` gave.
        tokenizer_of: the tokenizer that a dataset is bound to, if any: it is the default where the dataset is
            given without a tokenizer.
        vocab_size_of: of a dataset and a tokenizer, which both decide the number of parameters.
        steps: of several horizons, instead of args.steps; default none.

    Raises:
        ValueError: a file or a setting that can't be used, in one line.
    """
    name = default_preset(args.device or "auto") if args.config is None else args.config
    file = load_toml(name)
    comparison = {key: file.pop(key) for key in COMPARISON & set(file)}
    known = checked_known({key: file.pop(key) for key in KNOWN if key in file})
    flags = {key: value for key, value in vars(args).items() if key in FLAGS and value is not None}
    if steps:
        flags["steps"] = max(steps)
    asked = Asked(name, file, flags).with_tokenizer(tokenizer_of)
    horizons = asked.horizons(vocab_size_of) or steps or [asked.config.steps]
    config = asked.config_for(horizons, print).on_this_machine()
    usual = usual_config(asked, tokenizer_of, vocab_size_of) if known != Known() else config
    return Setup(config, horizons, comparison, Path(name).stem, known, usual)


def usual_config(
    asked: Asked,
    tokenizer_of: Callable[[str], str | None],
    vocab_size_of: Callable[[str, str], int],
) -> Config:
    """The file's own setup, on the dataset that was asked for."""
    dataset = {key: value for key, value in asked.flags.items() if key == "dataset"}
    alone = replace(asked, flags=dataset).with_tokenizer(tokenizer_of)
    return alone.config_for(alone.horizons(vocab_size_of) or [alone.config.steps], lambda line: None)


@dataclass(frozen=True)
class Asked:
    """What the TOML file and the command line say, nothing of it checked yet."""

    name: str  # of the file
    file: dict  # its settings
    flags: dict  # settings of the command line

    def with_tokenizer(self, tokenizer_of: Callable[[str], str | None]) -> Asked:
        """With the tokenizer that the dataset is bound to; the file's goes with the file's dataset."""
        if "dataset" not in self.flags and "tokenizer" in self.file:
            return self
        dataset = checked(DATASET, {**self.file, **self.flags}.get("dataset", Config.dataset))
        tokenizer = tokenizer_of(dataset) or self.file.get("tokenizer", Config.tokenizer)
        return replace(self, flags={"tokenizer": tokenizer, **self.flags})

    @property
    def config(self) -> Config:
        """All settings but for the warmup, whose default follows from the steps."""
        return config_of({**self.file, **self.flags, "warmup_steps": 0})

    def horizons(self, vocab_size_of: Callable[[str, str], int]) -> list[int] | None:
        """The steps that the tokens per parameter take, each once; None where none are asked for."""
        given = self.file if TOKENS not in self.flags and "steps" not in self.flags else self.flags
        if TOKENS not in given:
            return None
        if "steps" in self.flags:
            raise ValueError("--steps is not allowed with --tokens-per-parameter: give one of them")
        if given is self.file and "steps" in self.file:
            raise ValueError(f"config={quoted(self.name)} gives steps and {TOKENS}: give one of them")
        numbers = read_numbers(TOKENS, given[TOKENS], float)
        if not all(0 < number < MOST_TOKENS for number in numbers):
            allowed = f"give numbers above 0 and below {MOST_TOKENS:g}, such as 20"
            raise not_allowed(TOKENS, given[TOKENS], allowed)
        config = self.config
        vocab_size = vocab_size_of(config.dataset, config.tokenizer)
        return list(dict.fromkeys(steps_for(config, number, vocab_size) for number in numbers))

    def config_for(self, horizons: list[int], say: Callable[[str], None]) -> Config:
        """All settings; `say` takes the line on a warmup that nobody asked for."""
        config = replace(self.config, steps=max(horizons))  # checked before the warmup's part
        preset = self.name in presets()
        if "warmup_steps" in self.flags or "warmup_steps" in self.file and not preset:
            warmup_steps = {**self.file, **self.flags}["warmup_steps"]
        else:
            usual = config_of(self.file) if preset else Config()
            warmup_steps = scaled_warmup(usual, min(horizons), config.steps, say)
        return replace(config, warmup_steps=warmup_steps)


def config_of(given: dict) -> Config:
    return Config(**{key: value for key, value in given.items() if key != TOKENS})


def scaled_warmup(usual: Config, steps: int, longest: int, say: Callable[[str], None]) -> int:
    """The warmup that is as large a part of `steps` as the usual one of the usual steps; a line says so."""
    if steps == usual.steps:
        return usual.warmup_steps
    warmup_steps = round(usual.warmup_steps * steps / usual.steps)
    warmup_steps = max(warmup_steps, min(1, usual.warmup_steps))
    say(
        f"warmup: {warmup_steps:,} of {steps:,} steps, as much as the usual {usual.warmup_steps:,} of "
        f"{usual.steps:,}"
        + ", and the same at longer horizons" * (longest > steps)
        + "; --warmup_steps changes it"
    )
    return warmup_steps


def check_seed(name: str, seed: int):
    """Refuse a seed that torch can't tell from another one: it takes 32 bits on a CPU.

    Raises:
        ValueError: one line that begins with `name`.
    """
    if not 0 <= seed < 2**32:
        raise not_allowed(name, seed, f"give whole numbers from 0 to {2**32 - 1}")


def _read_toml(name: str) -> dict:
    """What the file holds."""
    path = Path(name) if Path(name).suffix == ".toml" else CONFIGS / f"{name}.toml"
    try:
        return tomllib.loads(read_regular(path, MAX_TOML).decode("utf-8-sig"))
    except FileNotFoundError:
        names = ", ".join(presets())
        raise ValueError(
            f"config={quoted(name)} is not there: give a TOML file or one of the presets {names}"
        ) from None
    except RecursionError:
        reason = "it is nested too deep"
    except OSError as e:
        reason = e.strerror or first_line(e)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as e:
        reason = shortened(" ".join(str(e).split()))
    except ValueError:  # Python's limit
        reason = "it has a number of more than 4,300 digits"
    raise ValueError(f"config={quoted(name)} can't be read: {reason}")


def _check_key(name: str, key: str):
    """ValueError for a key that no setting has, with its nearest neighbour if that is near."""
    known = FLAGS | set(ALIASES) | COMPARISON | set(KNOWN)
    if key in known:
        return
    near = difflib.get_close_matches(key, sorted(known), 1, cutoff=NEAR)
    hint = f"the nearest is {near[0]!r}" if near else "python compare.py --help lists the keys"
    raise ValueError(f"config={quoted(name)} has an unknown key {quoted(key)}: {hint}")


def _check_list(key: str, settings: dict, kind: type, allowed: str):
    """ValueError unless a comparison's setting is a text, or a list of `kind`; one int is a list of one."""
    given = settings.get(key, "")
    values = given if isinstance(given, list) else [given]
    if isinstance(given, str) or values and all(type(value) is kind for value in values):
        return
    raise not_allowed(key, given, f"give {allowed}")
