"""Whether the time that some work takes grows in proportion to its size."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

import pytest

FACTOR = 4  # of the two sizes
MOST = 7  # times the CPU time of the smaller size; twice FACTOR is half-way to the square, on a scale of ratios
TRIES = 8  # most need one


def cpu(work: Callable[[], object]) -> float:
    gc.collect()
    gc.disable()
    begin = time.process_time()
    work()
    taken = time.process_time() - begin
    gc.enable()
    return taken


def assert_linear(make: Callable[[int, int], Callable[[], object]], size: int) -> None:
    """Compare the CPU time of half a size and of twice the size; no try does the same work again.

    The machine makes a time longer by two thirds now and then, by other work or by pages of memory that it hands out.
    So the sizes are far enough apart that the square of the size and such a time are not taken for each other, and one
    good try is enough: of all tries, or of the best times of each size.
    """
    small = large = float("inf")
    for number in range(TRIES):
        times = cpu(make(size // 2, number)), cpu(make(FACTOR * (size // 2), number))
        small, large = min(small, times[0]), min(large, times[1])
        if min(times[1] / times[0], large / small) <= MOST:
            return
    pytest.fail(f"{FACTOR} times the size took {large / small:.1f} times the CPU time ({small:.3f} s, {large:.3f} s)")
