"""char, byte and gpt2: text to uint16 ids and back."""

from __future__ import annotations

import difflib
import hashlib
import os
import tempfile
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from nanosched.errors import first_line, quoted

from .errors import DataError
from .network import why_unreachable, within
from .progress import to_stderr

if TYPE_CHECKING:
    import tiktoken

TOKENIZERS = ("char", "byte", "gpt2")
MAX_CHARACTERS = 65535  # of char: a shard's ids are uint16, and one value marks what is missing
CHUNK = 2**18  # characters that char looks up at once: their code points stay in the processor's cache

# what tiktoken downloads for gpt2, and the sha256 it expects
GPT2_URL = "https://openaipublic.blob.core.windows.net/gpt-2/encodings/main/"
GPT2_FILES = {
    GPT2_URL + "vocab.bpe": "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5",
    GPT2_URL + "encoder.json": "196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783",
}


class Tokenizer(Protocol):
    """Text to ids and back.

    Attributes:
        name: one of TOKENIZERS.
        vocab_size: every id is below it.
        separator: the id put before each document of many.
    """

    name: str
    vocab_size: int
    separator: int

    def encode(self, text: str) -> np.ndarray:
        """The ids of a text, uint16 (tokens,)."""

    def encode_many(self, texts: list[str]) -> list[np.ndarray]:
        """The ids of each text, uint16 (tokens,): the separator first, and none of an empty text."""

    def decode(self, ids: np.ndarray) -> str:
        """The text of ids, an integer array (tokens,)."""


class Byte:
    """The UTF-8 bytes of the text; vocab_size 256; ids that are no UTF-8 decode to U+FFFD."""

    name, vocab_size, separator = "byte", 256, ord("\n")

    def encode(self, text: str) -> np.ndarray:
        return np.frombuffer(text.encode("utf-8", "replace"), np.uint8).astype(np.uint16)

    def encode_many(self, texts: list[str]) -> list[np.ndarray]:
        return one_by_one(self, texts)

    def decode(self, ids: np.ndarray) -> str:
        return np.asarray(ids, np.uint8).tobytes().decode("utf-8", "replace")


class Char:
    """One id per character.

    Args:
        vocab: the characters, in the order of their ids; `encode` raises DataError for any other.
    """

    name = "char"

    def __init__(self, vocab: str):
        codes = code_points(vocab)
        self.vocab_size = len(vocab)
        self.separator = vocab.find("\n")
        self._codes = codes
        # one row per code point up to the largest; vocab_size marks those that aren't there
        self._ids = np.full(int(codes.max(initial=0)) + 2, self.vocab_size, np.uint16)
        self._ids[codes] = np.arange(self.vocab_size)

    def encode(self, text: str) -> np.ndarray:
        ids = np.empty(len(text), np.uint16)
        for start in range(0, len(text), CHUNK):
            codes = code_points(text[start : start + CHUNK])
            ids[start : start + CHUNK] = self._ids[np.minimum(codes, len(self._ids) - 1)]
        missing = ids == self.vocab_size
        if missing.any():
            unknown = text[int(missing.argmax())]
            raise DataError(
                f"character {unknown!r} is not in the char vocabulary of this corpus; use --tokenizer byte"
            )
        return ids

    def encode_many(self, texts: list[str]) -> list[np.ndarray]:
        return one_by_one(self, texts)

    def decode(self, ids: np.ndarray) -> str:
        return self._codes[np.asarray(ids, np.int64)].tobytes().decode("utf-32-le", "surrogatepass")


class GPT2:
    """GPT-2's BPE through tiktoken, special tokens in the text taken as text; vocab_size 50257."""

    name, vocab_size, separator = "gpt2", 50257, 50256  # <|endoftext|>

    @cached_property
    def _encoding(self) -> tiktoken.Encoding:
        return load_gpt2()

    def encode(self, text: str) -> np.ndarray:
        return self._encode(text, set())

    def encode_many(self, texts: list[str]) -> list[np.ndarray]:
        mark = "<|endoftext|>"
        joined = mark + mark.join(texts)
        if joined.count(mark) != len(texts):  # one of them has it in its text
            return one_by_one(self, texts)
        # one call, outside Python's lock: texts stay apart, since no token reaches across a special one
        ids = self._encode(joined, {mark})
        parts = np.split(ids, np.flatnonzero(ids == self.separator))[1:]
        return [part if len(part) > 1 else part[:0] for part in parts]

    def _encode(self, text: str, special: set[str]) -> np.ndarray:
        try:
            ids = self._encoding.encode_to_numpy(text, allowed_special=special, disallowed_special=())
        except UnicodeEncodeError:  # lone surrogates, which encode_ordinary replaces in this way too
            text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            ids = self._encoding.encode_to_numpy(text, allowed_special=special, disallowed_special=())
        return ids.astype(np.uint16)

    def decode(self, ids: np.ndarray) -> str:
        return self._encoding.decode(np.asarray(ids).tolist())


