"""What a bug report needs to know of this installation."""

from __future__ import annotations

import platform
from importlib import metadata

from orchestrator._version import __version__

PARTS = ("aiohttp", "anyio", "msgspec", "pydantic", "ruamel.yaml", "structlog", "rich")


def describe_version() -> str:
    """Our version, Python's, the system's and those of the dependencies, in a few lines."""
    parts = ", ".join(f"{part} {_version_of(part)}" for part in PARTS)
    return (
        f"orchestrator {__version__}\n"
        f"{platform.python_implementation()} {platform.python_version()} on {platform.system()} {platform.machine()}\n"
        f"{parts}"
    )


def _version_of(part: str) -> str:
    try:
        return metadata.version(part)
    except metadata.PackageNotFoundError:
        return "missing"
