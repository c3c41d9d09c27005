"""The numbers that a value stands for: "9", "0x00-0x1F", "0xC0,0x01-FF", "10.0.0.0/8", "X.1.2".

The notations are those of some 3,900 registries. A value stays a text; its numbers only tell
which row contains another value. A text that cannot be read has no numbers.
"""

from __future__ import annotations

import ipaddress
import re

from msgspec import Struct

from watcher.core.patterns import regex
from watcher.core.texts import cache_short

_BOUNDS = regex(r"(?:(?<!\s)\s+)?(?:-|\u2013|\bto\b|\bthrough\b|\.\.)\s*", re.IGNORECASE)
_DECIMAL = regex(r"-?\d{1,40}")
_HEX = regex(r"0[xX]([0-9A-Fa-f]{1,32})")
_BARE_HEX = regex(r"(?=[0-9A-Fa-f]*[A-Fa-f])(?=[0-9A-Fa-f]*[0-9])[0-9A-Fa-f]{2,8}")
_NEGATIVE = regex(r"(-?\d{1,40})\s*(?:-|\bto\b)\s*(-\d{1,40})", re.IGNORECASE)
_OCTETS = regex(
    r"""0x[0-9A-F]{2} (-(0x)?[0-9A-F]{2})? ( \s*,\s* ( 0x[0-9A-F]{2} (-(0x)?[0-9A-F]{2})? | \* ) )+""",
    re.IGNORECASE | re.VERBOSE,
)
_OCTET = regex(r"0x([0-9A-F]{2})(?:-(?:0x)?([0-9A-F]{2}))?", re.IGNORECASE)
_ARCS = regex(r"(?:[A-Za-z]+\.)?(?:\d+\.)+")
_DOTTED = regex(r"\d{1,3}(\.\d{1,3}){3}\b(?!\.)")
_ANY_SCOPE = regex(r"FF[0-9A-F]?X:", re.IGNORECASE)
_MOST_PARTS = 64
_LONGEST = 2048  # characters; a longer text is prose
_BLOCK_MARKS = regex(r"[-\u2013/*]|\.\.|to|through", re.IGNORECASE)
# Letters that occur in no number, hexadecimal or bound; an object identifier has a dot, an IPv6 address a colon.
_NO_DIGITS = regex(r"[ijklmpqsvwyz]", re.IGNORECASE)


class ValueRange(Struct, frozen=True, kw_only=True):
    """The whole numbers from `low` to `high`, both included. Only ranges of one `space` can be compared."""

    space: str
    low: int
    high: int

    def contains(self, other: ValueRange) -> bool:
        return self.space == other.space and self.low <= other.low and other.high <= self.high

    def overlaps(self, other: ValueRange) -> bool:
        return self.space == other.space and self.low <= other.high and other.low <= self.high


def parse_ranges(value: str) -> tuple[ValueRange, ...]:
    """Return the numbers that a value stands for; () if it is no number, range, block or list of them."""
    if len(value) > _LONGEST or ("." not in value and ":" not in value and _NO_DIGITS.search(value)):
        return ()
    return _parse_ranges(value)


def may_be_block(value: str) -> bool:
    """Return whether a value can stand for several consecutive numbers; much faster than parsing it."""
    return _BLOCK_MARKS.search(value) is not None


@cache_short(65536)
def _parse_ranges(value: str) -> tuple[ValueRange, ...]:
    text = value.strip()
    if _OCTETS.fullmatch(text):
        return (_parse_octets(text),)
    parts = [part for part in re.split(r"[,;\n]|\band\b", text) if part.strip()]
    if len(parts) > _MOST_PARTS:
        return ()
    ranges = tuple(filter(None, [_parse_range(part.strip()) for part in parts]))
    return ranges if len(ranges) == len(parts) else ()


def _parse_range(text: str) -> ValueRange | None:
    if "/" in text or ":" in text or _DOTTED.match(text):
        return _parse_addresses(text)
    if arcs := _ARCS.match(text):
        # Object identifiers are compared by their last arc.
        last = _parse_numbers(text[arcs.end() :])
        return ValueRange(space=arcs[0].lower(), low=last.low, high=last.high) if last else None
    return _parse_numbers(text)


def _parse_numbers(text: str) -> ValueRange | None:
    if negative := _NEGATIVE.fullmatch(text):
        bounds = [int(negative[1]), int(negative[2])]
    elif _DECIMAL.fullmatch(text):
        bounds = [int(text)]
    else:
        numbers = [_parse_number(part) for part in _BOUNDS.split(text)]
        bounds = [number for number in numbers if number is not None]
        if len(bounds) != len(numbers) or len(bounds) > 2:
            return None
    # One registry counts down: "32767 to 1".
    return ValueRange(space="", low=min(bounds), high=max(bounds)) if bounds else None


def _parse_number(text: str) -> int | None:
    if _DECIMAL.fullmatch(text):
        return int(text)
    if match := _HEX.fullmatch(text):
        return int(match[1], 16)
    return int(text, 16) if _BARE_HEX.fullmatch(text) else None


def _parse_octets(text: str) -> ValueRange:
    """Parse several octets, as TLS writes its cipher suites: "0xC0,0x2B", "0x56,0x01-FF", "0x01-55,*"."""
    low = high = 0
    for part in text.split(","):
        match = _OCTET.fullmatch(part.strip())
        first, last = (int(match[1], 16), int(match[2] or match[1], 16)) if match else (0, 255)
        low, high = low * 256 + first, high * 256 + last
    return ValueRange(space=f"octets {text.count(',')}", low=low, high=high)


def _parse_addresses(text: str) -> ValueRange | None:
    # IANA writes 000/8 for 0.0.0.0/8.
    space = ""
    if _ANY_SCOPE.match(text):  # FF0X::101, for each scope
        text, space = re.sub("[Xx]", "0", text), " X"
    short = re.fullmatch(r"0*(\d{1,3})/8", text)
    full = f"{short[1]}.0.0.0/8" if short else text
    bounds = _BOUNDS.split(full) if "/" not in full else [full]
    try:
        networks = [ipaddress.ip_network(re.sub(r"\b0+(?=\d)", "", part.strip()), strict=False) for part in bounds]
    except ValueError:
        return None
    if len({network.version for network in networks}) != 1 or len(networks) > 2:
        return None
    low, high = int(networks[0][0]), int(networks[-1][-1])
    return ValueRange(space=f"IPv{networks[0].version}{space}", low=min(low, high), high=max(low, high))
