"""What importing costs, measured: `python -m tests.library.import_cost`. No test: a busy machine would fail it."""

from __future__ import annotations

import subprocess
import sys

ROUNDS = 15
STATEMENTS = (
    "import aiohttp",
    "import orchestrator",
    "from orchestrator import DcsClient, stop_migration_tasks",
)


def milliseconds(statement: str) -> float:
    """The quickest of some fresh interpreters."""
    code = f"import time; began = time.perf_counter()\n{statement}\nprint(time.perf_counter() - began)"
    command = [sys.executable, "-c", code]
    runs = [subprocess.run(command, check=True, capture_output=True, text=True).stdout for _ in range(ROUNDS)]  # noqa: S603
    return 1000 * min(map(float, runs))


if __name__ == "__main__":
    for statement in STATEMENTS:
        print(f"{milliseconds(statement):8.1f} ms  {statement}")  # noqa: T201  # a command line for people
