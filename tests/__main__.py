"""The project's checks, all of them, in the order in which they are cheapest: `python -m tests`."""

from __future__ import annotations

import subprocess
import sys
import time

CHECKS = (
    ("lint", ["ruff", "check", "."]),
    ("format", ["ruff", "format", "--check", "."]),
    ("types", ["mypy"]),
    ("tests", ["pytest", "-n", "2", "--dist", "worksteal", "-q", "--cov", "--cov-report=term", "--cov-fail-under=95"]),
)


def main() -> int:
    """Run every check, stop at the first that fails, and return its exit code."""
    for name, command in CHECKS:
        print(f"== {name}: {' '.join(command)}", flush=True)  # noqa: T201  # a command line for people
        began = time.monotonic()
        code = subprocess.run([sys.executable, "-m", *command], check=False).returncode  # noqa: S603  # from the table
        print(f"== {name}: {'ok' if code == 0 else 'FAILED'} in {time.monotonic() - began:.0f} s", flush=True)  # noqa: T201
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
