"""Documents to train and val shards, resumable to the byte."""

import hashlib
import itertools
import json
import math
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from nanosched.errors import quoted
from nanosched.files import delete_leftovers

from . import ready
from .corpora import Corpus
from .encoding import encode
from .errors import DataError, writing
from .manifest import read_manifest
from .progress import progress
from .shards import (
    MANIFEST,
    PROGRESS,
    file_name,
    is_shard_folder,
    make_manifest,
    open_shards,
    read_json,
    write_json,
    write_shard,
)
from .tokenizers import char_vocabulary, get_tokenizer

SHARD_TOKENS = 10_000_000
MAX_VAL_TOKENS = 10_000_000


def prepare_corpus(
    corpus: Corpus,
    tokenizer: str,
    out: Path,
    tokens: int | None,
    shard_tokens: int,
    say: Callable[[str], None],
) -> Path:
    """Writes the corpus to the folder `out`, or goes on where that was stopped; see `data.prepare.prepare`.

    Args:
        corpus: the documents.
        tokenizer: "char", "byte" or "gpt2".
        out: the folder.
        tokens: stop at this many, train and val together; None takes everything.
        shard_tokens: a shard ends with the document that brings it to this many.
        say: takes a line now and then.

    Returns:
        `out`.

    Raises:
        DataError: `out` holds something else, the disk is full, or the documents can't be had.
    """
    arguments = {
        "dataset": corpus.name,
        "source": corpus.source,
        "tokenizer": tokenizer,
        "tokens_asked": tokens,
        "shard_tokens": shard_tokens,
    }
    if corpus.tokenizer not in (None, tokenizer):
        used = corpus.tokenizer
        raise DataError(f"{corpus.name}: its tokenizer is {used}, not {tokenizer}; use --tokenizer {used}")
    with only_writer(out, say):
        if not is_done(out, arguments):
            state = start_or_resume(corpus, arguments, out, say)
            with progress(f"{corpus.name} ({tokenizer})", tokens, say) as update:
                if corpus.tokenizer:
                    fetch_shards(state, out, update, say)
                else:
                    write_shards(corpus, state, out, update)
            finish(corpus, state, out)
    return out


def is_done(out: Path, arguments: dict) -> bool:
    """Whether `out` has what these arguments give; DataError where it has anything else."""
    if os.path.exists(out / MANIFEST):
        manifest = read_manifest(out / MANIFEST)
        check_same(manifest, arguments, out)
        open_shards(out, manifest["files"])
        return True
    if is_shard_folder(out) and not os.path.exists(out / PROGRESS):
        raise DataError(f"{out}: has shards that were not prepared here; choose another --out")
    return False


def check_same(before: dict, arguments: dict, out: Path) -> None:
    """DataError unless `before` (a manifest or a progress file) has the same arguments."""
    for key, value in arguments.items():
        if before.get(key) != value:
            change = f"with {key} {quoted(before.get(key))}, now {quoted(value)}"
            change = "from other source files" if key == "source" else change
            raise DataError(f"{out}: was prepared {change}; choose another --out or delete it")


def start_or_resume(corpus: Corpus, arguments: dict, out: Path, say: Callable[[str], None]) -> dict:
    """What progress.json holds: the arguments, the vocabulary, and how far the shards on disk go."""
    with writing(out):
        delete_leftovers(out)
    state = read_progress(out)
    if state is not None and state["files"]:
        check_same(state, arguments, out)
        if "position" not in state:
            raise DataError(f"{out}: was begun by an earlier version; choose another --out or delete it")
        open_shards(out, state["files"])
        tokens = sum(state["totals"].values())
        say(f"{out}: going on after {tokens:,} tokens")
        return state
    vocab = vocabulary(corpus) if arguments["tokenizer"] == "char" else None
    totals = {"train": 0, "val": 0}
    state = {**arguments, "vocab": vocab, "position": None, "done": 0, "totals": totals, "files": []}
    write_progress(state, out)
    return state


def write_progress(state: dict, out: Path) -> None:
    """The progress file, with a checksum: the shards to come follow from all that is in it."""
    write_json(out / PROGRESS, {**state, "checksum": checksum(state)})


def read_progress(out: Path) -> dict | None:
    """What was written, None where nothing was; DataError where it is something else by now."""
    state = read_json(out / PROGRESS)
    if state is None:
        return None
    if not isinstance(state, dict) or state.pop("checksum", None) != checksum(state):
        raise DataError(f"{out / PROGRESS}: damaged; delete {out} and prepare the data again")
    return state


def checksum(state: dict) -> str:
    return hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()


def vocabulary(corpus: Corpus) -> str:
    """char's vocabulary; DataError for a corpus that can be read only once."""
    if corpus.streamed:
        way_out = "use --tokenizer byte or gpt2"
        raise DataError(f"tokenizer char must read {corpus.name} twice and it is streamed; {way_out}")
    return char_vocabulary(itertools.chain([] if corpus.single else ["\n"], corpus.documents()))


