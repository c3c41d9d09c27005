"""Use little memory: return what is freed to the system (GNU C library only), and give threads small stacks."""

from __future__ import annotations

import ctypes
import gc
import sys
import threading
from functools import cache

# malloc.h of the GNU C library
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8
# Bytes. The library starts with this threshold, but raises it with each large block that is freed.
_LARGE = 128 * 1024
_SWITCH_SECONDS = 0.0005
_STACK = 1024 * 1024  # bytes; the usual 8 MB of each thread would count towards LimitDATA of the service


def return_large_blocks_at_once() -> None:
    """Make the C library return large freed blocks to the system at once, and use one heap for all threads."""
    if (library := _glibc()) is not None:
        library.mallopt(_M_ARENA_MAX, 1)
        library.mallopt(_M_MMAP_THRESHOLD, _LARGE)
        library.mallopt(_M_TRIM_THRESHOLD, _LARGE)


def use_small_stacks() -> None:
    """Give the threads that are started from now on a small stack: hundreds of them may wait for slow servers."""
    threading.stack_size(_STACK)


def shorten_pauses() -> None:
    """Let a thread that answers a request wait less for threads that compute, and for the garbage collector.

    A thread gives up the interpreter at each database statement, and gets it back from a computing thread only after
    the switch interval. What was imported is frozen, so that a full collection does not go through it.
    """
    sys.setswitchinterval(_SWITCH_SECONDS)
    gc.collect()
    gc.freeze()


def return_free_memory() -> None:
    """Collect garbage and return free heap memory to the system: tens of megabytes after a release was parsed."""
    gc.collect()
    if (library := _glibc()) is not None:
        library.malloc_trim(0)


@cache
def _glibc() -> ctypes.CDLL | None:
    library = ctypes.CDLL(None)
    return library if hasattr(library, "malloc_trim") and hasattr(library, "mallopt") else None
