"""Return freed memory to the system. Works with the GNU C library; elsewhere only garbage is collected."""

from __future__ import annotations

import ctypes
import gc
from functools import cache

# malloc.h of the GNU C library
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8
# Bytes. The library starts with this threshold, but raises it with each large block that is freed.
_LARGE = 128 * 1024


def return_large_blocks_at_once() -> None:
    """Make the C library return large freed blocks to the system at once, and use one heap for all threads."""
    if (library := _glibc()) is not None:
        library.mallopt(_M_ARENA_MAX, 1)
        library.mallopt(_M_MMAP_THRESHOLD, _LARGE)
        library.mallopt(_M_TRIM_THRESHOLD, _LARGE)


def return_free_memory() -> None:
    """Collect garbage and return free heap memory to the system: tens of megabytes after a release was parsed."""
    gc.collect()
    if (library := _glibc()) is not None:
        library.malloc_trim(0)


@cache
def _glibc() -> ctypes.CDLL | None:
    library = ctypes.CDLL(None)
    return library if hasattr(library, "malloc_trim") and hasattr(library, "mallopt") else None
