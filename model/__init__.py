"""GPT-2: `from model import GPT2, GPT2Config`."""

from .gpt2 import GPT2, GPT2Config

__all__ = ["GPT2", "GPT2Config"]
