"""Load a file of schedules: a user's, or one of this folder's."""

from __future__ import annotations

import hashlib
import importlib
import re
import sys
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from nanosched.errors import shortened
from schedulers.core.guard import guarded, still
from schedulers.core.lr_functions import class_of, name_after
from schedulers.core.messages import reason
from schedulers.core.registry import REGISTRY, register

PACKAGE = Path(__file__).resolve().parents[1]  # schedulers/

_sources: dict[str, bytes] = {}  # module name -> the text it was made from


def loaded_files() -> list[str]:
    """The paths of the loaded users' files: another process needs them to unpickle their schedules."""
    return [sys.modules[module].__file__ for module in _sources]


def load_file(path) -> list[str]:
    """Run a Python file of schedules; run again only if its text changed.

    Its schedules are the classes under `@register`; if there is none, the function `get_lr`, named after the
    file. `get_lr(step)` gives the learning rate itself, its own rise included. It can also ask, by name, for
    `steps`, `peak_lr`, `warmup_steps`, `min_lr` (0.1 peak_lr), nanoGPT's names for them (`max_iters`,
    `learning_rate`, `warmup_iters`, `lr_decay_iters`), or for all of them as the attributes of `config`:
    `get_lr(it, config)`.

    Args:
        path: of a .py file, str or Path; ~ is the home folder.

    Returns:
        The names of its schedules, sorted.

    Raises:
        ValueError: the file can't be read or run, has no schedule, or takes a name that is in use.
    """
    shown = shortened(str(path))
    names = load_schedules(path, shown)
    if not names:
        write = 'put @register("name") above its class, or define get_lr(step)'
        raise ValueError(f"{shown}: registers no schedule: {write}")
    return names


def load_schedules(path, shown: str) -> list[str]:
    """`load_file`, for a file that may have no schedule; errors call it `shown`."""
    file, source = read(path, shown)
    module = module_in_package(file)
    if module is None:
        module = user_module(file)
        if _sources.get(module) != source:
            run_file(shown, file, source, module)
    elif module not in sys.modules:
        with running(shown, module):
            importlib.import_module(module)
            register_function(sys.modules[module], file)
    return registered_by(module)


def read(path, shown: str) -> tuple[Path, bytes]:
    """The file's absolute path and its text."""
    try:
        file = Path(path).expanduser().resolve()
        if file.exists() and not file.is_file():
            raise ValueError("it is no file")  # reading from a pipe or a device may never end
        return file, file.read_bytes()
    except (OSError, ValueError, RuntimeError, TypeError) as error:  # Runtime: ~ of nobody, a loop of links
        why = getattr(error, "strerror", None) or reason(error)
        raise ValueError(f"{shown}: can't be read: {why}") from error


def module_in_package(file: Path) -> str | None:
    """schedulers.wsd for schedulers/wsd.py; None for a user's file, or if no import has such a name."""
    if not file.is_relative_to(PACKAGE):
        return None
    parts = ["schedulers", *file.relative_to(PACKAGE).with_suffix("").parts]
    if parts[-1] == "__init__":
        parts.pop()
    return ".".join(parts) if all(part.isidentifier() for part in parts) else None


def user_module(file: Path) -> str:
    """A module name that is the file's alone; without a dot, since that would make it part of a package."""
    stem, path_hash = re.sub(r"\W", "_", file.stem), hashlib.sha256(str(file).encode()).hexdigest()
    return f"schedule_file_{stem}_{path_hash[:8]}"


def run_file(shown: str, file: Path, source: bytes, module: str):
    """Run the text as a new module; nothing stays registered if it fails."""
    forget(module)  # an edited file may have dropped a schedule
    namespace = ModuleType(module)
    namespace.__file__, namespace.given_path = str(file), shown
    namespace.text_hash = hashlib.sha256(source).hexdigest()
    sys.modules[module] = namespace  # dataclasses look their module up
    _sources.pop(module, None)
    with running(shown, module):
        exec(compile(source, str(file), "exec"), namespace.__dict__)
        register_function(namespace, file)
    _sources[module] = source


@contextmanager
def running(shown: str, module: str):
    """While a file runs: what it raises is said in one line, and then nothing of it stays registered."""
    try:
        with still(lambda: f"running {shown}"), guarded(lambda: shown, keep=()):
            yield
    except BaseException:
        forget(module)
        raise


def register_function(module: ModuleType, file: Path):
    """Make the file's get_lr a schedule, if it registers no class."""
    function = getattr(module, "get_lr", None)
    if callable(function) and not registered_by(module.__name__):
        cls = register(name_after(file.stem))(class_of(function, module.__name__))
        setattr(module, cls.__qualname__, cls)  # where pickle looks for it


def forget(module: str):
    for name in registered_by(module):
        del REGISTRY[name]


def registered_by(module: str) -> list[str]:
    return sorted(name for name, cls in REGISTRY.items() if cls.__module__ == module)
