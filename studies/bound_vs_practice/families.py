"""What kinds of schedule the bound may be wrong about."""

from __future__ import annotations

from schedulers.core.specs import split_name

CONSTANT, CYCLES, STAIRS = "constant", "several cycles", "stairs"
ABOVE, SHORT, LONG = "others that end above 5%", "short decay to zero", "long decay to zero"
ORDER = [CONSTANT, CYCLES, STAIRS, ABOVE, SHORT, LONG]
OF_NAME = {
    "constant": CONSTANT,
    **dict.fromkeys(("cyclic", "cosine_restarts", "wsd_s"), CYCLES),
    **dict.fromkeys(("step", "multistep", "piecewise"), STAIRS),
    **dict.fromkeys(("cosine", "one_cycle", "inverse_sqrt"), ABOVE),
    **dict.fromkeys(("wsd", "wssd", "trapezoid", "inverse_sqrt_cooldown", "power"), SHORT),
}
OF_SPEC = {
    "cosine:final_lr_ratio=0": LONG,
    **{f"wsd:cooldown={fraction}": LONG for fraction in (0.6, 0.8, 0.9)},
}


def family_of(spec: str) -> str:
    """Of a schedule as the command line has it."""
    name, _ = split_name(spec)
    return OF_SPEC.get(spec) or OF_NAME.get(name, LONG)
