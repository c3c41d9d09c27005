"""The numbers and texts that become constants.

A registry writes its numbers in one notation: "10" is ten, sixteen or two, and the other rows say which.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from enum import Enum

from msgspec import Struct

from watcher.core.patterns import regex
from watcher.core.value_ranges import ValueRange, parse_ranges

MOST_BITS = 64
_OCTETS = "octets "  # the space of "0x13,0x01" is "octets 1"
_BARE = regex(r"(?<![\w.,:/])[0-9A-Fa-f]+(?![\w.,:/])")
_BINARY = regex(r"(?<!\w)(?:0b[01]+|b[01]+|[01]+b)(?!\w)", re.IGNORECASE)
_HEX_DIGITS = regex(r"0x([0-9A-F]+)", re.IGNORECASE)
_WIDE = 4  # digits of hexadecimal numbers that are not all equally long
_WIDTHS = (8, 16, 32, 64)
_USUAL_WIDTH = 32


class Notation(Enum):
    """How a registry writes numbers that have no prefix."""

    DECIMAL = "decimal"
    HEX = "hex"
    BINARY = "binary"


class NumberType(Struct, frozen=True, kw_only=True):
    """The integers of a registry: so many bits, with a sign or not; `digits` of hexadecimal literals, or 0."""

    bits: int
    is_signed: bool
    digits: int = 0

    @property
    def lowest(self) -> int:
        return -(2 ** (self.bits - 1)) if self.is_signed else 0

    @property
    def highest(self) -> int:
        return (1 << (self.bits - self.is_signed)) - 1

    def write(self, number: int) -> str:
        """Return a literal that all languages read."""
        return f"0x{number:0{self.digits}X}" if self.digits and number >= 0 else str(number)


def find_notation(values: Iterable[str]) -> Notation:
    """Return how the values of a registry, those of free rows too, are written."""
    texts = [value for value in values if value]
    if any(_BINARY.search(text) for text in texts) and all(not _BARE.search(_BINARY.sub("", text)) for text in texts):
        return Notation.BINARY
    tokens = [token for text in texts for token in _BARE.findall(text)]
    lengths = {len(token) for token in tokens}
    if len(tokens) > 1 and len(lengths) == 1 and lengths != {1} and {*"".join(tokens)} <= {"0", "1"}:
        return Notation.BINARY if any(token.startswith("0") for token in tokens) else Notation.DECIMAL
    has_letters = any(not token.isdecimal() for token in tokens)
    mostly_digits = 2 * sum(any(map(str.isdecimal, token)) for token in tokens) >= len(tokens)
    if has_letters and mostly_digits and (len(lengths) == 1 or min(lengths) >= _WIDE):
        return Notation.HEX
    return Notation.DECIMAL


def parse_value(text: str, notation: Notation) -> ValueRange | None:
    """Return the number or the range that a value is; None for text, addresses, object identifiers and lists."""
    if notation is Notation.HEX:
        text = _BARE.sub(lambda match: f"0x{match[0]}", text)
    elif notation is Notation.BINARY:
        pattern = _BINARY if _BINARY.search(text) else _BARE
        text = pattern.sub(lambda match: str(int(match[0].lower().replace("b", ""), 2)), text)
    ranges = parse_ranges(text)
    if len(ranges) != 1 or (ranges[0].space and not ranges[0].space.startswith(_OCTETS)):
        return None
    return ranges[0]


def choose_space(ranges: Sequence[ValueRange]) -> str:
    """Return the space of most numbers of a registry: "" or "octets 1"."""
    counts = Counter(block.space for block in ranges)
    return min(counts, key=lambda space: (-counts[space], space))


def choose_type(ranges: Sequence[ValueRange], values: Sequence[str], notation: Notation, space: str) -> NumberType:
    """Return the type that holds the numbers of a registry, free ones too.

    Octets have their own width. A highest number of 2^n - 1 says the width; else it is 32 bits, or 64 where needed.
    """
    inside = [block for block in ranges if block.space == space and block.high < 2**MOST_BITS]
    low, high = min((block.low for block in inside), default=0), max((block.high for block in inside), default=0)
    digits = max((len(match[1]) for value in values for match in _HEX_DIGITS.finditer(value)), default=0)
    if notation is not Notation.DECIMAL:
        digits = digits or 2
    if space.startswith(_OCTETS):
        octets = int(space.removeprefix(_OCTETS)) + 1
        bits = next((width for width in _WIDTHS if width >= 8 * octets), MOST_BITS)
        return NumberType(bits=bits, is_signed=False, digits=2 * octets)
    if low < 0:
        bits = _USUAL_WIDTH if max(high, -low - 1) < 2 ** (_USUAL_WIDTH - 1) else MOST_BITS
        return NumberType(bits=bits, is_signed=True)
    bits = next((width for width in _WIDTHS if high == 2**width - 1), 0)
    return NumberType(
        bits=bits or (_USUAL_WIDTH if high < 2**_USUAL_WIDTH else MOST_BITS), is_signed=False, digits=digits
    )
