"""How many runs train stacked in one process: a rule, so that run ids are the same on any day."""

from __future__ import annotations

from nanosched.config import Config
from nanosched.distributed import processes
from nanosched.limits import parameters, training_bytes
from nanosched.memory import room

STACKED_UP_TO = 20_000_000  # parameters: a step of a larger model keeps a GPU busy alone
SLOTS = {"cpu": 4, "cuda": 32}
PART = 0.4  # of a GPU's memory for what a run takes at least; it may take twice as much


def choose_slots(config: Config, vocab_size: int) -> int:
    """How many runs of a comparison train at a time, stacked in one process.

    Stacked and separate runs differ in rounding, so they have different ids: which of them it is follows
    from the settings alone. On a CPU a process for each core is as fast, on a GPU one small model is not.

    Args:
        config: of the comparison, with the machine's settings decided.
        vocab_size: of the data.

    Returns:
        the number of slots; 0 for separate runs.
    """
    if config.replicas == "separate" or processes() > 1:  # torchrun's share each run
        return 0
    small = config.device == "cuda" and parameters(config, vocab_size) <= STACKED_UP_TO
    if config.replicas == "auto" and not small:
        return 0
    most, memory = SLOTS[config.device], room("cuda") if config.device == "cuda" else None
    if memory is None:
        return most
    return max(1, min(most, int(PART * memory / training_bytes(config, vocab_size))))
