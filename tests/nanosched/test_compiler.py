"""Whether torch can compile here is found out by compiling."""

import stat

import pytest

from nanosched import compiler


@pytest.fixture(autouse=True)
def asked_anew():
    compiler.fault.cache_clear()
    yield
    compiler.fault.cache_clear()


def test_a_compiler_that_is_missing_or_fails_is_a_line(monkeypatch, tmp_path):
    monkeypatch.setenv("CXX", str(tmp_path / "none"))
    assert compiler.fault() == f"{tmp_path / 'none'}: No such file or directory"
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\necho 'probe.cpp:1: fatal error: Python.h: No such file' >&2\nexit 1\n")
    broken.chmod(broken.stat().st_mode | stat.S_IXUSR)
    compiler.fault.cache_clear()
    monkeypatch.setenv("CXX", str(broken))
    assert compiler.fault() == "probe.cpp:1: fatal error: Python.h: No such file"


def test_a_compiler_that_torch_finds_works():
    from torch._inductor.cpp_builder import get_cpp_compiler

    try:
        get_cpp_compiler()
    except Exception:
        pytest.skip("torch finds no C++ compiler here")
    assert compiler.fault() == ""
