"""Processes that share a run, as torchrun starts them, but forked from one that imported all they need."""

import multiprocessing
import os
import runpy
import socket
import sys

from helpers import ROOT

WAIT_S = 90  # far more than any takes; a hang fails the test


def together(n, folder, function, *args):
    """function(*args) in n processes; their exit codes, and all that they said on standard error."""
    context, port = multiprocessing.get_context("forkserver"), free_port()
    context.set_forkserver_preload(["train", "torch._dynamo"])  # which torch's DDP imports
    processes = [
        context.Process(target=one, args=(rank, n, port, folder, function, args)) for rank in range(n)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(WAIT_S)
    codes = [process.exitcode for process in processes]
    for process in processes:
        process.kill()
    return codes, "".join((folder / f"stderr-{rank}").read_text() for rank in range(n))


def one(rank, n, port, folder, function, args):
    os.environ["TORCHELASTIC_RUN_ID"] = "test"
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(n), LOCAL_WORLD_SIZE=str(n))
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    sys.stdout = open(folder / f"stdout-{rank}", "w")
    sys.stderr = open(folder / f"stderr-{rank}", "w")
    function(*args)


def free_port():
    with socket.socket() as any_port:
        any_port.bind(("127.0.0.1", 0))
        return any_port.getsockname()[1]


def command(script, *args):
    """The script as torchrun starts it, without figures."""
    from analysis import write

    write.PAGES = [page for page in write.PAGES if not page.name.startswith("figures/")]
    sys.argv = [script, *map(str, args)]
    runpy.run_path(str(ROOT / script), run_name="__main__")
