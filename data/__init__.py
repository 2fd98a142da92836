"""corpora -> tokens -> shards -> batches."""

from .batches import batch, prefetch, validation_batches
from .dataset import Dataset, find_dataset, open_dataset, tokenizer_of
from .errors import DataError

__all__ = [
    "DataError",
    "Dataset",
    "batch",
    "find_dataset",
    "open_dataset",
    "prefetch",
    "tokenizer_of",
    "validation_batches",
]
