"""Keeps freed memory for the next large request instead of giving it back to the system each time."""

from __future__ import annotations

import os
import sys

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
    if (
        sys.platform != "linux"
        or {"MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES"} & os.environ.keys()
    ):
        return
    import ctypes

    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _LARGEST_KEPT)
        mallopt(_TRIM_THRESHOLD, _MOST_KEPT)
