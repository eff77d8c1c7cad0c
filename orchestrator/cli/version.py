"""What a bug report needs to know of this installation."""

from __future__ import annotations

import platform
from importlib import metadata

from orchestrator._version import __version__

PARTS = (
    "aiohttp",
    "anyio",
    "msgspec",
    "pydantic",
    "ruamel.yaml",
    "structlog",
    "rich",
    "shtab",
    "pygal",
    "prometheus-client",
)
EXTRAS = ("huaweicloudsdkcore", "opentelemetry-sdk", "uvloop")  # told where they are there
MISSING = "missing"


def describe_version() -> str:
    """Our version, Python's, the system's and those of what we stand on, in a few lines."""
    import sqlite3
    import ssl

    parts = ", ".join(f"{part} {_version_of(part)}" for part in PARTS)
    extras = [f"{extra} {found}" for extra in EXTRAS if (found := _version_of(extra)) != MISSING]
    return "\n".join(
        [
            f"orchestrator {__version__}",
            f"{platform.python_implementation()} {platform.python_version()} on {platform.platform(terse=True)}",
            f"SQLite {sqlite3.sqlite_version}, {ssl.OPENSSL_VERSION}",
            parts,
            *([f"extras: {', '.join(extras)}"] if extras else []),
        ]
    )


def _version_of(part: str) -> str:
    try:
        return metadata.version(part)
    except metadata.PackageNotFoundError:
        return MISSING
