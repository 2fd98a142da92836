"""fineweb10B: shards that others have tokenized, of 100M GPT-2 tokens each, from the Hugging Face hub."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from nanosched.errors import first_line

from .errors import DataError, writing
from .network import hub, is_local, patiently, why_unreachable
from .shards import check_shard
from .tokenizers import GPT2

NAME = "fineweb10B"
REPO = "kjj0/fineweb10B-gpt2"
TOKENIZER = GPT2.name
FILES = ["fineweb_val_000000.bin", *(f"fineweb_train_{number:06d}.bin" for number in range(1, 104))]
WAY_OUT = "run it again, or copy the files into a folder and give that as --dataset"


def fetch(name: str, out: Path, say: Callable[[str], None]) -> dict:
    """Downloads a shard, whole and checked or not at all.

    Args:
        name: one of FILES.
        out: the folder; nobody else downloads into it.
        say: takes a line where it is tried again.

    Returns:
        Its entry for the manifest: name, split, tokens, sha256.

    Raises:
        DataError: it can't be had, is no shard of GPT-2 tokens, or has another sha256 than the hub says.
    """
    reason = why_unreachable(hub())
    if reason:
        raise DataError(f"{NAME} needs {hub()} and it can't be reached ({reason}); {WAY_OUT}")
    partial = out / ".download"
    with writing(out):
        shutil.rmtree(partial, ignore_errors=True)  # of a process that was killed
    try:
        file, etag = patiently(lambda: download(name, partial), say)
        entry = check_shard(file, GPT2.vocab_size)
        if is_sha256(etag) and etag != entry["sha256"]:
            raise DataError(
                f"{name}: damaged on its way: sha256 {entry['sha256'][:12]}..., the hub has {etag[:12]}...; "
                f"{WAY_OUT}"
            )
        with writing(out / name):
            os.replace(file, out / name)
    except DataError:
        raise
    except Exception as error:  # huggingface_hub's own, and those of what it stands on
        if is_local(error):
            with writing(out):
                raise
        reason = first_line(error)
        raise DataError(f"{name} of {REPO} could not be downloaded ({reason}); {WAY_OUT}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return entry


def download(name: str, folder: Path) -> tuple[Path, str | None]:
    """The file in `folder`, and its etag; a connection that breaks off is gone on with by huggingface_hub."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url, logging
    from huggingface_hub.utils import disable_progress_bars

    disable_progress_bars()
    logging.set_verbosity_error()
    where = dict(repo_id=REPO, filename=name, repo_type="dataset", endpoint=hub())
    etag = get_hf_file_metadata(hf_hub_url(**where)).etag
    return Path(hf_hub_download(**where, local_dir=folder)), etag


def is_sha256(etag: str | None) -> bool:
    """Whether the hub told the checksum: of small files it has only git's."""
    return etag is not None and len(etag) == 64
