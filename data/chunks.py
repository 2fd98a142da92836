"""Documents in chunks, each with the position behind it, so that a reader can go on from there."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

CHUNK = 1_000_000  # characters

Position = object  # what JSON can hold; None is the beginning


@dataclass(frozen=True)
class Chunk:
    """Some documents, in their order.

    Args:
        texts: with CHUNK characters or a little more, fewer at the end.
        after: where the next chunk begins.
    """

    texts: list[str]
    after: Position


def in_chunks(documents: Callable[[], Iterator[str]], position: Position = None) -> Iterator[Chunk]:
    """Chunks of documents that are quickly read: the position is how many were before.

    Args:
        documents: gives all of them.
        position: of the first one wanted.

    Yields:
        Chunks from there on.
    """
    done, texts, size = position or 0, [], 0
    for text in itertools.islice(documents(), done, None):
        texts.append(text)
        size += len(text)
        if size >= CHUNK:
            done += len(texts)
            yield Chunk(texts, done)
            texts, size = [], 0
    if texts:
        yield Chunk(texts, done + len(texts))
