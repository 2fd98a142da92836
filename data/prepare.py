"""Text to shards: `python -m data.prepare fineweb --tokens 100M --out fineweb100M`."""

import os
import re
import shlex
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path

from nanosched.command import BAD_INPUT, STOPPED, CommandParser, run_command
from nanosched.errors import first_line, quoted
from nanosched.visible import visible

from .corpora import cache_folder, get_corpus, resolve
from .errors import DataError
from .manifest import read_manifest
from .preparation import SHARD_TOKENS, prepare_corpus
from .progress import to_stderr
from .shards import MANIFEST
from .tokenizers import check_tokenizer

MAX_TOKENS = 10**15
MAX_SHARD_TOKENS = 10**9  # a shard ends with a whole document, and has room for less than 2**31
HELP = """Tokenize a dataset into shards that compare.py and train.py take as --dataset.

    python -m data.prepare fineweb --tokens 100M --out fineweb100M
    python -m data.prepare fineweb10B --tokens 1B --out fineweb1B
    python -m data.prepare book.txt --tokenizer char --out book
    python compare.py --dataset fineweb100M

Stopped at any moment, the same command goes on from the last finished shard.
The hash of a document says whether it goes to val: 1% of fineweb's do, 10% of
those in parquet or jsonl files. Of pystdlib the first ones do, and a text file
is cut at 90% of its characters."""


def prepare(
    dataset: str | Path,
    tokenizer: str,
    out: str | Path,
    tokens: int | None = None,
    shard_tokens: int = SHARD_TOKENS,
    say: Callable[[str], None] = to_stderr,
) -> Path:
    """Writes `dataset` to the folder `out` as train and val shards with a manifest.

    A document of fineweb or of parquet or jsonl files goes to val by its hash, whatever else is prepared (see
    `goes_to_val`); one of pystdlib while val has under 10% of the tokens; a text file is cut at 90% of its
    characters. Interrupted at any moment, the same call goes on from the last finished train shard, and the
    files come out the same to the byte. Where it is done already, nothing is done.

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
    if tokens is not None:
        check_count("tokens", tokens, MAX_TOKENS)
    check_count("shard_tokens", shard_tokens, MAX_SHARD_TOKENS)
    if not str(out):
        raise DataError("out '' is no folder; give the path of one, which need not be there")
    cache = cache_folder()
    corpus = get_corpus(resolve(dataset, cache, say), cache, say)
    return prepare_corpus(corpus, tokenizer, Path(os.path.expanduser(out)), tokens, shard_tokens, say)


def check_count(name: str, value: int, most: int) -> None:
    """DataError unless it is a whole number from 1 to `most`."""
    if type(value) is not int or not 1 <= value <= most:
        raise DataError(f"{name} must be 1 or more, at most {most:,}, got {quoted(value)}")


def parse_count(option: str, text: str) -> int:
    """ "100M" -> 100000000; K, M and B are thousands, millions, billions."""
    match = re.fullmatch(r"([0-9]{1,20}(?:\.[0-9]{1,20})?)([KMB]?)", text.strip().upper())
    count = match and Decimal(match[1]) * {"": 1, "K": 10**3, "M": 10**6, "B": 10**9}[match[2]]
    if count is None or count != int(count):
        raise DataError(
            f"{option} {quoted(text)} is no count; write a whole number as 500000, 500K, 1.5M or 10B"
        )
    return int(count)


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    args = get_parser().parse_args(argv)
    try:
        tokens = None if args.tokens is None else parse_count("--tokens", args.tokens)
        shard_tokens = parse_count("--shard-tokens", args.shard_tokens)
        out = prepare(args.dataset, args.tokenizer, args.out, tokens, shard_tokens)
        total = sum(entry["tokens"] for entry in read_manifest(out / MANIFEST)["files"])
    except DataError as error:
        return refuse(error)
    except (OSError, MemoryError) as error:
        return refuse(first_line(error))
    except KeyboardInterrupt:
        to_stderr("stopped; the same command goes on from the last finished shard")
        return STOPPED
    print(visible(f"{total:,} tokens; train on them with --dataset {shlex.quote(str(out.resolve()))}"))
    return 0


def refuse(reason: object) -> int:
    to_stderr(f"error: {reason}")
    return BAD_INPUT


def get_parser() -> CommandParser:
    parser = CommandParser(HELP)
    parser.prog = "python -m data.prepare"
    parser.add_argument(
        "dataset",
        help="what to read: fineweb (FineWeb-Edu's sample-10BT, streamed), fineweb10B (FineWeb, ready in "
        "shards of 100M gpt2 tokens, as many as --tokens needs), shakespeare, pystdlib (this Python's "
        "sources), pystdlib:site (and those of its packages), auto (shakespeare where it can be had, else "
        "pystdlib), a text file in UTF-8, or a folder of parquet or jsonl files with a text column",
    )
    parser.add_argument(
        "--out", required=True, metavar="DIR", help="the folder for the shards; made if it is not there"
    )
    parser.add_argument(
        "--tokens",
        metavar="N",
        help="stop at this many, train and val together: 500000, 500K, 100M or 10B; default everything",
    )
    parser.add_argument(
        "--tokenizer",
        default="gpt2",
        metavar="{gpt2,char,byte}",
        help="gpt2 (GPT-2's byte-pair encoding), char (a token per character) or byte; default gpt2",
    )
    parser.add_argument(
        "--shard-tokens",
        "--shard_tokens",
        default="10M",
        metavar="N",
        help="a shard ends with the document that brings it to this many; default 10M",
    )
    return parser


if __name__ == "__main__":
    run_command(main)
