"""A Config from a TOML file and the command line, the same for all scripts."""

from __future__ import annotations

import argparse
import difflib
import sys
from dataclasses import fields, replace
from pathlib import Path

from .config import Config
from .hardware import has_cuda
from .settings import metavar

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
COMPARISON = {"schedulers", "seeds"}  # what a TOML file may also say about a comparison
NEAR = 0.7  # of difflib's ratio: n_layers is near n_layer (0.93), min_lr isn't (0.62)


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
        a dict of Config's fields and perhaps `schedulers` (list of str) and `seeds` (list of int), unchecked.

    Raises:
        ValueError: no such file, not TOML, a key given twice, or an unknown one; in one line.
    """
    settings = _read_toml(name)
    for key in settings:
        _check_key(name, key)
    for alias, key in ALIASES.items():
        if alias in settings:
            if key in settings:
                raise ValueError(f"config={name!r} gives {key} twice, once as {alias}: give it once")
            settings[key] = settings.pop(alias)
    return settings


def add_flags(parser: argparse.ArgumentParser):
    """Add --config and a flag for each setting, which is None where the command line doesn't give it.

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
        help = f"{f.metadata['help']}{also}; default {default}"
        action = group.add_argument(*spellings, dest=f.name, metavar=metavar(f), help=help)
        action.option_strings = action.option_strings[:1]  # what --help shows; all are accepted


def from_args(args: argparse.Namespace, shortest: int | None = None) -> tuple[Config, dict, str]:
    """The setup that the command line and its TOML file ask for; flags win over the file.

    A warmup that nobody asked for is the same part of the run as in the preset, and a line says so.

    Args:
        args: what a parser with `add_flags` gave.
        shortest: steps of the shortest horizon, where there are several; default args.steps.

    Returns:
        (config, comparison, name): the Config with device, dtype and compile decided; the file's `schedulers`
        and `seeds`, where it has them; the file's name without .toml.

    Raises:
        ValueError: a file or a setting that can't be used, in one line.
    """
    name = default_preset(args.device or "auto") if args.config is None else args.config
    file = load_toml(name)
    comparison = {key: file.pop(key) for key in COMPARISON & set(file)}
    flags = {key: value for key, value in vars(args).items() if key in SETTINGS and value is not None}
    config = Config(**{**file, **flags, "warmup_steps": 0})  # the steps are checked before the warmup's part
    preset = name in presets()
    if "warmup_steps" in flags or "warmup_steps" in file and not preset:
        warmup_steps = flags.get("warmup_steps", file.get("warmup_steps"))
    else:
        usual = Config(**file) if preset else Config()
        warmup_steps = scaled_warmup(usual, shortest or config.steps)
    return replace(config, warmup_steps=warmup_steps).on_this_machine(), comparison, Path(name).stem


def scaled_warmup(usual: Config, steps: int) -> int:
    """The warmup that is as large a part of `steps` as the usual one is of the usual steps."""
    if steps == usual.steps:
        return usual.warmup_steps
    warmup_steps = round(usual.warmup_steps * steps / usual.steps)
    print(
        f"warmup: {warmup_steps:,} of {steps:,} steps, as much as the usual {usual.warmup_steps:,} of "
        f"{usual.steps:,}; --warmup_steps changes it"
    )
    return warmup_steps


def check_seed(name: str, seed: int):
    """Refuse a seed that torch can't tell from another one: it takes 32 bits on a CPU.

    Raises:
        ValueError: one line that begins with `name`.
    """
    if not 0 <= seed < 2**32:
        raise ValueError(f"{name}={seed} is not allowed: give whole numbers from 0 to {2**32 - 1}")


def _read_toml(name: str) -> dict:
    """What the file holds."""
    path = Path(name) if Path(name).suffix == ".toml" else CONFIGS / f"{name}.toml"
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ValueError(
            f"config={name!r} is not there: give a TOML file or one of the presets {', '.join(presets())}"
        ) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as e:
        raise ValueError(f"config={name!r} can't be read: {' '.join(str(e).split())}") from None


def _check_key(name: str, key: str):
    """ValueError for a key that no setting has, with its nearest neighbour if that is near."""
    known = SETTINGS | set(ALIASES) | COMPARISON
    if key in known:
        return
    near = difflib.get_close_matches(key, sorted(known), 1, cutoff=NEAR)
    hint = f"the nearest is {near[0]!r}" if near else "python compare.py --help lists the keys"
    raise ValueError(f"config={name!r} has an unknown key {key!r}: {hint}")
