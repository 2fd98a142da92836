"""The names `--dataset` takes, and the documents behind each, read or fetched only when asked for."""

import difflib
import hashlib
import os
import sysconfig
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from nanosched.errors import quoted
from nanosched.memory import format_bytes, room
from nanosched.regular import read_regular, regular_size
from nanosched.visible import visible

from . import ready, shakespeare
from .chunks import Chunk, Position, in_chunks
from .errors import DataError, reading
from .network import hub, patiently_read, why_unreachable
from .progress import to_stderr
from .stand_in import stand_in
from .tables import FORMATS, read_tables, stream, table_files

NAMES = ("auto", "shakespeare", "fineweb", "fineweb10B", "pystdlib", "pystdlib:site")

FINEWEB = "HuggingFaceFW/fineweb-edu", "sample-10BT"
FINEWEB_VAL, TABLES_VAL = 0.01, 0.1  # of the documents, for validation
TEXT_BYTES = 6  # of memory for each byte of a text file, at least: the text, its two parts and their ids

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


@dataclass(frozen=True)
class Corpus:
    """Documents under a name.

    Args:
        name: resolved: never "auto".
        source: changes whenever the documents may have changed.
        chunks: gives its documents from a position on, in an order that is always the same.
        single: one text, already cut into its train and val part.
        streamed: too large to read twice.
        val_share: the part of the documents that goes to val, by the hash of each (`encoding.goes_to_val`);
            None where the first ones do.
        tokenizer: of a corpus that is fetched as shards and has no documents.
    """

    name: str
    source: str
    chunks: Callable[[Position], Iterator[Chunk]]
    single: bool = False
    streamed: bool = False
    val_share: float | None = None
    tokenizer: str | None = None

    def documents(self) -> Iterator[str]:
        """Each document, from the first on."""
        return (text for chunk in self.chunks(None) for text in chunk.texts)


def cache_folder(folder: str | Path | None = None) -> Path:
    """`folder`; by default $NANOSCHED_CACHE, else $XDG_CACHE_HOME/nanosched, else ~/.cache/nanosched."""
    default = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "nanosched"
    path = Path(folder or os.environ.get("NANOSCHED_CACHE") or default)
    try:
        return path.expanduser().absolute()
    except RuntimeError:  # nobody's home is there
        return stand_in(path)


def resolve(name: str | Path, cache: Path, say: Callable[[str], None]) -> str | Path:
    """`name`, with "auto" turned into shakespeare where that is cached or can be fetched, else pystdlib.

    Args:
        name: a name or a path, as for `open_dataset`.
        cache: the cache folder.
        say: takes the line that tells why it is pystdlib.

    Returns:
        A name or a path that `get_corpus` takes.
    """
    if name != "auto":
        return name
    try:
        shakespeare.read_shakespeare(cache, say)
        return "shakespeare"
    except DataError as error:
        say(f"dataset auto is pystdlib here: {str(error).split(';')[0]}")
        return "pystdlib"


def get_corpus(name: str | Path, cache: Path, say: Callable[[str], None] = to_stderr) -> Corpus:
    """The Corpus that a name or a path stands for.

    Args:
        name: a name (not "auto") or a path (not of a folder of shards).
        cache: where downloaded text lies.
        say: takes a line where that can't be written.

    Returns:
        The Corpus; its documents are not read yet.

    Raises:
        DataError: there is no such name or path.
    """
    if name == "shakespeare":
        documents = partial(cut_shakespeare, cache, say)
        return Corpus(name, shakespeare.SHA256, partial(in_chunks, documents), single=True)
    if name == "fineweb":
        read = partial(read_fineweb, say)
        return Corpus(name, "/".join(FINEWEB), read, streamed=True, val_share=FINEWEB_VAL)
    if name == ready.NAME:
        return Corpus(name, ready.REPO, lambda position: iter(()), streamed=True, tokenizer=ready.TOKENIZER)
    if name in ("pystdlib", "pystdlib:site"):
        files = python_files(with_site=name.endswith(":site"))
        return Corpus(name, stamp(files.values()), partial(in_chunks, partial(read_python, files)))
    path = existing_path(name)
    if path.is_dir() or path.suffix in FORMATS:
        files = table_files(path)
        return Corpus(visible(path.name), stamp(files), partial(read_tables, files), val_share=TABLES_VAL)
    check_size(path)
    chunks = partial(in_chunks, lambda: cut(read_text(path)))
    return Corpus(visible(path.name), stamp([path]), chunks, single=True)


