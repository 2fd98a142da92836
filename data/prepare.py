"""Text to shards: `python -m data.prepare fineweb --tokens 100M --out fineweb100M`."""

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from .corpora import cache_folder, get_corpus, resolve
from .errors import DataError
from .preparation import SHARD_TOKENS, prepare_corpus
from .progress import to_stderr
from .shards import MANIFEST, read_json
from .tokenizers import check_tokenizer


def prepare(
    dataset: str | Path,
    tokenizer: str,
    out: str | Path,
    tokens: int | None = None,
    shard_tokens: int = SHARD_TOKENS,
    say: Callable[[str], None] = to_stderr,
) -> Path:
    """Writes `dataset` to the folder `out` as train and val shards with a manifest.

    A document goes to val while val has under 10% of the tokens (and under 10M), the first one to train; a
    text file is cut at 90% of its characters. Interrupted at any moment, the same call goes on from the last
    finished train shard, and the files come out the same to the byte. Where it is done already, nothing is
    done.

    Args:
        dataset: a name or a path, as for `open_dataset`.
        tokenizer: "char", "byte" or "gpt2".
        out: the folder.
        tokens: stop at this many, train and val together; None takes everything.
        shard_tokens: a shard ends with the document that brings it to this many.
        say: takes a line now and then; standard error by default.

    Returns:
        The folder.

    Raises:
        DataError: `out` holds something else, the disk is full, the data can't be had, an argument can't be
            right.
    """
    check_tokenizer(tokenizer)
    for name, value in (("tokens", tokens), ("shard_tokens", shard_tokens)):
        if value is not None and value < 1:
            raise DataError(f"{name} must be 1 or more, got {value}")
    cache = cache_folder()
    corpus = get_corpus(resolve(dataset, cache, say), cache)
    return prepare_corpus(corpus, tokenizer, Path(out), tokens, shard_tokens, say)


def parse_count(option: str, text: str) -> int:
    """ "100M" -> 100000000; K, M and B are thousands, millions, billions."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([KMB]?)", text.strip().upper())
    if not match:
        raise DataError(f"{option} {text!r} is no count; write it as 500000, 500K, 100M or 10B")
    return round(float(match[1]) * {"": 1, "K": 1e3, "M": 1e6, "B": 1e9}[match[2]])


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m data.prepare",
        description="Tokenise a dataset into shards. Run again after a stop: it goes on.",
    )
    parser.add_argument(
        "dataset",
        help="fineweb, shakespeare, pystdlib, pystdlib:site, a text file, or a folder of parquet or jsonl",
    )
    parser.add_argument("--out", required=True, help="folder for the shards")
    parser.add_argument("--tokens", help="stop at this many, such as 100M (default: everything)")
    parser.add_argument("--tokenizer", default="gpt2", help="gpt2, char or byte (default: gpt2)")
    parser.add_argument("--shard-tokens", default="10M", help="tokens per shard (default: 10M)")
    args = parser.parse_args(argv)
    try:
        tokens = args.tokens and parse_count("--tokens", args.tokens)
        shard_tokens = parse_count("--shard-tokens", args.shard_tokens)
        out = prepare(args.dataset, args.tokenizer, args.out, tokens, shard_tokens)
    except DataError as error:
        to_stderr(f"error: {error}")
        return 2
    except KeyboardInterrupt:
        to_stderr("stopped; the same command goes on from the last finished shard")
        return 130
    total = sum(entry["tokens"] for entry in read_json(out / MANIFEST)["files"])
    print(f"{total:,} tokens; train on them with --dataset {out.resolve()} --tokenizer {args.tokenizer}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
