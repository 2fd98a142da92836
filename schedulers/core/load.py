"""Load a user's file of schedules."""

from __future__ import annotations

import hashlib
import importlib
import sys
from pathlib import Path
from types import ModuleType

from schedulers.core.messages import reason
from schedulers.core.registry import REGISTRY

_sources: dict[str, bytes] = {}  # module name -> the text it was made from


def loaded_files() -> list[str]:
    """The paths of the loaded users' files: another process needs them to unpickle their schedules."""
    return [sys.modules[module].__file__ for module in _sources]


def load_file(path) -> list[str]:
    """Run a Python file that registers schedules; run again only if its text changed.

    Args:
        path: of a .py file, str or Path; ~ is the home folder.

    Returns:
        The names of its schedules, sorted.

    Raises:
        ValueError: the file can't be read or run, registers nothing, or takes a name that is in use.
    """
    file = Path(path).expanduser().resolve()
    try:
        source = file.read_bytes()
    except OSError as error:
        raise ValueError(f"{path}: can't be read: {error.strerror}") from error
    if file.parent == Path(__file__).resolve().parents[1]:  # one of this folder's own, already imported
        module = f"schedulers.{file.stem}"
        importlib.import_module(module)
    else:
        module = f"schedule_file_{file.stem}_{hashlib.sha256(str(file).encode()).hexdigest()[:8]}"
        if _sources.get(module) != source:
            run_file(path, file, source, module)
    names = registered_by(module)
    if not names:
        raise ValueError(f'{path}: registers no schedule: put @register("name") above its class')
    return names


def run_file(path, file, source, module):
    """Run the text as a new module; nothing stays registered if it fails."""
    for name in registered_by(module):  # an edited file may have dropped one
        del REGISTRY[name]
    namespace = ModuleType(module)
    namespace.__file__ = str(file)
    namespace.text_hash = hashlib.sha256(source).hexdigest()
    sys.modules[module] = namespace  # dataclasses look their module up
    try:
        exec(compile(source, str(file), "exec"), namespace.__dict__)
    except (Exception, SystemExit) as error:
        for name in registered_by(module):
            del REGISTRY[name]
        _sources.pop(module, None)
        raise ValueError(f"{path}: {reason(error)}") from error
    _sources[module] = source


def registered_by(module):
    return sorted(name for name, cls in REGISTRY.items() if cls.__module__ == module)
