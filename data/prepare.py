"""Text to shards: `python -m data.prepare fineweb --tokens 100M --out fineweb100M`."""

import argparse
import itertools
import re
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from .corpora import cache_folder, get_corpus, resolve
from .errors import DataError
from .progress import progress, to_stderr
from .shards import MANIFEST, PROGRESS, is_shard_folder, make_manifest, read_json, write_json, write_shard
from .tokenizers import char_vocabulary, check_tokenizer, get_tokenizer

SHARD_TOKENS = 10_000_000
MAX_VAL_TOKENS = 10_000_000
CHUNK = 4_000_000  # characters given to the tokenizer at once


def prepare(dataset, tokenizer, out, tokens=None, shard_tokens=SHARD_TOKENS, say=to_stderr):
    """Writes `dataset` to the folder `out` as train and val shards with a manifest.

    A document goes to val while val has under 10% of the tokens (and under 10M), the first one to train; a text file
    is cut at 90% of its characters. Interrupted at any moment, the same call goes on from the last finished train
    shard, and the files come out the same to the byte. Where it is done already, nothing is done.

    Args:
        dataset: a name or a path, as for `open_dataset`.
        tokenizer: "char", "byte" or "gpt2".
        tokens: stop at this many, train and val together; None takes everything.
        shard_tokens: a shard ends with the document that brings it to this many.
        say: takes a line (str) now and then; standard error by default.
    Returns:
        the folder (Path).
    Raises:
        DataError: `out` holds something else, the disk is full, the data can't be had, an argument can't be right.
    """
    check_tokenizer(tokenizer)
    for name, value in (("tokens", tokens), ("shard_tokens", shard_tokens)):
        if value is not None and value < 1:
            raise DataError(f"{name} must be 1 or more, got {value}")
    cache = cache_folder()
    corpus = get_corpus(resolve(dataset, cache, say), cache)
    return prepare_corpus(corpus, tokenizer, Path(out), tokens, shard_tokens, say)


def prepare_corpus(corpus, tokenizer, out, tokens, shard_tokens, say):
    asked = {
        "dataset": corpus.name,
        "source": corpus.source,
        "tokenizer": tokenizer,
        "tokens_asked": tokens,
        "shard_tokens": shard_tokens,
    }
    with only_writer(out, say):
        if not is_done(out, asked):
            state = start_or_resume(corpus, asked, out, say)
            with progress(f"{corpus.name} ({tokenizer})", tokens, say) as update:
                write_shards(corpus, state, out, update)
            finish(state, out)
    return out


def is_done(out, asked):
    """Whether `out` has what is asked for; DataError where it has anything else."""
    manifest = read_json(out / MANIFEST)
    if manifest is not None:
        check_same(manifest, asked, out)
    elif is_shard_folder(out) and not (out / PROGRESS).exists():
        raise DataError(f"{out}: has shards that were not prepared here; choose another --out")
    return manifest is not None


def check_same(before, asked, out):
    for key, value in asked.items():
        if before.get(key) != value:
            was = (
                "from other source files" if key == "source" else f"with {key} {before.get(key)}, now {value}"
            )
            raise DataError(f"{out}: was prepared {was}; choose another --out or delete it")


def start_or_resume(corpus, asked, out, say):
    """What progress.json holds: the arguments, the vocabulary, and how far the shards on disk go."""
    for left_behind in out.glob(".*.tmp"):
        left_behind.unlink()
    state = read_json(out / PROGRESS)
    if state is not None and state["files"]:
        check_same(state, asked, out)
        say(
            f"{out}: going on after {state['documents']:,} documents, {sum(state['totals'].values()):,} tokens"
        )
        return state
    vocab = vocabulary(corpus) if asked["tokenizer"] == "char" else None
    state = {**asked, "vocab": vocab, "documents": 0, "totals": {"train": 0, "val": 0}, "files": []}
    write_json(out / PROGRESS, state)
    return state


def vocabulary(corpus):
    if corpus.streamed:
        way_out = "use --tokenizer byte or gpt2"
        raise DataError(f"tokenizer char must read {corpus.name} twice and it is streamed; {way_out}")
    return char_vocabulary(itertools.chain([] if corpus.single else ["\n"], corpus.documents()))


