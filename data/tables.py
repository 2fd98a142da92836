"""Documents from tables: parquet or jsonl files with a `text` column, on disk or on a hub."""

from __future__ import annotations

import glob
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from nanosched.errors import first_line, shortened
from nanosched.regular import regular_size

from .chunks import CHUNK, Chunk, Position
from .errors import DataError, reading

if TYPE_CHECKING:
    import pyarrow

FORMATS = {".parquet": "parquet", ".jsonl": "json", ".json": "json"}
ROWS = 256  # that are taken from a table at once


def table_files(path: Path) -> list[Path]:
    """The parquet or jsonl files at a path.

    Args:
        path: one such file, or a folder of them.

    Returns:
        The files, sorted by name.

    Raises:
        DataError: there are none, both kinds, or an empty one.
    """
    with reading(path, "change its permissions"):
        files = sorted(p for p in path.iterdir() if p.suffix in FORMATS) if path.is_dir() else [path]
    formats = {FORMATS[file.suffix] for file in files}
    if len(formats) != 1:
        content = "both parquet and jsonl files" if formats else "neither parquet nor jsonl files"
        raise DataError(
            f"{path}: has {content}; give a text file, or a folder with files of one of these kinds"
        )
    for file in files:
        with reading(file, "take it out of the folder"):
            size = regular_size(file)
        if size == 0:
            raise DataError(f"{file}: is empty; delete it")
    return files


def read_tables(files: list[Path], position: Position = None) -> Iterator[Chunk]:
    """The `text` column of parquet or jsonl files, one document per row, in their order."""
    paths = [glob.escape(str(file.absolute())) for file in files]  # datasets takes them as patterns
    kind = FORMATS[files[0].suffix]
    # a group of rows may be the whole file, which is not to be unpacked at once
    more = {"batch_size": ROWS} if kind == "parquet" else {}
    return stream(files[0].parent, kind, position=position, data_files=paths, **more)


def stream(where: str | Path, *args, position: Position = None, **kwargs) -> Iterator[Chunk]:
    """The `text` column of what datasets.load_dataset gives, streamed.

    Args:
        where: stands in the errors.
        *args: for datasets.load_dataset.
        position: datasets' state of the stream; it goes on within a file and opens none before that.
        **kwargs: for datasets.load_dataset.

    Yields:
        Chunks of one document per row; "" where it is null.

    Raises:
        DataError: it can't be read (the cause tells why), or there is no column text of strings.
    """
    import datasets

    datasets.disable_progress_bars()
    datasets.logging.set_verbosity(datasets.logging.CRITICAL)  # our one line says what it would
    try:
        with tempfile.TemporaryDirectory() as folder:  # it keeps nothing that is streamed, but wants one
            rows = datasets.load_dataset(*args, **kwargs, split="train", streaming=True, cache_dir=folder)
            rows = rows.with_format("arrow")
            if position is not None:
                rows.load_state_dict(position)
            texts, size = [], 0
            for table in rows.iter(batch_size=ROWS):
                part = texts_of(table, where)
                texts += part
                size += sum(map(len, part))
                if size >= CHUNK:
                    yield Chunk(texts, rows.state_dict())
                    texts, size = [], 0
            if texts:
                yield Chunk(texts, rows.state_dict())
    except DataError:
        raise
    except Exception as error:  # datasets lets pyarrow's, fsspec's and its own exceptions through
        way_out = "mend it, or if the network broke off, run it again"
        raise DataError(f"{where}: can't be read ({first_line(error)}); {way_out}") from error


def texts_of(table: pyarrow.Table, where: str | Path) -> list[str]:
    """The texts of some rows; DataError where there is no column of them."""
    if "text" not in table.column_names:
        columns = shortened(", ".join(table.column_names))
        raise DataError(f"{where}: no column named text; there are {columns}: rename the one with the text")
    texts = table["text"].to_pylist()
    other = next((type(text).__name__ for text in texts if not isinstance(text, (str, type(None)))), None)
    if other:
        raise DataError(f"{where}: the column text has a {other}; it must be a string")
    return [text or "" for text in texts]
