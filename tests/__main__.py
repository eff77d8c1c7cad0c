"""The project's checks, all of them, in the order in which they are cheapest: `python -m tests`.

With `--coverage` the tests' lines and branches are counted, too, and are to be 95 % at least: a quarter as long again.
"""

from __future__ import annotations

import argparse
import compileall
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

MEMORY = Path("/dev/shm")  # noqa: S108  # where a record is synced in no time: the tests are not about this disk
ROOM = 4 << 30  # bytes that must be free there
WORKERS = "4"  # on two cores: a third of the time a test waits


def pytest_base() -> list[str]:
    """Where pytest puts its temporary directories: in memory, where there is room."""
    if not MEMORY.is_dir() or shutil.disk_usage(MEMORY).free < ROOM:
        return []
    return [f"--basetemp={MEMORY}/orchestrator-tests-{os.getpid()}"]


CHECKS = (
    ("lint", ["ruff", "check", "."]),
    ("format", ["ruff", "format", "--check", "."]),
    ("types", ["mypy"]),
    ("tests", ["pytest", "-n", WORKERS, "--dist", "worksteal", "-q"]),
)
COVERAGE = ["--cov", "--cov-report=term", "--cov-fail-under=95"]


def marked() -> list[str]:
    """The page is opened in a real browser where there is one; elsewhere that is left out, and said."""
    if any(shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")):
        return []
    print("== no Chromium here: the report page is not opened in a browser (apt-get install chromium)", flush=True)  # noqa: T201
    return ["-m", "not browser"]


def compile_all() -> subprocess.Popen[bytes]:
    """Compile the project, and begin to compile the tests as pytest does.

    Once: each of hundreds of commands that the stories start would do it anew, and each worker of pytest.
    """
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    compileall.compile_dir("orchestrator", quiet=1)
    return subprocess.Popen([sys.executable, "-m", "pytest", "--collect-only", "-q"], stdout=subprocess.DEVNULL)


def main() -> int:
    """Run every check, stop at the first that fails, and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests", description="Run all checks of the project.")
    parser.add_argument("--coverage", action="store_true", help="count the lines and branches that the tests run")
    counted = COVERAGE if parser.parse_args().coverage else []
    collecting = compile_all()
    try:
        return check_all(collecting, counted)
    finally:
        collecting.kill()  # what is left of it, where a check before the tests failed


def check_all(collecting: subprocess.Popen[bytes], counted: list[str]) -> int:
    """Run every check in turn; the tests once `collecting` is over, and with what `counted` adds."""
    for name, command in CHECKS:
        if name == "tests":
            collecting.wait()  # it went on beside the types, which take one core
        print(f"== {name}: {' '.join(command)}", flush=True)  # noqa: T201  # a command line for people
        began = time.monotonic()
        more = [*counted, *pytest_base(), *marked()] if name == "tests" else []
        code = subprocess.run([sys.executable, "-m", *command, *more], check=False).returncode  # noqa: S603  # from the table
        print(f"== {name}: {'ok' if code == 0 else 'FAILED'} in {time.monotonic() - began:.0f} s", flush=True)  # noqa: T201
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
