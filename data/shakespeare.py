"""Tiny Shakespeare (karpathy/char-rnn): downloaded once, known by its checksum."""

import hashlib
from pathlib import Path

from nanosched.errors import first_line

from .errors import DataError, reading
from .network import why_unreachable, within

URL = "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
SHA256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"
MAX_SECONDS = 60


def shakespeare_file(cache: Path) -> Path:
    """Where the text lies in the cache, there or not yet."""
    return cache / "shakespeare" / "input.txt"


def read_shakespeare(cache: Path) -> str:
    """The text, from the cache, else downloaded into it.

    Args:
        cache: the cache folder.

    Returns:
        1,115,394 characters.

    Raises:
        DataError: it can be neither read nor downloaded, or is another text.
    """
    file = shakespeare_file(cache)
    if not file.exists():
        download(file)
    with reading(file, "change its permissions"):
        content = file.read_bytes()
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise DataError(
            f"{file}: is not tiny Shakespeare (its sha256 is another); delete it, or give it as a path"
        )
    return content.decode("utf-8")


def download(file: Path) -> None:
    """One try, at most MAX_SECONDS; `file` is there afterwards with the right checksum, or not at all."""
    import pooch

    way_out = f"put the file at {file}, or use --dataset pystdlib or a path to a text file"
    reason = why_unreachable(URL)
    if reason:
        raise DataError(
            f"shakespeare needs a download and the network can't be reached ({reason}); {way_out}"
        )
    pooch.get_logger().setLevel("WARNING")
    try:
        within(MAX_SECONDS, lambda: pooch.retrieve(URL, f"sha256:{SHA256}", file.name, file.parent))
        file.chmod(0o644)  # pooch leaves it to its owner alone, and a cache may be shared
    except ValueError as error:
        raise DataError(
            f"shakespeare: the download is wrong (its sha256 is not {SHA256[:12]}...); {way_out}"
        ) from error
    except Exception as error:  # requests lets urllib3's exceptions through
        raise DataError(f"shakespeare could not be downloaded ({first_line(error)}); {way_out}") from error
