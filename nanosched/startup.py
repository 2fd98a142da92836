"""Imported first by a command: Ctrl-C is quiet until `nanosched.command.run_command` takes over."""

import signal
import sys
from pathlib import Path

COMMANDS = {"compare.py", "train.py"}

if Path(getattr(sys.modules["__main__"], "__file__", None) or "").name in COMMANDS:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
