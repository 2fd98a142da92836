"""What data.prepare and the loader take, against bare tiktoken and against what a GPU eats.

    python -m benchmarks.prepare --bytes 2e9 --kills 8

Makes a corpus of parquet files from the lines of Python's own sources, in random order. Then: tokens per
second of processor time of tiktoken alone and of data.prepare with all there is around it (start-up, reading,
hashing, writing), in turns, since the machine's speed drifts; its peak memory for a tenth of the corpus and
for all of it; the same preparation killed at random moments, whose bytes must come out the same; and how fast
batches of 1,024 tokens come from one shard and from a thousand, and how fast a dataset of either opens.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from data import batch, open_dataset
from data.corpora import python_files, read_python
from data.shards import make_manifest, write_json, write_shard
from data.tokenizers import GPT2

FILE_BYTES = 200e6
GPU = 500_000  # tokens per second
WINDOW, WINDOWS = 1024, 12


def make_corpus(folder: Path, size: float) -> None:
    """Parquet files with about `size` bytes of text, in documents of about 4,000."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    texts = read_python(python_files(with_site=False))
    lines = np.array([line for text in texts for line in text.splitlines(True) if line.strip()], object)
    rng, schema = np.random.default_rng(0), pa.schema([("text", pa.string())])
    folder.mkdir(parents=True)
    done = 0
    while done < size:
        end = min(size, done + FILE_BYTES)
        with pq.ParquetWriter(folder / f"{int(done / FILE_BYTES):03d}.parquet", schema) as writer:
            while done < end:
                lengths = rng.geometric(0.01, 1000)
                documents = ["".join(lines[rng.integers(0, len(lines), length)]) for length in lengths]
                writer.write_table(pa.table({"text": documents}))
                done += sum(map(len, documents))


def bare(folder: Path) -> float:
    """Tokens per second of processor time of tiktoken on the first 40 MB."""
    import pyarrow.parquet as pq

    groups = pq.ParquetFile(min(folder.iterdir()))
    texts = [
        text
        for group in range(min(10, groups.num_row_groups))
        for text in groups.read_row_group(group)["text"].to_pylist()
    ]
    encoding = GPT2()._encoding
    start = time.process_time()
    tokens = sum(len(encoding.encode_ordinary(text)) for text in texts)
    return tokens / (time.process_time() - start)


def command(corpus: Path, out: Path) -> list[str]:
    return [sys.executable, "-m", "data.prepare", str(corpus), "--out", str(out)]


def tokens_in(folder: Path) -> int:
    return sum((file.stat().st_size - 1024) // 2 for file in folder.glob("*.bin"))


def prepared(corpus: Path, out: Path) -> tuple[float, float, float]:
    """(tokens per second of processor time, per second, peak bytes of memory) of a preparation."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    process = subprocess.Popen(command(corpus, out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    peak = 0
    while process.poll() is None:
        peak = max(peak, resident(process.pid))
        time.sleep(0.2)
    seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode:
        raise SystemExit(f"data.prepare ended with {process.returncode}")
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return tokens_in(out) / processor, tokens_in(out) / seconds, peak


def resident(process: int) -> int:
    """Bytes of memory that a process has now; 0 where the system doesn't tell."""
    try:
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


def killed(corpus: Path, out: Path, kills: int, seconds: float) -> int:
    """Prepares it, killed at random moments within `seconds` of each start; how many kills it took."""
    rng, done = np.random.default_rng(0), 0
    for wait in rng.uniform(0, seconds, kills):
        process = subprocess.Popen(command(corpus, out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(timeout=wait)
            break
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            done += 1
    subprocess.run(command(corpus, out), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return done


def same(one: Path, other: Path) -> bool:
    """Whether two folders have the same files to the byte."""
    contents = [
        {file.name: file.read_bytes() for file in folder.iterdir() if file.name != ".lock"}
        for folder in (one, other)
    ]
    return contents[0] == contents[1]


def make_shards(folder: Path, shards: int) -> Path:
    """A prepared folder of 20M tokens in so many shards."""
    ids = np.random.default_rng(0).integers(0, 50257, 20_000_000 // shards).astype(np.uint16)
    files = [write_shard(folder / f"x_train_{i:06d}.bin", ids) for i in range(shards)]
    files.append(write_shard(folder / "x_val_000000.bin", ids[:20_000]))
    write_json(folder / "manifest.json", make_manifest("x", "gpt2", 50257, None, files))
    return folder


def loading(folder: Path, cache: Path) -> tuple[float, float]:
    """(seconds until a folder that was verified before is open, tokens per second of one core in batches)."""
    open_dataset(folder, cache=cache)
    start = time.process_time()
    dataset = open_dataset(folder, cache=cache)
    opened = time.process_time() - start
    start, steps = time.process_time(), 500
    for step in range(steps):
        batch(dataset.train, dataset.fingerprint, 0, step, WINDOWS, WINDOW)
    return opened, steps * WINDOWS * WINDOW / (time.process_time() - start)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bytes", type=float, default=2e8, help="of text; default 2e8")
    parser.add_argument("--turns", type=int, default=2, help="of each measurement; default 2")
    parser.add_argument("--kills", type=int, default=8, help="of the preparation; default 8")
    parser.add_argument("--folder", default="prepare-benchmark", help="made anew, and deleted at the end")
    args = parser.parse_args()
    root = Path(args.folder)
    try:
        measure(root, args.bytes, args.turns, args.kills)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def measure(root: Path, size: float, turns: int, kills: int) -> None:
    """Prints a line for each measurement."""
    make_corpus(root / "tenth", size / 10)
    make_corpus(root / "all", size)
    print(f"{size / 1e6:,.0f} MB of text in parquet files, {os.cpu_count()} cores", flush=True)
    _, _, memory = prepared(root / "tenth", root / "tenth-out")
    print(f"a tenth of it: peak memory {memory / 1e6:,.0f} MB", flush=True)
    for turn in range(turns):
        alone = [bare(root / "all")]
        per_core, per_second, memory = prepared(root / "all", root / f"out{turn}")
        alone.append(bare(root / "all"))
        mean = sum(alone) / len(alone)
        print(
            f"tiktoken alone {mean / 1e6:.2f}M tokens per second and core, data.prepare "
            f"{per_core / 1e6:.2f}M ({per_core / mean:.2f} of it), {per_second / 1e6:.2f}M per second, peak "
            f"memory {memory / 1e6:,.0f} MB",
            flush=True,
        )
    seconds = tokens_in(root / "out0") / per_second
    done = killed(root / "all", root / "killed", kills, 2 * seconds / max(kills, 1))
    verdict = "the same bytes" if same(root / "out0", root / "killed") else "OTHER BYTES"
    print(f"killed {done} times: {verdict}", flush=True)
    for shards in (1, 1000):
        opened, rate = loading(make_shards(root / f"shards{shards}", shards), root / "cache")
        print(
            f"{shards:,} shards: open in {1000 * opened:.0f} ms, batches of {WINDOWS} x {WINDOW} at "
            f"{rate / 1e6:.0f}M tokens per second and core: {rate / GPU:.0f} times a GPU's {GPU:,}"
        )


if __name__ == "__main__":
    main()
