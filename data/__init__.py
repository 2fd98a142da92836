"""corpora -> tokens -> shards -> batches."""

from .batches import batch, covering_batches, prefetch, validation_batches
from .dataset import Dataset, find_dataset, open_dataset, tokenizer_of, vocab_size_of
from .errors import DataError

__all__ = [
    "DataError",
    "Dataset",
    "batch",
    "covering_batches",
    "find_dataset",
    "open_dataset",
    "prefetch",
    "tokenizer_of",
    "validation_batches",
    "vocab_size_of",
]
