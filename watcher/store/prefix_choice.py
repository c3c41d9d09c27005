"""Chooses which snapshot a new one is compressed against.

The snapshots of a source are numbered from 0. In a plain series number n is compressed against the number that base 8
gives: its lowest digit that is not zero, less one. So 1 to 7 follow each other, 8 goes back to 0, 9 to 8, 16 to 8 and
64 to 0. Any snapshot is then decoded in at most as many steps as the sum of its digits, and few are stored in full.
"""

from __future__ import annotations

from collections.abc import Mapping

from watcher.store.snapshot_file import SnapshotInfo

_BASE = 8


def choose_prefix(infos: Mapping[str, SnapshotInfo], number: int, near: str | None) -> str | None:
    """Return the SHA-256 of the snapshot to compress number `number` against, None to store it in full.

    `infos` are the snapshots of the source. `near` is the most similar one, which is the best prefix unless the series
    takes a longer step back here or the chain behind `near` is too long.
    """
    if not infos:
        return None
    by_number = {info.number: info.sha256 for info in infos.values()}
    ancestor = _ancestor(number)
    if ancestor == number - 1 and near in infos and _chain_length(infos, near) < _max_chain_length(number):
        return near
    return by_number.get(ancestor, near if near in infos else None)


def is_next_step(number: int) -> bool:
    """Return whether the next longer step back leads to this number."""
    return number % _BASE == 0


def _ancestor(number: int) -> int:
    step = 1
    while number and number % (step * _BASE) == 0:
        step *= _BASE
    return number - step


def _max_chain_length(number: int) -> int:
    """Return the longest chain that a plain series of this length has."""
    digits = 1
    while _BASE**digits <= number:
        digits += 1
    return digits * (_BASE - 1) + 1


def _chain_length(infos: Mapping[str, SnapshotInfo], sha256: str | None) -> int:
    length = 0
    while sha256 is not None and length <= len(infos):  # more steps than snapshots: damaged receipts form a loop
        info = infos.get(sha256)
        sha256 = info.prefix if info else None
        length += 1
    return length
