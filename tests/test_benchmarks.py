"""The GPU's benchmark at a size that a CPU takes at once: that it runs and says what it measured."""

import re
import sys

from helpers import TINY

from benchmarks import gpu


def test_the_gpus_benchmark_runs_on_a_cpu(monkeypatch, capsys):
    flags = [f"--{name}={value}" for name, value in TINY.items()]
    sizes = ["--turns=2", "--turn-steps=2", "--slots=1,3"]
    monkeypatch.setattr(sys, "argv", ["gpu.py", *flags, "--gradient_accumulation_steps=2", *sizes])
    gpu.main()
    header, nanogpt, ours, ratio, columns, one, three = capsys.readouterr().out.splitlines()[-7:]
    assert "128 tokens per step, float32, compile false" in header and "2 turns of 2 steps" in header
    for line in (nanogpt, ours):
        assert all(float(n.replace(",", "")) > 0 for n in re.findall(r"([\d.,]+) (?:ms|tokens/s)", line))
        assert "MFU" in line
    assert "ours / nanoGPT's" in ratio and columns.split()[0] == "slots"
    for line, slots in ((one, 1), (three, 3)):
        assert int(line.split()[0]) == slots and all(float(n) > 0 for n in line.split()[1:4])
