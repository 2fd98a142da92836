"""Tokens per parameter: the regime that a comparison is in, and the steps that lead there."""

from __future__ import annotations

import math

from .config import Config
from .limits import parameters

PADDED_TO = 64  # above 1024 tokens: gpt2's 50257 becomes 50304, since GPUs are faster on multiples


def padded_vocab(vocab_size: int) -> int:
    """The rows of the token embedding: `vocab_size`, above 1024 rounded up to a multiple of 64."""
    return vocab_size if vocab_size <= 1024 else math.ceil(vocab_size / PADDED_TO) * PADDED_TO


def counted_parameters(config: Config, vocab_size: int) -> int:
    """Number of parameters as nanoGPT counts them: with the token embedding, without the position one.

    Args:
        config: of the model.
        vocab_size: of the data, before padding.
    """
    return parameters(config, padded_vocab(vocab_size)) - config.block_size * config.n_embd


def tokens_per_parameter(config: Config, steps: int, vocab_size: int) -> float:
    """Tokens that a run of `steps` steps trains on, per parameter of its model."""
    return steps * config.tokens_per_step / counted_parameters(config, vocab_size)


def steps_for(config: Config, tokens: float, vocab_size: int) -> int:
    """Steps that train on `tokens` tokens per parameter: the nearest whole number, at least 1."""
    return max(1, round(tokens * counted_parameters(config, vocab_size) / config.tokens_per_step))