def write_shards(corpus, state, out, update):
    """Documents to shards, from where `state` says to the end or to the tokens asked for."""
    totals, pending, in_shard = state["totals"], {"train": [], "val": []}, 0
    documents = itertools.islice(corpus.documents(), state["documents"], None)
    for ids in encode(
        documents, get_tokenizer(state["tokenizer"], state["vocab"]), with_separator=not corpus.single
    ):
        split = next_split(totals)
        ids = ids[: room(corpus, state, split)]
        pending[split].append(ids)
        totals[split] += len(ids)
        state["documents"] += 1
        update(sum(totals.values()))
        in_shard += len(ids) if split == "train" else 0
        if in_shard >= state["shard_tokens"]:
            flush(pending, state, out)
            in_shard = 0
        if sum(totals.values()) == state["tokens_asked"]:
            break
    flush(pending, state, out)


def next_split(totals):
    few = 10 * totals["val"] < sum(totals.values()) and totals["val"] < MAX_VAL_TOKENS
    return "val" if few else "train"


def room(corpus, state, split):
    """How many more tokens are asked for (None: any number); of a single text, 90% are for train."""
    asked = state["tokens_asked"]
    if asked is None:
        return None
    if corpus.single and split == "train":
        asked = asked * 9 // 10
    return asked - sum(state["totals"].values())


def encode(documents, tokenizer, with_separator):
    """The ids of each document, uint16 (tokens,); nothing for an empty one."""
    for texts in chunks(documents):
        for ids in tokenizer.encode_many(texts):
            yield np.insert(ids, 0, tokenizer.separator) if with_separator and len(ids) else ids


def chunks(documents):
    """Lists of documents with CHUNK characters or a little more."""
    texts, size = [], 0
    for text in documents:
        texts.append(text)
        size += len(text)
        if size >= CHUNK:
            yield texts
            texts, size = [], 0
    if texts:
        yield texts


def flush(pending, state, out):
    """Pending tokens to one shard a split, then the progress file: what it tells is always on disk."""
    name = re.sub(r"[^\w.-]", "-", state["dataset"])
    for split, parts in pending.items():
        if sum(map(len, parts)):
            number = sum(entry["split"] == split for entry in state["files"])
            state["files"].append(
                write_shard(out / f"{name}_{split}_{number:06d}.bin", np.concatenate(parts))
            )
        parts.clear()
    write_json(out / PROGRESS, state)


def finish(state, out):
    for split, total in state["totals"].items():
        if total == 0:
            raise DataError(
                f"{state['dataset']}: too little text for a {split} split; give more text or documents"
            )
    vocab_size = get_tokenizer(state["tokenizer"], state["vocab"]).vocab_size
    files = sorted(state["files"], key=lambda entry: entry["name"])
    arguments = {key: state[key] for key in ("source", "tokens_asked", "shard_tokens")}
    manifest = make_manifest(
        state["dataset"], state["tokenizer"], vocab_size, state["vocab"], files, **arguments
    )
    write_json(out / MANIFEST, manifest)
    (out / PROGRESS).unlink(missing_ok=True)


@contextmanager
def only_writer(out, say):
    """Two processes that prepare one folder take turns; the second then finds it done."""
    from filelock import FileLock, Timeout

    try:
        out.mkdir(parents=True, exist_ok=True)
        lock = FileLock(out / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            say(f"{out}: waiting for the process that is preparing it")
            lock.acquire()
    except OSError as error:
        raise DataError(f"{out}: can't be written: {error.strerror}; choose another folder") from error
    try:
        yield
    finally:
        lock.release()


# --- command line


def parse_count(option, text):
    """ "100M" -> 100000000; K, M and B are thousands, millions, billions."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([KMB]?)", text.strip().upper())
    if not match:
        raise DataError(f"{option} {text!r} is no count; write it as 500000, 500K, 100M or 10B")
    return round(float(match[1]) * {"": 1, "K": 1e3, "M": 1e6, "B": 1e9}[match[2]])


def main(argv=None):
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
    parser.add_argument("--shard-tokens", default="10M", help="tokens in a shard (default: 10M)")
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