def cut(text: str) -> Iterator[str]:
    """nanoGPT's split: the first int(0.9 * n) characters, then the rest."""
    at = int(0.9 * len(text))
    yield text[:at]
    yield text[at:]


def cut_shakespeare(cache: Path, say: Callable[[str], None]) -> Iterator[str]:
    """The two parts of tiny Shakespeare."""
    return cut(shakespeare.read_shakespeare(cache, say))


def stamp(files: Iterable[str | Path]) -> str:
    """A hash (hex) of the files' paths, sizes and mtimes: what tells a changed source from the old one."""
    digest = hashlib.sha256()
    for file in files:
        with reading(Path(file), "run it again when its folder is at rest"):
            stat = os.stat(file)
        line = f"{os.path.abspath(file)}\0{stat.st_size}\0{stat.st_mtime_ns}\n"
        digest.update(line.encode("utf-8", "replace"))
    return digest.hexdigest()


# --- paths


def existing_path(name: str | Path) -> Path:
    """`name` as an absolute Path; DataError with the nearest name of a dataset where nothing is there."""
    path = Path(os.path.expanduser(name)).absolute()
    if str(name) and os.path.exists(path):
        return path
    near = difflib.get_close_matches(str(name), NAMES, n=1)
    hint = f"did you mean {near[0]}?" if near else f"the names are {', '.join(NAMES)}."
    raise DataError(f"dataset {quoted(str(name))} is neither a name nor an existing file or folder; {hint}")


def check_size(path: Path) -> None:
    """DataError for a text that can't be read as one, or that this machine's memory has no room for."""
    with reading(path, "give a text file"):
        size = regular_size(path)
    free = room("cpu")
    if free is not None and TEXT_BYTES * size > free:
        raise DataError(
            f"{path}: a text of {format_bytes(size)} takes at least {format_bytes(TEXT_BYTES * size)} of "
            f"memory and {format_bytes(free)} are free; cut it into rows of jsonl files, which are streamed"
        )


def read_text(path: Path) -> str:
    """A text file as it is, line ends too; DataError where it can't be read, is not UTF-8 or has no text."""
    try:
        check_size(path)
        with reading(path, "change its permissions"):
            content = read_regular(path, regular_size(path))
        text = content.decode("utf-8")  # the same line ends on every machine
    except UnicodeDecodeError as error:
        position = f"byte {error.start} is 0x{error.object[error.start]:02x}"
        raise DataError(f"{path}: not UTF-8 text ({position}); save it as UTF-8") from error
    if not text.strip():
        raise DataError(f"{path}: has no text; give a file with text in it")
    return text


# --- names


def read_fineweb(say: Callable[[str], None], position: Position) -> Iterator[Chunk]:
    """FineWeb-Edu's sample-10BT, streamed: one document per row, in the order of its files."""
    reason = why_unreachable(hub())
    if reason:
        raise DataError(
            f"fineweb needs {hub()} and it can't be reached ({reason}); "
            "use --dataset pystdlib, a folder of its parquet files, or shards prepared elsewhere"
        )
    return patiently_read(lambda position: stream("fineweb", *FINEWEB, position=position), position, say)


def python_files(with_site: bool) -> dict[str, str]:
    """The sources of the Python that runs this.

    Args:
        with_site: add the installed packages.

    Returns:
        {name: file}, sorted by name.

    Raises:
        DataError: there are none.
    """
    paths = sysconfig.get_paths()
    files = dict(walk_python(paths["stdlib"], ""))
    if with_site:
        for folder in {paths["purelib"], paths["platlib"]}:
            files.update(walk_python(folder, "site-packages/"))
    if not files:
        raise DataError(
            f"pystdlib: no .py files in {paths['stdlib']}; use --dataset with a path to a text file"
        )
    return dict(sorted(files.items()))


def walk_python(root: str, prefix: str) -> Iterator[tuple[str, str]]:
    """(name, file) of each .py file under a folder, the name with `prefix` before it."""
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in LEFT_OUT]
        for name in names:
            file = os.path.join(folder, name)
            if name.endswith(".py") and os.path.isfile(file):  # a link may lead nowhere
                yield prefix + os.path.relpath(file, root).replace(os.sep, "/"), file


def read_python(files: dict[str, str]) -> Iterator[str]:
    """The text of each file, "" for one that can't be read: an empty document is passed over."""
    for file in files.values():
        try:
            yield Path(file).read_bytes().decode("utf-8")
        except (OSError, UnicodeDecodeError):
            yield ""
