"""Coverage-guided fuzzing, on demand: `pip install atheris`, `python -m tests.fuzz TARGET -max_total_time=60`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path


def main() -> None:
    """Fuzz one target; libFuzzer's own options follow its name."""
    try:
        import atheris
    except ImportError:
        sys.exit("the fuzzer is not installed: pip install atheris (Linux, CPython up to 3.13)")
    with atheris.instrument_imports(include=["orchestrator"]):
        from tests.fuzz.targets import SEEDS, TARGETS
    name = sys.argv.pop(1) if len(sys.argv) > 1 else ""
    if name not in TARGETS:
        sys.exit(f"usage: python -m tests.fuzz {{{'|'.join(TARGETS)}}} [libFuzzer options, such as -max_total_time=60]")
    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(SEEDS[name]):
            (Path(corpus) / str(number)).write_bytes(seed)
        atheris.Setup([*sys.argv, corpus], TARGETS[name])
        atheris.Fuzz()


if __name__ == "__main__":
    main()
