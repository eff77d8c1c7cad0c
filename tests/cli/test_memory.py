"""Promises of the process's memory: what was freed is used again, without asking the kernel each time."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from orchestrator.cli import memory

PAGES = 500
PROGRAM = f"""
import resource, sys
from orchestrator.cli.memory import keep_freed_memory

if sys.argv[1] == "kept":
    keep_freed_memory()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range({PAGES}):
    pieces = [bytes(65_536) for _ in range(16)]  # an answer, as it comes in
    pieces.clear()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(how: str) -> int:
    """What reading some pages costs."""
    told = subprocess.run([sys.executable, "-c", PROGRAM, how], capture_output=True, text=True, check=True)  # noqa: S603
    return int(told.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="it is a matter of glibc")
def test_a_page_goes_where_the_one_before_it_was() -> None:
    kept = page_faults("kept")
    assert kept < PAGES
    assert page_faults("as it comes") > 50 * PAGES


@pytest.mark.parametrize("why", [OSError, AttributeError])
def test_where_it_cannot_be_told_nothing_happens(monkeypatch: pytest.MonkeyPatch, why: type[Exception]) -> None:
    def no_library(_: None) -> None:
        raise why

    monkeypatch.setattr("ctypes.CDLL", no_library)
    memory.keep_freed_memory()


def test_nor_where_python_was_built_without_ctypes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ctypes", None)
    memory.keep_freed_memory()
