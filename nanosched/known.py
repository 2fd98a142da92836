"""What was measured of a preset, as its TOML file states it: no settings, true of its runs on one dataset."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .config import Config
from .errors import not_allowed

# the model, the batch, the steps and the optimizer; all but the peak lr
DECIDES = """tokenizer n_layer n_head n_embd block_size bias dropout batch_size gradient_accumulation_steps
steps warmup_steps weight_decay beta1 beta2 grad_clip""".split()
KEYS = {"known_peak_lr": "peak_lr", "known_noise": "noise", "known_dataset": "dataset"}  # of TOML -> of Known
MOST = 1e300  # a larger whole number may be no float


@dataclass(frozen=True)
class Known:
    """None is not known."""

    peak_lr: float | None = None  # the best one, of most schedules
    noise: float | None = (
        None  # standard deviation of a difference between two schedules of one seed, in nats
    )
    dataset: str | None = None  # the name of the one it was measured on

    def on(self, dataset: str) -> Known:
        """What is known of runs on this dataset: another text has another best peak lr."""
        return self if dataset == self.dataset else Known()


def checked_known(stated: dict) -> Known:
    """What a TOML file states by its keys; ValueError for what can't have been measured, or on no dataset."""
    for key, value in stated.items():
        if key == "known_dataset":
            if not isinstance(value, str):
                raise not_allowed(key, value, "give the name of the dataset that it was measured on")
        elif type(value) not in (int, float) or not 0 < value < MOST:
            raise not_allowed(key, value, "give what was measured, a number above 0")
    if stated and "known_dataset" not in stated:
        key = next(iter(stated))
        raise ValueError(f"{key} is not allowed alone: name the dataset it was measured on as known_dataset")
    return Known(**{KEYS[key]: value for key, value in stated.items()})


def known_of(known: Known, usual: Config, config: Config) -> Known:
    """What the file states, where it is of this run.

    Args:
        known: as the file states it.
        usual: the file's settings.
        config: the run's.
    """
    if any(getattr(config, name) != getattr(usual, name) for name in DECIDES):
        return Known()
    same_peak = config.peak_lr == usual.peak_lr
    return known if same_peak else replace(known, noise=None)  # noise grows with the lr
