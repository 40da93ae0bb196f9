"""What the C allocator does with freed memory: kept for the next large request, given back after the imports."""

from __future__ import annotations

import os
import sys
from typing import Any

_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1  # names of glibc's <malloc.h>
_LARGEST_KEPT = 8 * 1024 * 1024
_MOST_KEPT = 32 * 1024 * 1024

_done = False


def keep_large_blocks() -> None:
    """Let the allocator keep blocks of up to 8 MiB, 32 MiB of them in all. Does something once, and only with glibc.

    By default every block above 128 KiB is mapped anew and unmapped when freed; for requests of that size the page
    faults take a quarter of all processor time. The usual ``MALLOC_…_`` variables take precedence.
    """
    global _done  # noqa: PLW0603 - a property of the process
    if _done:
        return
    _done = True
    if {"MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES"} & os.environ.keys():
        return
    mallopt = _glibc("mallopt")
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _LARGEST_KEPT)
        mallopt(_TRIM_THRESHOLD, _MOST_KEPT)


def give_back_freed_memory() -> None:
    """Return to the system what the allocator holds and nobody uses; imports leave several MiB. Only with glibc."""
    trim = _glibc("malloc_trim")
    if trim is not None:
        trim(0)


def _glibc(name: str) -> Any:
    if sys.platform != "linux":
        return None
    import ctypes

    return getattr(ctypes.CDLL(None), name, None)
