"""The processes of torchrun: the first one leads, and the others train beside it.

Only the first reads, decides, writes and speaks. Each run that it trains it hands to the others as it stands,
so that they need nothing of its folder. Without torchrun there is one process, which does all that alone.
"""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Callable
from contextlib import contextmanager, nullcontext, suppress
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import NoReturn

from .command import STOPPED
from .config import Config
from .errors import first_line, not_allowed
from .run_files import write_error

FAILED = 1  # exit code
LOST = "another process can't be reached or has ended: the same command goes on from the last checkpoint"
AS_LONG_AS_IT_TAKES = timedelta(days=365)  # data are prepared, figures drawn, while the others wait


def processes() -> int:
    """How many share each batch; 1 without torchrun."""
    return int(os.environ["WORLD_SIZE"]) if by_torchrun() else 1


def rank() -> int:
    """Which of them this is, from 0, the one that leads."""
    return int(os.environ["RANK"]) if by_torchrun() else 0


def by_torchrun() -> bool:
    """Other launchers set WORLD_SIZE too, for processes that don't know of each other."""
    return "TORCHELASTIC_RUN_ID" in os.environ


# -- who takes what


def check_split(config: Config):
    """Refuse a training that the processes can't share.

    Args:
        config: with the machine's settings decided.

    Raises:
        ValueError: one line that names the setting and what to give instead.
    """
    n, rows = processes(), sequences(config)
    if rows % n:
        share = f"a step takes {rows} sequences, which {n} processes can't share evenly"
        raise not_allowed("batch_size", config.batch_size, f"{share}; give a multiple of {n}")
    if n > 1 and config.replicas == "stacked":
        raise not_allowed("replicas", config.replicas, "torchrun trains one run at a time; give separate")
    if n > 1 and config.device == "cuda":
        import torch

        here, gpus = int(os.environ.get("LOCAL_WORLD_SIZE", n)), torch.cuda.device_count()
        if here > gpus:
            raise not_allowed("nproc_per_node", here, f"this machine has {gpus} of the GPUs, one for each")


def sequences(config: Config) -> int:
    """Of a step's batch, all processes together."""
    return config.batch_size * config.gradient_accumulation_steps


def micro_batch(config: Config) -> int:
    """Sequences that a process takes at once: as many, up to batch_size, as its rows are a multiple of."""
    own = sequences(config) // processes()
    return max(part for part in range(1, min(own, config.batch_size) + 1) if own % part == 0)


def own_rows(rows):
    """This process's contiguous part of a batch, (rows, ...) to (rows / processes, ...)."""
    n = len(rows) // processes()
    return rows[rank() * n : (rank() + 1) * n]


def own_share(items: list) -> list:
    """Every so many-th of the items: together the processes have each once."""
    return items[rank() :: processes()]


# -- what they agree on


def data_parallel(forward, device: str):
    """`forward` with gradients that are means over the processes, once a step: torch's DDP.

    Args:
        forward: a model, compiled or not, whose weights are the same everywhere.
        device: cpu or cuda.
    """
    import torch
    from torch.nn.parallel import DistributedDataParallel

    device_ids = [torch.cuda.current_device()] if device == "cuda" else None
    return DistributedDataParallel(forward, device_ids, gradient_as_bucket_view=True)


def is_data_parallel(forward) -> bool:
    from torch.nn.parallel import DistributedDataParallel

    return isinstance(forward, DistributedDataParallel)


def mean_over_processes(x):
    """Of a tensor on any device, in place; nothing waits for a GPU."""
    import torch.distributed as dist

    dist.all_reduce(x)
    return x.div_(processes())


def sums_over_processes(*numbers: float) -> list[float]:
    """Of each number, the sum of what the processes have; theirs alone where there is one process."""
    if processes() == 1:
        return list(numbers)
    import torch
    import torch.distributed as dist

    sums = torch.tensor(numbers, dtype=torch.float64)
    dist.all_reduce(sums)
    return sums.tolist()


def least(number: int) -> int:
    """The smallest of what the processes have."""
    import torch
    import torch.distributed as dist

    numbers = torch.tensor([number])
    dist.all_reduce(numbers, dist.ReduceOp.MIN)
    return numbers.item()


def in_any(should_stop: Callable[[], bool] | None) -> Callable[[], bool]:
    """Whether any of the processes should stop; all have to ask at the same time."""
    return lambda: sums_over_processes(should_stop is not None and should_stop())[0] > 0


# -- one leads, the others follow


