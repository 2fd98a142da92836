"""A schedule from its spelling: `get_schedule("wsd:cooldown=0.4", steps=1000, peak_lr=6e-4)`."""

from __future__ import annotations

from dataclasses import fields

from nanosched.errors import not_allowed, quoted, shortened
from schedulers.core.aliases import ALIASES, PARAM_ALIASES
from schedulers.core.base import Schedule, own_fields
from schedulers.core.from_torch import FromTorch
from schedulers.core.guard import guarded, still
from schedulers.core.load import load_file
from schedulers.core.messages import Refused, given_path, nearest, title
from schedulers.core.registry import REGISTRY, spelling
from schedulers.core.specs import freeze, parse
from schedulers.core.stopped import make_stopped

WARMUP = ("warmup_steps", "warmup_start")


def get_schedule(spec: str, steps: int, peak_lr: float, **params) -> Schedule:
    """Make a schedule: `get_schedule("wsd", 1000, 6e-4, warmup_steps=100, cooldown=0.2)`.

    Args:
        spec: a name (see `list_schedules`) or an alias, in any case, torch:CLASS for a class of
            torch.optim.lr_scheduler, or the path of a .py file with one schedule; each may carry parameters,
            lists in brackets: `wsd:cooldown=0.4,shape=sqrt`.
        steps: of the run, at least 1.
        peak_lr: the highest learning rate, above 0.
        **params: `warmup_steps` (0), `warmup_start` (None), `stop` (1) and the schedule's own; a warmup in
            the spec goes before the one given here. `linear:stop=0.9` is longer than the run, which is the
            first 0.9 of it and ends before the lr does (see `schedulers.core.stopped`).

    Returns:
        The schedule.

    Raises:
        ValueError: an unknown name, a parameter that is unknown, given twice or not allowed, a file that
            can't be used.
    """
    name, in_spec = parse(spec)
    # a comparison passes one warmup for all, and a spec may ask for another
    params = {key: value for key, value in params.items() if key not in in_spec or key not in WARMUP}
    params = {"steps": steps, "peak_lr": peak_lr, **params}
    if name.startswith("torch:"):
        return make_from_torch(name, merge(spec, in_spec, params))

    cls = find(name)
    known = [f.name for f in fields(cls)]
    params = merge(spec, rename(in_spec, known), rename(params, known))
    stop = 1.0 if "stop" in known else params.pop("stop", 1.0)  # a user's own parameter may have this name
    for key in params:
        if key not in known:
            takes = ", ".join([f.name for f in own_fields(cls)] + [*WARMUP, "stop"])
            near = nearest(key, [*known, "stop"])
            raise ValueError(f"{cls.name} has no parameter {quoted(key)}{near} (it takes: {takes})")
    name = title(cls)
    keep = Refused if given_path(cls) else ValueError  # only a user's errors need a name before them
    with still(lambda: f"making {name}"), guarded(lambda: name, keep):
        return make_stopped(cls, stop, {key: freeze(value) for key, value in params.items()})


def find(name: str) -> type[Schedule]:
    """The class of a name, an alias or a path."""
    if name.endswith(".py"):
        names = load_file(name)
        if len(names) > 1:
            raise ValueError(
                f"{shortened(name)} registers {len(names)} schedules: load it with load_file, "
                f"then name one of {names}"
            )
        name = names[0]
    name = spelling(name)
    cls = REGISTRY.get(ALIASES.get(name, name))
    if cls is None:
        raise ValueError(
            f"unknown schedule {quoted(name)}{nearest(name, [*REGISTRY, *ALIASES])} "
            "(python compare.py --schedulers list shows them; torch:CLASS and path/to/file.py work too)"
        )
    return cls


def make_from_torch(name: str, params: dict) -> FromTorch:
    if "stop" in params:
        allowed = "a torch class has its own length: give a longer T_max, total_steps or total_iters"
        raise not_allowed("stop", params["stop"], allowed)
    common = {f.name: params.pop(f.name) for f in fields(Schedule) if f.name in params}
    kwargs = tuple((key, freeze(value)) for key, value in params.items())
    return FromTorch(**common, torch_class=name.removeprefix("torch:"), kwargs=kwargs)


def merge(spec: str, in_spec: dict, params: dict) -> dict:
    for key in in_spec:
        if key in params:
            both = f"{quoted(in_spec[key])} in {quoted(spec)} and {quoted(params[key])} beside it"
            raise ValueError(f"{shortened(key)} is given twice: {both}")
    return {**params, **in_spec}


def rename(params: dict, known: list[str]) -> dict:
    """Other codebases' parameter names as ours; ValueError where both names are given."""
    for other, ours in PARAM_ALIASES.items():
        if other in params and ours in known and other not in known:
            if ours in params:
                both = f"{quoted(params[ours])}, and {quoted(params[other])} as {other}"
                raise ValueError(f"{ours} is given twice: {both}")
            params = {ours if key == other else key: value for key, value in params.items()}
    return params
