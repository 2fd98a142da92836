"""The names `--dataset` takes, and the documents behind each: nothing is read or fetched before it is asked for."""

import difflib
import glob
import hashlib
import os
import sysconfig
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from .errors import DataError, first_line
from .network import fetch, why_unreachable
from .shards import write_atomically

NAMES = ("auto", "shakespeare", "fineweb", "pystdlib", "pystdlib:site")

SHAKESPEARE_URL = "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
SHAKESPEARE_BYTES = 1_115_394
SHAKESPEARE_SHA256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"

FINEWEB = "HuggingFaceFW/fineweb-edu", "sample-10BT"

# tests and demos: half of the standard library's text, and the least like code that people write
LEFT_OUT = {
    "site-packages",
    "dist-packages",
    "test",
    "tests",
    "idlelib",
    "lib2to3",
    "turtledemo",
    "__pycache__",
}

TABLES = {".parquet": "parquet", ".jsonl": "json", ".json": "json"}


@dataclass(frozen=True)
class Corpus:
    name: str  # resolved: never "auto"
    source: str  # changes whenever the documents may have changed
    documents: Callable[[], Iterator[str]]  # in an order that is always the same
    single: bool = False  # one text, already cut into its train and val part
    streamed: bool = False  # too large to read twice


def cache_folder(folder=None):
    """`folder` as a Path, by default $NANOSCHED_CACHE, else $XDG_CACHE_HOME/nanosched, else ~/.cache/nanosched."""
    default = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "nanosched"
    return Path(folder or os.environ.get("NANOSCHED_CACHE") or default).expanduser().absolute()


def resolve(name, cache, say):
    """`name`, with "auto" turned into shakespeare where that is cached or can be fetched, else pystdlib."""
    if name != "auto":
        return name
    try:
        read_shakespeare(cache)
        return "shakespeare"
    except DataError as error:
        say(f"dataset auto is pystdlib here: {str(error).split(';')[0]}")
        return "pystdlib"


def get_corpus(name, cache):
    """The Corpus that `name` (a name or a path; not "auto", nor a folder of shards) stands for.

    DataError for a name or path that isn't there. `cache` (Path) is where downloaded text lies.
    """
    if name == "shakespeare":
        return Corpus(name, SHAKESPEARE_SHA256, lambda: cut(read_shakespeare(cache)), single=True)
    if name == "fineweb":
        return Corpus(name, "/".join(FINEWEB), read_fineweb, streamed=True)
    if name in ("pystdlib", "pystdlib:site"):
        files = python_files(with_site=name.endswith(":site"))
        return Corpus(name, stamp(files.values()), lambda: read_python(files))
    path = existing_path(name)
    if path.is_dir() or path.suffix in TABLES:
        files = table_files(path)
        return Corpus(path.name, stamp(files), lambda: read_tables(files))
    return Corpus(path.name, stamp([path]), lambda: cut(read_text(path)), single=True)


def cut(text):
    """nanoGPT's split: the first int(0.9 * n) characters, then the rest."""
    at = int(0.9 * len(text))
    yield text[:at]
    yield text[at:]


def stamp(files):
    """A hash (hex) of the files' paths, sizes and modification times: what tells a changed source from the old one."""
    digest = hashlib.sha256()
    for file in files:
        stat = os.stat(file)
        digest.update(
            f"{os.path.abspath(file)}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode("utf-8", "replace")
        )
    return digest.hexdigest()


# --- paths


def existing_path(name):
    """`name` as an absolute Path; DataError with the nearest name of a dataset where nothing is there."""
    path = Path(name).expanduser().absolute()
    if str(name) and os.path.exists(path):
        return path
    near = difflib.get_close_matches(str(name), NAMES, n=1)
    hint = f"did you mean {near[0]}?" if near else f"the names are {', '.join(NAMES)}."
    raise DataError(f"dataset {str(name)!r} is neither a name nor an existing file or folder; {hint}")


def read_text(path):
    try:
        text = path.read_bytes().decode("utf-8")  # bytes, so that line ends are the same on every machine
    except OSError as error:
        raise DataError(f"{path}: can't be read: {error.strerror}; change its permissions") from error
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: not UTF-8 text (byte {error.start} is 0x{error.object[error.start]:02x}); save it as UTF-8"
        ) from error
    if not text.strip():
        raise DataError(f"{path}: has no text; give a file with text in it")
    return text


def table_files(path):
    """The parquet or jsonl files at `path`, sorted by name; DataError where there are none or both."""
    try:
        files = sorted(p for p in path.iterdir() if p.suffix in TABLES) if path.is_dir() else [path]
    except OSError as error:
        raise DataError(f"{path}: can't be read: {error.strerror}; change its permissions") from error
    formats = {TABLES[file.suffix] for file in files}
    if len(formats) != 1:
        found = "both parquet and jsonl files" if formats else "neither parquet nor jsonl files"
        raise DataError(
            f"{path}: has {found}; give a text file, or a folder with files of one of these kinds"
        )
    empty = [file for file in files if file.stat().st_size == 0]
    if empty:
        raise DataError(f"{empty[0]}: is empty; delete it")
    return files


