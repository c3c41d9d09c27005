"""A snapshot as zstd frames, compressed against another snapshot. Knows no file and no receipt.

What is no larger than `WHOLE`, prefix included, is one frame. Beyond that no window would reach from a place to the
same place in the prefix, so a snapshot is cut into pieces: each is a frame of its own, compressed against the stretch
of the prefix where it stood, and more on both sides. So memory is bounded by the pieces, whatever the size.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

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
_PIECE = 32 * 2**20
_MARGIN = 16 * 2**20  # by how much rows may have moved in a document and still be found in the prefix
_WINDOW_LOG = 27  # 128 MiB: a piece and its stretch of the prefix together, at their largest
_LEVEL = 3
_LEVEL_ALONE = 19  # rare and large: worth more work
_LEVEL_ALONE_IN_PIECES = 6  # above, level 19 would take minutes
SMALLEST_PREFIX = 8  # bytes; zstd takes no shorter one


_Dictionary = Any  # what `ZstdDict.as_prefix` gives has no public name


@dataclass(frozen=True, slots=True, kw_only=True)
class Prefix:
    """What a snapshot is compressed against; `part` returns its bytes from a place to another."""

    size: int
    part: Callable[[int, int], bytes]


def whole(data: bytes) -> Prefix:
    """Return a prefix that is at hand."""
    return Prefix(size=len(data), part=lambda start, end: data[start:end])


def compress(data: bytes, prefix: Prefix | None) -> bytes:
    """Return the frames of a snapshot."""
    if prefix is not None and prefix.size < SMALLEST_PREFIX:
        raise ValueError("zstd takes no prefix so short")
    places = _places(len(data), prefix)
    level = _LEVEL if prefix else _LEVEL_ALONE if len(places) == 1 else _LEVEL_ALONE_IN_PIECES
    return b"".join(_frame(data[start:end], _near(prefix, start, end, places), level) for start, end in places)


def decompress(frames: bytes, prefix: Prefix | None, size: int) -> Iterator[bytes]:
    """Yield a snapshot piece by piece. Raises ZstdError, EOFError or ValueError where the frames are not its own."""
    places = _places(size, prefix)
    for start, end in places:
        options: dict[int, int] = {DecompressionParameter.window_log_max: _WINDOW_LOG}
        decompressor = ZstdDecompressor(options=options, zstd_dict=_near(prefix, start, end, places))
        data = decompressor.decompress(frames, end - start + 1)
        if not decompressor.eof or len(data) != end - start:
            raise ValueError("the frame is cut, or holds more than its receipt says")
        frames = decompressor.unused_data
        yield data
    if frames:
        raise ValueError("the frame has a tail")


def _places(size: int, prefix: Prefix | None) -> list[tuple[int, int]]:
    """Where each frame's piece of a snapshot begins and ends."""
    if size <= WHOLE and (prefix is None or prefix.size <= WHOLE):
        return [(0, size)]
    return [(start, min(start + _PIECE, size)) for start in range(0, max(size, 1), _PIECE)]


def _near(prefix: Prefix | None, start: int, end: int, places: list[tuple[int, int]]) -> _Dictionary | None:
    """The stretch of the prefix that a piece is compressed against; None where it has none there."""
    if prefix is None:
        return None
    first, last = (
        (0, prefix.size) if places == [(0, end)] and prefix.size <= WHOLE else (start - _MARGIN, end + _MARGIN)
    )
    found = prefix.part(max(first, 0), min(last, prefix.size)) if first < prefix.size else b""
    return ZstdDict(found, is_raw=True).as_prefix if len(found) >= SMALLEST_PREFIX else None


def _frame(data: bytes, near: _Dictionary | None, level: int) -> bytes:
    options: dict[int, int] = {CompressionParameter.compression_level: level, CompressionParameter.checksum_flag: 1}
    if near is not None:
        # Without long mode the match finder does not see the whole prefix: 150 times the size.
        options[CompressionParameter.enable_long_distance_matching] = 1
        options[CompressionParameter.window_log] = _WINDOW_LOG
    compressor = ZstdCompressor(options=options, zstd_dict=near)
    return compressor.compress(data, ZstdCompressor.FLUSH_FRAME)