def write_shards(corpus: Corpus, state: dict, out: Path, update: Callable[[int], None]) -> None:
    """Documents to shards, from where `state` says to the end or to the tokens asked for."""
    totals, pending, in_shard = state["totals"], {"train": [], "val": []}, 0
    for ids, in_val in encoded_documents(corpus, state):
        split = next_split(totals) if in_val is None else "val" if in_val else "train"
        ids = ids[: room(corpus, state, split)]
        pending[split].append(ids)
        totals[split] += len(ids)
        update(sum(totals.values()))
        in_shard += len(ids) if split == "train" else 0
        if in_shard >= state["shard_tokens"]:
            flush(pending, state, out)
            in_shard = 0
        if sum(totals.values()) == state["tokens_asked"]:
            break
    flush(pending, state, out)


def encoded_documents(corpus: Corpus, state: dict) -> Iterator[tuple[np.ndarray, bool | None]]:
    """Each document's tokens and whether its hash puts it into val, from where `state` says; moves that on.

    It says it as the position of a chunk and the number of its documents that are done.
    """
    tokenizer = get_tokenizer(state["tokenizer"], state["vocab"])
    chunks = corpus.chunks(state["position"])
    for chunk in encode(chunks, tokenizer, not corpus.single, corpus.val_share):
        for document in itertools.islice(zip(chunk.ids, chunk.in_val), state["done"], None):
            state["done"] += 1
            yield document
        state["position"], state["done"] = chunk.after, 0


def fetch_shards(state: dict, out: Path, update: Callable[[int], None], say: Callable[[str], None]) -> None:
    """Ready shards, one of val and then of train, from where `state` says to the tokens asked for."""
    totals = state["totals"]
    for name in ready.FILES[len(state["files"]) :]:
        if totals["train"] and sum(totals.values()) >= (state["tokens_asked"] or math.inf):
            break
        entry = ready.fetch(name, out, say)
        state["files"].append(entry)
        totals[entry["split"]] += entry["tokens"]
        write_progress(state, out)
        update(sum(totals.values()))


def next_split(totals: dict[str, int]) -> str:
    """Where a document goes that no hash decides on: to val while that has under a tenth of the tokens."""
    few = 10 * totals["val"] < sum(totals.values()) and totals["val"] < MAX_VAL_TOKENS
    return "val" if few else "train"


def room(corpus: Corpus, state: dict, split: str) -> int | None:
    """How many more tokens are asked for (None: any number); of a single text, 90% are for train."""
    limit = state["tokens_asked"]
    if limit is None:
        return None
    if corpus.single and split == "train":
        limit = limit * 9 // 10
    return limit - sum(state["totals"].values())


def flush(pending: dict[str, list[np.ndarray]], state: dict, out: Path) -> None:
    """Pending tokens to one shard per split, then the progress file: what it tells is always on disk."""
    name = re.sub(r"[^\w.-]", "-", file_name(state["dataset"]))
    for split, parts in pending.items():
        if sum(map(len, parts)):
            number = sum(entry["split"] == split for entry in state["files"])
            path = out / f"{name}_{split}_{number:06d}.bin"
            state["files"].append(write_shard(path, np.concatenate(parts)))
        parts.clear()
    write_progress(state, out)


def finish(corpus: Corpus, state: dict, out: Path) -> None:
    """The manifest in place of the progress file; DataError where a split has no token."""
    for split, total in state["totals"].items():
        if total == 0:
            share = f" (one document in {1 / corpus.val_share:.0f} goes to val)" if corpus.val_share else ""
            raise DataError(
                f"{state['dataset']}: too little text for a {split} split{share}; give more text or documents"
            )
    name, vocab = state["tokenizer"], state["vocab"]
    files = sorted(state["files"], key=lambda entry: entry["name"])
    arguments = {key: state[key] for key in ("source", "tokens_asked", "shard_tokens")}
    if corpus.val_share:
        arguments["val_share"] = corpus.val_share
    vocab_size = get_tokenizer(name, vocab).vocab_size
    write_json(out / MANIFEST, make_manifest(state["dataset"], name, vocab_size, vocab, files, **arguments))
    (out / PROGRESS).unlink(missing_ok=True)


@contextmanager
def only_writer(out: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Two processes that prepare one folder take turns; the second then finds it done."""
    from filelock import FileLock, Timeout  # here: `import data` needs only numpy

    with writing(out, "choose another folder"):
        out.mkdir(parents=True, exist_ok=True)
        lock = FileLock(out / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:  # an OSError itself
            say(f"{out}: waiting for the process that is preparing it")
            lock.acquire()
    try:
        yield
    finally:
        lock.release()
