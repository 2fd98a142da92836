"""Documents from tables: parquet or jsonl files with a `text` column, on disk or on a hub."""

import glob
import tempfile
from collections.abc import Iterator
from pathlib import Path

from nanosched.errors import first_line, shortened
from nanosched.regular import regular_size

from .errors import DataError, reading

FORMATS = {".parquet": "parquet", ".jsonl": "json", ".json": "json"}


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


def read_tables(files: list[Path]) -> Iterator[str]:
    """The `text` column of parquet or jsonl files, one document per row, in their order."""
    paths = [glob.escape(str(file.absolute())) for file in files]  # datasets takes them as patterns
    return stream(files[0].parent, FORMATS[files[0].suffix], data_files=paths)


def stream(where: str | Path, *args, **kwargs) -> Iterator[str]:
    """The `text` column of what datasets.load_dataset gives, streamed.

    Args:
        where: stands in the errors.
        *args: for datasets.load_dataset.
        **kwargs: for datasets.load_dataset.

    Yields:
        One document per row; "" where it is null.

    Raises:
        DataError: it can't be read, or a row has no string called text.
    """
    import datasets

    datasets.disable_progress_bars()
    datasets.logging.set_verbosity(datasets.logging.CRITICAL)  # our one line says what it would
    try:
        with tempfile.TemporaryDirectory() as folder:  # it keeps nothing that is streamed, but wants one
            rows = datasets.load_dataset(*args, **kwargs, split="train", streaming=True, cache_dir=folder)
            for number, row in enumerate(rows):
                yield text_of(row, number, where)
    except DataError:
        raise
    except Exception as error:  # datasets lets pyarrow's, fsspec's and its own exceptions through
        way_out = "mend it, or if the network broke off, run it again"
        raise DataError(f"{where}: can't be read ({first_line(error)}); {way_out}") from error


def text_of(row: dict, number: int, where: str | Path) -> str:
    """The text of one row; DataError where it has none."""
    if "text" not in row:
        raise DataError(
            f"{where}: no column named text; there are {shortened(', '.join(row))}: rename the one with the "
            "text"
        )
    if not isinstance(row["text"], (str, type(None))):
        raise DataError(
            f"{where}: text in row {number} is a {type(row['text']).__name__}; it must be a string"
        )
    return row["text"] or ""
