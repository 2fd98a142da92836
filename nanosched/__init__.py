"""nanosched: which learning-rate schedule to use when you pretrain a GPT-2-sized model.

The parts are top-level packages (`schedulers`, `model`, `theory`, `data`, `sweep`, `analysis`); this one
holds what they share.
"""

from .version import VERSION as __version__

__all__ = ["__version__"]