def read_tables(files):
    """The `text` column of parquet or jsonl files, a document a row."""
    paths = [glob.escape(str(file.absolute())) for file in files]  # datasets takes them as patterns
    return stream(files[0].parent, TABLES[files[0].suffix], data_files=paths)


def stream(where, *args, **kwargs):
    """The `text` column of what datasets.load_dataset(*args, **kwargs) gives; `where` stands in the errors."""
    import datasets

    datasets.disable_progress_bars()
    datasets.logging.set_verbosity(datasets.logging.CRITICAL)  # our one line says what it would
    try:
        for number, row in enumerate(datasets.load_dataset(*args, **kwargs, split="train", streaming=True)):
            yield text_of(row, number, where)
    except DataError:
        raise
    except Exception as error:  # datasets lets pyarrow's, fsspec's and its own exceptions through
        way_out = "mend it, or if the network broke off, run it again"
        raise DataError(f"{where}: can't be read ({first_line(error)}); {way_out}") from error


def text_of(row, number, where):
    if "text" not in row:
        raise DataError(
            f"{where}: no column named text; there are {', '.join(row)}: rename the one with the text"
        )
    if not isinstance(row["text"], (str, type(None))):
        raise DataError(
            f"{where}: text in row {number} is a {type(row['text']).__name__}; it must be a string"
        )
    return row["text"] or ""


# --- names


def shakespeare_file(cache):
    return cache / "shakespeare" / "input.txt"


def read_shakespeare(cache):
    """Tiny Shakespeare (karpathy/char-rnn), from the cache, else downloaded; DataError where it can't be had."""
    file = shakespeare_file(cache)
    if not file.exists():
        write_atomically(file, [download_shakespeare(file)])
    content = file.read_bytes()
    if not is_shakespeare(content):
        raise DataError(
            f"{file}: is not tiny Shakespeare (its sha256 is another); delete it, or give it as a path"
        )
    return content.decode("utf-8")


def download_shakespeare(file):
    way_out = f"put the file at {file}, or use --dataset pystdlib or a path to a text file"
    reason = why_unreachable(SHAKESPEARE_URL)
    if reason:
        raise DataError(
            f"shakespeare needs a download and the network can't be reached ({reason}); {way_out}"
        )
    try:
        content = fetch(SHAKESPEARE_URL, seconds=60)
    except Exception as error:
        raise DataError(f"shakespeare could not be downloaded ({first_line(error)}); {way_out}") from error
    if not is_shakespeare(content):
        raise DataError(
            f"shakespeare: the download is wrong ({len(content):,} bytes, expected {SHAKESPEARE_BYTES:,} with sha256 "
            f"{SHAKESPEARE_SHA256[:12]}...); {way_out}"
        )
    return content


def is_shakespeare(content):
    return len(content) == SHAKESPEARE_BYTES and hashlib.sha256(content).hexdigest() == SHAKESPEARE_SHA256


def read_fineweb():
    """FineWeb-Edu's sample-10BT, streamed: a document a row, in the order of its files."""
    reason = why_unreachable(os.environ.get("HF_ENDPOINT", "https://huggingface.co"))
    if reason:
        raise DataError(
            f"fineweb needs huggingface.co and the network can't be reached ({reason}); use --dataset pystdlib, "
            "a folder of its parquet files, or shards prepared elsewhere"
        )
    return stream("fineweb", *FINEWEB)


def python_files(with_site):
    """{name: file} of this Python's sources, sorted by name; with_site adds the installed packages."""
    paths = sysconfig.get_paths()
    found = dict(walk_python(paths["stdlib"], ""))
    if with_site:
        for folder in {paths["purelib"], paths["platlib"]}:
            found.update(walk_python(folder, "site-packages/"))
    if not found:
        raise DataError(
            f"pystdlib: no .py files in {paths['stdlib']}; use --dataset with a path to a text file"
        )
    return dict(sorted(found.items()))


def walk_python(root, prefix):
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in LEFT_OUT]
        for name in names:
            file = os.path.join(folder, name)
            if name.endswith(".py") and os.path.isfile(file):  # a link may lead nowhere
                yield prefix + os.path.relpath(file, root).replace(os.sep, "/"), file


def read_python(files):
    for file in files.values():
        try:
            yield Path(file).read_bytes().decode("utf-8")
        except (OSError, UnicodeDecodeError):
            yield ""  # an empty document is passed over
