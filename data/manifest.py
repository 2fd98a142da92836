"""A manifest of which every field that decides a number is proven."""

from pathlib import Path

from nanosched.errors import quoted

from .errors import DataError
from .shards import MANIFEST, fingerprint, read_json
from .tokenizers import MAX_CHARACTERS, TOKENIZERS, get_tokenizer

FIELDS = {"dataset", "tokenizer", "vocab_size", "vocab", "files", "fingerprint"}


def read_manifest(file: Path) -> dict:
    """What a manifest says about a folder of shards.

    The fingerprint proves the shards' checksums, their splits and their order, the tokenizer and its
    vocabulary. What follows from these, as the vocab_size does, has to agree; `open_shards` compares the
    numbers of tokens with the headers.

    Args:
        file: the manifest.

    Returns:
        as from `make_manifest`.

    Raises:
        DataError: it can't be read, is none, or contradicts itself.
    """
    manifest = read_json(file)
    way_out = f"delete {'its folder' if file.name == MANIFEST else 'it'} and prepare the data again"
    if not is_manifest(manifest) or manifest["fingerprint"] != fingerprint_of(manifest):
        raise DataError(f"{file}: damaged or not written by data.prepare; {way_out}")
    tokenizer, vocab_size = manifest["tokenizer"], manifest["vocab_size"]
    expected = get_tokenizer(tokenizer, manifest["vocab"]).vocab_size
    if vocab_size != expected:
        raise DataError(
            f"{file}: damaged: vocab_size is {quoted(vocab_size)}, expected {expected} for its tokenizer "
            f"{tokenizer}; {way_out}"
        )
    return manifest


def fingerprint_of(manifest: dict) -> str:
    return fingerprint(manifest["files"], manifest["tokenizer"], manifest["vocab"])


def is_manifest(manifest: object) -> bool:
    """Whether it has all the fields that are read from it, each of its type."""
    return (
        isinstance(manifest, dict)
        and manifest.keys() >= FIELDS
        and isinstance(manifest["dataset"], str)
        and manifest["tokenizer"] in TOKENIZERS
        and type(manifest["vocab_size"]) is int
        and is_vocabulary(manifest["vocab"], manifest["tokenizer"])
        and isinstance(manifest["files"], list)
        and all(map(is_entry, manifest["files"]))
    )


def is_vocabulary(vocab: object, tokenizer: str) -> bool:
    """Whether it is one of char, or none for the others."""
    if tokenizer != "char":
        return vocab is None
    return isinstance(vocab, str) and len(vocab) <= MAX_CHARACTERS


def is_entry(entry: object) -> bool:
    """Whether it describes a shard in the manifest's own folder."""
    if not isinstance(entry, dict):
        return False
    name = entry.get("name")
    return (
        isinstance(name, str)
        and Path(name).name == name
        and entry.get("split") in ("train", "val")
        and type(entry.get("tokens")) is int
        and isinstance(entry.get("sha256"), str)
    )
