"""What the C library does with memory that was freed: it keeps some for what comes next."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

MMAP_THRESHOLD: Final = -3  # https://man7.org/linux/man-pages/man3/mallopt.3.html
TRIM_THRESHOLD: Final = -1
LARGE: Final = 8 << 20  # bytes; what is larger is the kernel's business: it grows without being copied
KEPT: Final = 16 << 20  # bytes
OF_THE_USER: Final = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_")  # variables that set the same


def keep_freed_memory(environ: Mapping[str, str] = os.environ) -> None:
    """Let a list page, which is a megabyte twice over, go where the one before it was.

    By itself glibc hands such pieces back to the kernel and asks for them again: a run of 100,000 tasks had 108,000
    page faults, not 15,000, and half of the kernel's time went there. It is for a process of our own; where there is
    no glibc, or its user has said what he wants of it, nothing is changed.
    """
    if any(name in environ for name in OF_THE_USER):
        return
    try:
        from ctypes import CDLL

        set_option = CDLL(None).mallopt
    except (ImportError, OSError, AttributeError):
        return
    set_option(MMAP_THRESHOLD, LARGE)
    set_option(TRIM_THRESHOLD, KEPT)
