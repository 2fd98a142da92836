"""What was measured of a preset, as its TOML file states it: no settings, and true of exactly its runs."""

from __future__ import annotations

from dataclasses import dataclass

from .config import Config

# the model, the batch, the steps and the optimizer; all but the peak lr
DECIDES = """tokenizer n_layer n_head n_embd block_size bias dropout batch_size gradient_accumulation_steps
steps warmup_steps weight_decay beta1 beta2 grad_clip""".split()
KEYS = {"known_peak_lr": "peak_lr", "known_noise": "noise"}  # of the TOML file -> of Known


@dataclass(frozen=True)
class Known:
    """None is not known."""

    peak_lr: float | None = None  # the best one, of most schedules
    noise: float | None = (
        None  # standard deviation of a difference between two schedules of one seed, in nats
    )


def known_of(stated: dict[str, float], usual: Config, config: Config) -> Known:
    """What the file states, where it is of this run.

    Args:
        stated: values by the file's keys.
        usual: the file's settings.
        config: the run's.
    """
    if any(getattr(config, name) != getattr(usual, name) for name in DECIDES):
        return Known()
    known = Known(**{KEYS[key]: float(value) for key, value in stated.items()})
    same_peak = config.peak_lr == usual.peak_lr
    return known if same_peak else Known(known.peak_lr)  # noise grows with the lr
