"""A snapshot as zstd frames, compressed against another snapshot (its prefix).

A snapshot up to `WHOLE` bytes, whose prefix is no larger either, is one frame. In a larger one the window of zstd would
not reach back to the same position in the prefix, so it is cut into pieces: each is a frame, compressed against the
bytes at its position in the prefix and a margin on both sides. Memory is bounded by the pieces, whatever the size.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from msgspec import Struct

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
_MARGIN = 8 * 2**20  # how far rows may have moved in the document and still be found in the prefix
_WINDOW_LOG = 27  # 128 MiB: the largest whole snapshot together with its prefix
_WINDOW_LOG_IN_PIECES = 26  # a piece and its part of the prefix
_LEVEL = 3
_LONG_MATCH = 96  # bytes from which long distance matching is used. Its default 64 gives 4 % more in the same time
# The hash table of short matches is filled from the prefix. For a small snapshot half the size of level 3 is enough: it
# takes three quarters of the time for 1 % more bytes.
_SMALL = 2 * 2**20
_SMALL_LOG = 16
_LEVEL_ALONE = 11  # level 17 takes ten times as long for 5 % less
_LEVEL_ALONE_IN_PIECES = 6  # level 11 takes three times as long
SMALLEST_PREFIX = 8  # bytes; zstd accepts no shorter one


_Dictionary = Any  # the type of `ZstdDict.as_prefix` has no public name


class Prefix(Struct, frozen=True, kw_only=True):
    """The snapshot that another is compressed against; `part` returns its bytes from a start to an end."""

    size: int
    part: Callable[[int, int], bytes]


def from_bytes(data: bytes) -> Prefix:
    """Return a prefix that is in memory."""
    return Prefix(size=len(data), part=lambda start, end: data[start:end])


def compress(data: bytes, prefix: Prefix | None) -> bytes:
    """Return the frames of a snapshot."""
    if prefix is not None and prefix.size < SMALLEST_PREFIX:
        raise ValueError(f"a prefix must have at least {SMALLEST_PREFIX} bytes")
    pieces = _cut(len(data), prefix)
    level = _LEVEL if prefix else _LEVEL_ALONE if len(data) <= WHOLE else _LEVEL_ALONE_IN_PIECES
    window_log = _WINDOW_LOG if len(pieces) == 1 else _WINDOW_LOG_IN_PIECES
    return b"".join(
        _frame(data[piece.start : piece.end], _part_of(prefix, piece), level, window_log) for piece in pieces
    )


def decompress(frames: bytes, prefix: Prefix | None, size: int) -> Iterator[bytes]:
    """Yield a snapshot piece by piece. Raises ZstdError, EOFError or ValueError if the frames are damaged."""
    options: dict[int, int] = {DecompressionParameter.window_log_max: _WINDOW_LOG}
    for piece in _cut(size, prefix):
        decompressor = ZstdDecompressor(options=options, zstd_dict=_part_of(prefix, piece))
        length = piece.end - piece.start
        data = decompressor.decompress(frames, length + 1)
        if not decompressor.eof or len(data) != length:
            raise ValueError("the frame is truncated, or has more than the receipt says")
        frames = decompressor.unused_data
        yield data
    if frames:
        raise ValueError("there are bytes after the last frame")


class _Piece(NamedTuple):
    """The bounds of a piece of a snapshot, and of the part of the prefix that it is compressed against."""

    start: int
    end: int
    first: int
    last: int


def _cut(size: int, prefix: Prefix | None) -> list[_Piece]:
    before = prefix.size if prefix else 0
    if max(size, before) <= WHOLE:
        return [_Piece(0, size, 0, before)]
    return [
        _Piece(start, min(start + _PIECE, size), max(start - _MARGIN, 0), min(start + _PIECE + _MARGIN, before))
        for start in range(0, max(size, 1), _PIECE)
    ]


def _part_of(prefix: Prefix | None, piece: _Piece) -> _Dictionary | None:
    """Return the part of the prefix for a piece, None if the prefix ends before it."""
    if prefix is None or piece.last - piece.first < SMALLEST_PREFIX:
        return None
    return ZstdDict(prefix.part(piece.first, piece.last), is_raw=True).as_prefix


def _frame(data: bytes, near: _Dictionary | None, level: int, window_log: int) -> bytes:
    options: dict[int, int] = {CompressionParameter.compression_level: level, CompressionParameter.checksum_flag: 1}
    if near is not None:
        # Without it the match finder does not see the whole prefix: the result is 150 times as large.
        options[CompressionParameter.enable_long_distance_matching] = 1
        options[CompressionParameter.ldm_min_match] = _LONG_MATCH
        options[CompressionParameter.window_log] = window_log
        if len(data) <= _SMALL:
            options[CompressionParameter.hash_log] = _SMALL_LOG
    compressor = ZstdCompressor(options=options, zstd_dict=near)
    return compressor.compress(data, ZstdCompressor.FLUSH_FRAME)
