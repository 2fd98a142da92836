"""Chunks of documents to tokens: on all cores, and in the order of the documents."""

import hashlib
import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np

from .chunks import Chunk, Position
from .tokenizers import Tokenizer


@dataclass(frozen=True)
class Encoded:
    """A chunk in tokens.

    Args:
        ids: of each document, uint16 (tokens,); the separator first, if there is one.
        in_val: of each document, whether it goes to val by its hash; None where that is not what decides.
        after: where the next chunk begins.
    """

    ids: list[np.ndarray]
    in_val: list[bool | None]
    after: Position


def encode(
    chunks: Iterable[Chunk], tokenizer: Tokenizer, with_separator: bool, val_share: float | None
) -> Iterator[Encoded]:
    """The tokens of chunks, in their order, the same for any number of cores.

    Threads do: tiktoken and sha256 let go of Python's lock, and no text is copied to another process. What
    is read ahead is bounded, so that memory doesn't grow with the corpus.

    Args:
        chunks: read no further than two for each core ahead of what is yielded.
        tokenizer: used by several threads at once.
        with_separator: put its separator before each document.
        val_share: as in `goes_to_val`, or None.

    Yields:
        An Encoded for each chunk.
    """
    work = partial(encode_chunk, tokenizer, with_separator, val_share)
    workers = os.cpu_count() or 1
    tokenizer.encode("")  # gpt2 is loaded once, not by each thread
    pool, ahead = ThreadPoolExecutor(workers, thread_name_prefix="encode"), deque()
    try:
        for chunk in chunks:
            ahead.append(pool.submit(work, chunk))
            if len(ahead) > 2 * workers:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def encode_chunk(
    tokenizer: Tokenizer, with_separator: bool, val_share: float | None, chunk: Chunk
) -> Encoded:
    ids = tokenizer.encode_many(chunk.texts) if with_separator else list(map(tokenizer.encode, chunk.texts))
    in_val = [None if val_share is None else goes_to_val(text, val_share) for text in chunk.texts]
    return Encoded(ids, in_val, chunk.after)


def goes_to_val(text: str, share: float) -> bool:
    """Whether a document is for validation: its text alone decides, wherever and among how many it stands.

    Args:
        text: the document.
        share: of all documents, the part that goes to val.

    Returns:
        Whether the first 8 bytes of its sha256, as a fraction of 2^64, are below `share`.
    """
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64
