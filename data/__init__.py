"""corpora -> tokens -> shards -> batches."""

# data.prepare is not imported here: `python -m data.prepare` would then run a second copy of it
from .batches import batch, prefetch, validation_batches
from .dataset import Dataset, find_dataset, open_dataset
from .errors import DataError

__all__ = ["DataError", "Dataset", "batch", "find_dataset", "open_dataset", "prefetch", "validation_batches"]
