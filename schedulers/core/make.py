"""A schedule from its spelling: `get_schedule("wsd:cooldown=0.4", steps=1000, peak_lr=6e-4)`."""

from __future__ import annotations

from dataclasses import fields

from schedulers.core.aliases import ALIASES, PARAM_ALIASES
from schedulers.core.base import Schedule, own_fields
from schedulers.core.from_torch import FromTorch
from schedulers.core.load import load_file
from schedulers.core.registry import REGISTRY, list_schedules
from schedulers.core.specs import freeze, nearest, parse, split_commas, split_name


def get_schedule(spec: str, steps: int, peak_lr: float, **params) -> Schedule:
    """Make a schedule: `get_schedule("wsd", 1000, 6e-4, warmup_steps=100, cooldown=0.2)`.

    `spec` is a name (see `list_schedules`), an alias, torch:CLASS for a class of torch.optim.lr_scheduler, or the path of
    a .py file that registers one schedule; each may carry parameters: `wsd:cooldown=0.4,shape=sqrt`, lists in brackets.
    `steps` is the length of the run, `peak_lr` the highest learning rate, and `params` are `warmup_steps` (0),
    `warmup_start` (None) and the schedule's own; a warmup in the spec goes before the one given here. Raises ValueError for an unknown name, a parameter that is unknown,
    given twice or not allowed, and a file that can't be used.
    """
    name, given = parse(spec)
    # a comparison passes one warmup for all, and a spec may ask for another
    params = {
        key: value
        for key, value in params.items()
        if key not in given or key not in ("warmup_steps", "warmup_start")
    }
    params = {"steps": steps, "peak_lr": peak_lr, **params}
    if name.startswith("torch:"):
        return _make_torch(spec, name, _merge(spec, given, params))

    cls = _find(name)
    known = [f.name for f in fields(cls)]
    given, params = _rename(given, known), _rename(params, known)
    params = _merge(spec, given, params)
    for key in params:
        if key not in known:
            takes = ", ".join([f.name for f in own_fields(cls)] + ["warmup_steps", "warmup_start"])
            raise ValueError(f"{cls.name} has no parameter {key!r}{nearest(key, known)} (it takes: {takes})")
    return cls(**{key: freeze(value) for key, value in params.items()})


def _find(name):
    """The class of a name, an alias or a path."""
    if name.endswith(".py"):
        names = load_file(name)
        if len(names) > 1:
            raise ValueError(
                f"{name} registers {len(names)} schedules: load it with load_file, then name one of {names}"
            )
        name = names[0]
    cls = REGISTRY.get(ALIASES.get(name, name))
    if cls is None:
        raise ValueError(
            f"unknown schedule {name!r}{nearest(name, [*REGISTRY, *ALIASES])} "
            "(list_schedules() lists them; torch:CLASS and path/to/file.py work too)"
        )
    return cls


def _make_torch(spec, name, params):
    common = {key: params.pop(key) for key in Schedule.__dataclass_fields__ if key in params}
    kwargs = tuple((key, freeze(value)) for key, value in params.items())
    return FromTorch(**common, torch_class=name.removeprefix("torch:"), kwargs=kwargs)


def _merge(spec, given, params):
    for key in given:
        if key in params:
            raise ValueError(
                f"{key} is given twice: {given[key]!r} in {spec!r} and {params[key]!r} beside it"
            )
    return {**params, **given}


def _rename(params, known):
    """Other codebases' parameter names; ValueError where both names are given."""
    for other, ours in PARAM_ALIASES.items():
        if other in params and ours in known and other not in known:
            if ours in params:
                raise ValueError(f"{ours} is given twice: {params[ours]!r}, and {params[other]!r} as {other}")
            params = {ours if key == other else key: value for key, value in params.items()}
    return params


def split_specs(text: str) -> list[str]:
    """The specs of a comma list whose parameters contain commas too; "all" becomes every schedule that needs no law.

    "wsd:cooldown=0.4,shape=sqrt,cosine,mine.py" -> ["wsd:cooldown=0.4,shape=sqrt", "cosine", "mine.py"]: a piece
    `k=v` belongs to the spec before it. The same spec twice is kept once. ValueError for an empty or stray piece.
    """
    specs = []
    for piece in split_commas(text):
        if not piece:
            raise ValueError(f"{text!r} has an empty piece: write NAME[:k=v,...][,NAME...], or all")
        if "=" not in piece or ":" in piece.split("=")[0]:
            specs.append(piece)
        elif specs and "=" in specs[-1]:
            specs[-1] += "," + piece
        else:
            before = specs[-1] if specs else "NAME"
            raise ValueError(f"{piece!r} belongs to no schedule: write {before}:{piece}")
    everything = [name for name in list_schedules() if not REGISTRY[name].needs_law]
    specs = [s for spec in specs for s in (everything if spec == "all" else [spec])]
    return list(dict.fromkeys(specs))


def resolve(text: str) -> list[str]:
    """split_specs, with each path replaced by the names its file registers: "lab/mine.py:k=2" -> ["mine:k=2"]."""
    specs = []
    for spec in split_specs(text):
        name, rest = split_name(spec)
        names = load_file(name) if name.endswith(".py") else [name]
        specs += [n if rest is None else f"{n}:{rest}" for n in names]
    return list(dict.fromkeys(specs))
