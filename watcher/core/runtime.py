"""Python's search for garbage, left out where there is none to be found."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def not_looked_for() -> Iterator[None]:
    """Do not look for garbage meanwhile: what is made by the thousand and kept to the end is looked through in vain.

    It holds for the whole process. Another thread that ends its own meanwhile only ends ours early.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
