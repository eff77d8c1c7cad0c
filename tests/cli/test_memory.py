"""Promises of the process's memory: what was freed is used again, without asking the kernel each time."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys

import pytest

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


def page_faults(how: str, **variables: str) -> int:
    """What reading some pages costs."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")} | variables
    command = [sys.executable, "-c", PROGRAM, how]
    told = subprocess.run(command, capture_output=True, text=True, check=True, env=environ)  # noqa: S603
    return int(told.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="it is a matter of glibc")
def test_a_page_goes_where_the_one_before_it_was() -> None:
    kept = page_faults("kept")
    assert kept < PAGES
    assert page_faults("as it comes") > 50 * PAGES
    assert page_faults("kept", MALLOC_TRIM_THRESHOLD_="131072") > 50 * PAGES  # somebody wants it so


@pytest.mark.parametrize(
    "lacking",
    [
        pytest.param("sys.modules['ctypes'] = None", id="Python was built without ctypes"),
        pytest.param("import ctypes; ctypes.CDLL = lambda _: open('/nowhere')", id="no library can be opened"),
        pytest.param("import ctypes; ctypes.CDLL = lambda _: object()", id="it is another C library"),
    ],
)
def test_where_it_cannot_be_told_a_command_works_all_the_same(lacking: str) -> None:
    program = f"import sys; {lacking}; from orchestrator.cli.main import entry; sys.argv[1:] = ['schema']; entry()"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)  # noqa: S603
    assert (told.returncode, told.stderr) == (0, "")
    assert json.loads(told.stdout)["type"] == "object"
