"""What a long-lived process gives back after large work. Knows the GNU C library; elsewhere nothing is done."""

from __future__ import annotations

import ctypes
import gc
from functools import cache

# malloc.h of the GNU C library
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8
_LARGE = 128 * 1024  # bytes: the library's own threshold, which else grows with every large block that is freed


def settle() -> None:
    """Make what is freed go back: large blocks at once, the rest from one heap and not from one for each thread."""
    if (library := _library()) is not None:
        library.mallopt(_M_ARENA_MAX, 1)
        library.mallopt(_M_MMAP_THRESHOLD, _LARGE)
        library.mallopt(_M_TRIM_THRESHOLD, _LARGE)


def give_back() -> None:
    """Give back what is free inside the heap; a release that was read leaves tens of megabytes there."""
    gc.collect()
    if (library := _library()) is not None:
        library.malloc_trim(0)


@cache
def _library() -> ctypes.CDLL | None:
    library = ctypes.CDLL(None)
    return library if hasattr(library, "malloc_trim") and hasattr(library, "mallopt") else None