def one_by_one(tokenizer: Tokenizer, texts: list[str]) -> list[np.ndarray]:
    """What `encode_many` gives, by `encode`."""
    separator = np.array([tokenizer.separator], np.uint16)
    return [np.concatenate([separator[: len(ids)], ids]) for ids in map(tokenizer.encode, texts)]


def get_tokenizer(name: str, vocab: str | None = None) -> Tokenizer:
    """The tokenizer called `name`.

    Args:
        name: one of TOKENIZERS.
        vocab: char's vocabulary; the others have their own.

    Returns:
        A Tokenizer.

    Raises:
        DataError: the name is unknown.
    """
    check_tokenizer(name)
    if name == "char":
        return Char(vocab)
    return Byte() if name == "byte" else GPT2()


def check_tokenizer(name: str) -> None:
    """DataError with the nearest name unless `name` is one of TOKENIZERS."""
    if name not in TOKENIZERS:
        near = difflib.get_close_matches(str(name), TOKENIZERS, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]}?" if near else "use one of these."
        raise DataError(f"tokenizer {quoted(name)} is unknown; there are char, byte and gpt2: {hint}")


def char_vocabulary(texts: Iterable[str]) -> str:
    """All characters of the texts.

    Args:
        texts: read once.

    Returns:
        Each character once, sorted by code point.

    Raises:
        DataError: there are more than 65,535.
    """
    seen = np.zeros(0x110000, bool)
    for text in texts:
        for start in range(0, len(text), CHUNK):
            seen[code_points(text[start : start + CHUNK])] = True
    codes = np.flatnonzero(seen).astype("<u4")
    if len(codes) > MAX_CHARACTERS:
        raise DataError(
            f"tokenizer char: the corpus has {len(codes):,} different characters and a shard has room for "
            f"{MAX_CHARACTERS:,}; use --tokenizer byte or gpt2"
        )
    return codes.tobytes().decode("utf-32-le", "surrogatepass")


def code_points(text: str) -> np.ndarray:
    """The code points of `text`, uint32 (characters,)."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")


def load_gpt2() -> tiktoken.Encoding:
    """tiktoken's gpt2 encoding; DataError where its files can be neither found nor fetched in time."""
    import tiktoken

    way_out = "set TIKTOKEN_CACHE_DIR to a folder that has its files, or use --tokenizer byte or char"
    if gpt2_is_cached():
        return tiktoken.get_encoding("gpt2")
    reason = why_unreachable(next(iter(GPT2_FILES)))
    if reason:
        raise DataError(
            f"tokenizer gpt2 needs a download and the network can't be reached ({reason}); {way_out}"
        )
    try:
        return within(120, fetch_gpt2)
    except Exception as error:
        raise DataError(f"tokenizer gpt2 could not be downloaded ({first_line(error)}); {way_out}") from error


def fetch_gpt2() -> tiktoken.Encoding:
    """The encoding, downloaded into tiktoken's folder or, where that can't be written, for this process."""
    import tiktoken

    try:
        return tiktoken.get_encoding("gpt2")
    except OSError as error:
        if error.errno is None:  # the network's
            raise
        folder, os.environ["TIKTOKEN_CACHE_DIR"] = tiktoken_folder(), ""
        to_stderr(f"{folder}: can't be written: {error.strerror}; gpt2 is kept until this process ends")
        return tiktoken.get_encoding("gpt2")


def tiktoken_folder() -> str:
    """Where tiktoken keeps what it downloads; "" where it is told to keep nothing."""
    default = os.path.join(tempfile.gettempdir(), "data-gym-cache")
    return os.environ.get("TIKTOKEN_CACHE_DIR", os.environ.get("DATA_GYM_CACHE_DIR", default))


def gpt2_is_cached() -> bool:
    """Whether tiktoken will find both files; it names them by the sha1 of their address."""
    folder = tiktoken_folder()
    files = [Path(folder) / hashlib.sha1(url.encode()).hexdigest() for url in GPT2_FILES]
    return folder != "" and all(
        file.is_file() and hashlib.sha256(file.read_bytes()).hexdigest() == expected
        for file, expected in zip(files, GPT2_FILES.values())
    )