def run_together(main: Callable[[], int | None]) -> int | None:
    """Call `main` in the first process; the others do what it gives them, until it ends.

    Args:
        main: a command.

    Returns:
        what main returns; None in the others.
    """
    if processes() == 1:
        return main()
    join()
    if rank():
        return follow()
    try:
        return main()
    finally:
        if not isinstance(sys.exc_info()[1], Parted):
            dismiss()


def join():
    """Meet the other processes. SIGTERM, which torchrun sends to those left over, does what Ctrl-C does."""
    import torch
    import torch.distributed as dist

    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    cuda = torch.cuda.is_available()
    if cuda:
        torch.cuda.set_device(local_device())
    store = meeting_point()
    dist.init_process_group(
        "cpu:gloo,cuda:nccl" if cuda else "gloo", store=store, rank=rank(), world_size=processes()
    )
    waiting_group()


def local_device() -> int:
    """This process's GPU; where there are fewer GPUs than processes, they may want the CPU."""
    import torch

    return int(os.environ.get("LOCAL_RANK", 0)) % torch.cuda.device_count()


@cache
def meeting_point():
    """The store that torchrun keeps for its processes; it is there for as long as torchrun is."""
    import torch.distributed as dist

    return next(iter(dist.rendezvous("env://")))[0]


@cache
def waiting_group():
    """For what the first process gives: the others wait for it without a limit."""
    import torch.distributed as dist

    return dist.new_group(backend="gloo", timeout=AS_LONG_AS_IT_TAKES)


def give(job: Callable[[], object] | None):
    """Hand the others a call to make; None sends them home.

    Args:
        job: anything that pickles; tensors on the first process's GPU come to be on theirs.
    """
    import torch
    import torch.distributed as dist

    buffer = io.BytesIO()
    torch.save(job, buffer)
    data = torch.frombuffer(buffer.getbuffer(), dtype=torch.uint8)
    dist.broadcast(torch.tensor([len(data)]), 0, group=waiting_group())
    dist.broadcast(data, 0, group=waiting_group())


def dismiss():
    """Send the others home, those that are still there."""
    import torch.distributed as dist

    with suppress(RuntimeError):
        give(None)
        dist.destroy_process_group()


def take() -> Callable[[], object] | None:
    """What the first process gives."""
    import torch
    import torch.distributed as dist

    size = torch.zeros(1, dtype=torch.long)
    dist.broadcast(size, 0, group=waiting_group())
    data = torch.empty(size.item(), dtype=torch.uint8)
    dist.broadcast(data, 0, group=waiting_group())
    own = {"cuda:0": f"cuda:{local_device()}"} if torch.cuda.is_available() else None
    return torch.load(io.BytesIO(data.numpy().data), map_location=own, weights_only=False)


def follow():
    """Do what the first process gives; between two runs that one alone decides what Ctrl-C means."""
    import torch.distributed as dist

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with end_together():
        while job := take():
            job()
        dist.destroy_process_group()


class Parted(SystemExit):
    """The end of a process that the others may be waiting for."""


@contextmanager
def end_together(folder: Path | None = None):
    """Within, the processes wait for each other: what one of them raises ends all, in one line.

    Args:
        folder: of the run in training, which gets an error.txt; default none.

    Raises:
        Parted: instead of what was raised.
    """
    try:
        yield
    except Parted:
        raise
    except KeyboardInterrupt:
        first_to_fail()  # so that the others have nothing to say
        raise Parted(STOPPED) from None
    except Exception as e:
        part(e, folder)


def part(error: Exception, folder: Path | None) -> NoReturn:
    """End this process; the first one that fails says why, and the others, which miss it, nothing."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if first_to_fail():
        what = write_error(folder, error) if folder else first_line(error)
        own = f"{what} (process {rank()} of {processes()})"
        print(f"error: {f'{LOST} ({what})' if is_of_another(error) else own}", file=sys.stderr, flush=True)
    raise Parted(FAILED) from error


def first_to_fail() -> bool:
    try:
        return meeting_point().add("failed", 1) == 1
    except RuntimeError:  # it ended with the first process
        return True


def is_of_another(error: Exception) -> bool:
    """Whether an error is that of a connection to another process, which torch has no type for on a CPU."""
    import torch.distributed as dist

    return isinstance(error, dist.DistError) or "gloo" in str(error) or "NCCL" in str(error)


def accumulating(forward, last: bool):
    """The context of a micro-batch: gradients go over to the other processes at the last one alone."""
    return nullcontext() if last or not is_data_parallel(forward) else forward.no_sync()
