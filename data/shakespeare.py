"""Tiny Shakespeare (karpathy/char-rnn): downloaded once, known by its checksum."""

import hashlib
import os
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from nanosched.errors import first_line
from nanosched.files import atomic
from nanosched.regular import read_regular

from .errors import DataError, reading, writing
from .network import why_unreachable, within
from .progress import to_stderr
from .stand_in import kept, places

URL = "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
SHA256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"
MAX_SECONDS = 60
MAX_BYTES = 10_000_000  # it has 1,115,394


def shakespeare_file(cache: Path) -> Path:
    """Where the text lies in the cache, there or not yet."""
    return cache / "shakespeare" / "input.txt"


def read_shakespeare(cache: Path, say: Callable[[str], None] = to_stderr) -> str:
    """The text, from the cache, else downloaded into it.

    Args:
        cache: the cache folder.
        say: takes a line where it can't be written.

    Returns:
        1,115,394 characters.

    Raises:
        DataError: it can be neither read nor downloaded, or is another text.
    """
    files = [shakespeare_file(folder) for folder in places(cache)]
    file = next(filter(os.path.exists, files), None)
    if file is None:
        content = fetch(f"put the file at {files[0]}, or use --dataset pystdlib or a path to a text file")
        file = kept(cache, partial(write, content), say)
    with reading(file, "change its permissions"):
        content = read_regular(file, MAX_BYTES)
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise DataError(
            f"{file}: is not tiny Shakespeare (its sha256 is another); delete it, or give it as a path"
        )
    return content.decode("utf-8")


def write(content: bytes, cache: Path) -> Path:
    """The file in the cache; CantWrite where that doesn't take it."""
    file = shakespeare_file(cache)
    with writing(file), atomic(file) as temporary:
        temporary.write_bytes(content)
    return file


def fetch(way_out: str) -> bytes:
    """What is at URL, after one try of at most MAX_SECONDS.

    Args:
        way_out: stands in the error.

    Returns:
        the file with the right checksum.

    Raises:
        DataError: nobody answers, or with another text.
    """
    import pooch

    reason = why_unreachable(URL)
    if reason:
        raise DataError(
            f"shakespeare needs a download and the network can't be reached ({reason}); {way_out}"
        )
    pooch.get_logger().setLevel("WARNING")
    try:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            retrieve = partial(pooch.retrieve, URL, f"sha256:{SHA256}", "input.txt", folder)
            return Path(within(MAX_SECONDS, retrieve)).read_bytes()
    except ValueError as error:
        raise DataError(
            f"shakespeare: the download is wrong (its sha256 is not {SHA256[:12]}...); {way_out}"
        ) from error
    except Exception as error:  # requests lets urllib3's exceptions through
        raise DataError(f"shakespeare could not be downloaded ({first_line(error)}); {way_out}") from error
