"""A snapshot as zstd frames, compressed against another snapshot. Knows no file and no receipt.

What is no larger than `WHOLE`, prefix included, is one frame. Beyond that no window would reach from a place to the
same place in the prefix, so a snapshot is cut into pieces: each is a frame of its own, compressed against the stretch
of the prefix where it stood, and more on both sides. So memory is bounded by the pieces, whatever the size.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

if sys.version_info >= (3, 14):
    from compression.zstd import (
        CompressionParameter,
        DecompressionParameter,
        ZstdCompressor,
        ZstdDecompressor,
        ZstdDict,
    )
else:
    from backports.zstd import (
        CompressionParameter,
        DecompressionParameter,
        ZstdCompressor,
        ZstdDecompressor,
        ZstdDict,
    )

WHOLE = 64 * 2**20
_PIECE = 16 * 2**20
_MARGIN = 8 * 2**20  # by how much rows may have moved in a document and still be found in the prefix
_WINDOW_LOG = 27  # 128 MiB: a whole snapshot and its prefix together, at their largest
_WINDOW_LOG_IN_PIECES = 26  # a piece and its stretch of the prefix
_LEVEL = 3
_LONGEST_SHORT = 96  # bytes; of a match this long the long mode takes over. At its own 64: 4 % more, in the same time
# What the short matches are looked up in is filled from as much of the prefix as it has room for. Half of its room at
# level 3 is enough for a small snapshot: 1 % more, in three quarters of the time.
_SMALL = 2 * 2**20
_SMALL_LOG = 16
_LEVEL_ALONE = 11  # the last at which more work still pays: 17 takes ten times as long for 5 % less
_LEVEL_ALONE_IN_PIECES = 6  # of so much: 11 takes three times as long
SMALLEST_PREFIX = 8  # bytes; zstd takes no shorter one


_Dictionary = Any  # what `ZstdDict.as_prefix` gives has no public name


@dataclass(frozen=True, slots=True, kw_only=True)
class Prefix:
    """What a snapshot is compressed against; `part` returns its bytes from a place to another."""

    size: int
    part: Callable[[int, int], bytes]


def from_bytes(data: bytes) -> Prefix:
    """Return a prefix that is at hand."""
    return Prefix(size=len(data), part=lambda start, end: data[start:end])


def compress(data: bytes, prefix: Prefix | None) -> bytes:
    """Return the frames of a snapshot."""
    if prefix is not None and prefix.size < SMALLEST_PREFIX:
        raise ValueError("zstd takes no prefix so short")
    places = _places(len(data), prefix)
    level = _LEVEL if prefix else _LEVEL_ALONE if len(data) <= WHOLE else _LEVEL_ALONE_IN_PIECES
    window_log = _WINDOW_LOG if len(places) == 1 else _WINDOW_LOG_IN_PIECES
    return b"".join(
        _frame(data[place.start : place.end], _stretch(prefix, place), level, window_log) for place in places
    )


def decompress(frames: bytes, prefix: Prefix | None, size: int) -> Iterator[bytes]:
    """Yield a snapshot piece by piece. Raises ZstdError, EOFError or ValueError where the frames are not its own."""
    options: dict[int, int] = {DecompressionParameter.window_log_max: _WINDOW_LOG}
    for place in _places(size, prefix):
        decompressor = ZstdDecompressor(options=options, zstd_dict=_stretch(prefix, place))
        length = place.end - place.start
        data = decompressor.decompress(frames, length + 1)
        if not decompressor.eof or len(data) != length:
            raise ValueError("the frame is cut, or holds more than its receipt says")
        frames = decompressor.unused_data
        yield data
    if frames:
        raise ValueError("the frame has a tail")


class _Place(NamedTuple):
    """Where a piece of a snapshot begins and ends, and the stretch of the prefix that it is compressed against."""

    start: int
    end: int
    first: int
    last: int


def _places(size: int, prefix: Prefix | None) -> list[_Place]:
    before = prefix.size if prefix else 0
    if max(size, before) <= WHOLE:
        return [_Place(0, size, 0, before)]
    return [
        _Place(start, min(start + _PIECE, size), max(start - _MARGIN, 0), min(start + _PIECE + _MARGIN, before))
        for start in range(0, max(size, 1), _PIECE)
    ]


def _stretch(prefix: Prefix | None, place: _Place) -> _Dictionary | None:
    """None where the prefix ends before the piece begins."""
    if prefix is None or place.last - place.first < SMALLEST_PREFIX:
        return None
    return ZstdDict(prefix.part(place.first, place.last), is_raw=True).as_prefix


def _frame(data: bytes, near: _Dictionary | None, level: int, window_log: int) -> bytes:
    options: dict[int, int] = {CompressionParameter.compression_level: level, CompressionParameter.checksum_flag: 1}
    if near is not None:
        # Without long mode the match finder does not see the whole prefix: 150 times the size.
        options[CompressionParameter.enable_long_distance_matching] = 1
        options[CompressionParameter.ldm_min_match] = _LONGEST_SHORT
        options[CompressionParameter.window_log] = window_log
        if len(data) <= _SMALL:
            options[CompressionParameter.hash_log] = _SMALL_LOG
    compressor = ZstdCompressor(options=options, zstd_dict=near)
    return compressor.compress(data, ZstdCompressor.FLUSH_FRAME)
