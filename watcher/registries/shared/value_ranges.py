"""A value of a registry as the numbers it stands for: "9", "0x00-0x1F", "0xC0,0x01-FF", "10.0.0.0/8", "X.1.2".

Read off some 3,900 registries. The text is what counts; this is only to ask which row holds a value. What cannot be
read gives no span: nothing is guessed.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

_BOUNDS = re.compile(r"\s*(?:-|\u2013|\bto\b|\bthrough\b|\.\.)\s*", re.IGNORECASE)
_DECIMAL = re.compile(r"-?\d{1,40}")
_HEX = re.compile(r"0[xX]([0-9A-Fa-f]{1,32})")
_BARE_HEX = re.compile(r"(?=[0-9A-Fa-f]*[A-Fa-f])(?=[0-9A-Fa-f]*[0-9])[0-9A-Fa-f]{2,8}")
_NEGATIVE = re.compile(r"(-?\d+)\s*(?:-|\bto\b)\s*(-\d+)", re.IGNORECASE)
_OCTETS = re.compile(
    r"""0x[0-9A-F]{2} (-(0x)?[0-9A-F]{2})? ( \s*,\s* ( 0x[0-9A-F]{2} (-(0x)?[0-9A-F]{2})? | \* ) )+""",
    re.IGNORECASE | re.VERBOSE,
)
_OCTET = re.compile(r"0x([0-9A-F]{2})(?:-(?:0x)?([0-9A-F]{2}))?", re.IGNORECASE)
_ARCS = re.compile(r"(?:[A-Za-z]+\.)?(?:\d+\.)+")
_DOTTED = re.compile(r"\d{1,3}(\.\d{1,3}){3}\b(?!\.)")
_MOST_PARTS = 64
# Letters that stand in no number, hexadecimal or bound; an object identifier has a dot, an IPv6 address a colon.
_WORDS = re.compile(r"[^.:]*[ijklmpqsvwyz][^.:]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The whole numbers from `low` to `high`, both included. Only spans of one `space` can be compared."""

    space: str
    low: int
    high: int

    def holds(self, other: Span) -> bool:
        return self.space == other.space and self.low <= other.low and other.high <= self.high

    def meets(self, other: Span) -> bool:
        return self.space == other.space and self.low <= other.high and other.low <= self.high


def spans(value: str) -> tuple[Span, ...]:
    """Return the numbers that a value stands for; () where it is no number, range, list or block of them."""
    return () if _WORDS.fullmatch(value) else _spans(value)


@lru_cache(maxsize=65536)
def _spans(value: str) -> tuple[Span, ...]:
    text = value.strip()
    if _OCTETS.fullmatch(text):
        return (_octets(text),)
    parts = [part for part in re.split(r"[,;\n]|\band\b", text) if part.strip()]
    if len(parts) > _MOST_PARTS:
        return ()
    found = [_span(part.strip()) for part in parts]
    return tuple(span for span in found if span) if found and all(found) else ()


def meets(some: Iterable[Span], others: Iterable[Span]) -> bool:
    """Whether any number is in both."""
    others = tuple(others)
    return any(one.meets(other) for one in some for other in others)


def _span(text: str) -> Span | None:
    if "/" in text or ":" in text or _DOTTED.match(text):
        return _block(text)
    if arcs := _ARCS.match(text):
        # An object identifier: what differs is its last arc.
        inner = _whole(text[arcs.end() :])
        return Span(space=arcs[0].lower(), low=inner.low, high=inner.high) if inner else None
    return _whole(text)


def _whole(text: str) -> Span | None:
    if negative := _NEGATIVE.fullmatch(text):
        bounds = [int(negative[1]), int(negative[2])]
    elif _DECIMAL.fullmatch(text):
        bounds = [int(text)]
    else:
        numbers = [_number(part) for part in _BOUNDS.split(text)]
        bounds = [number for number in numbers if number is not None]
        if len(bounds) != len(numbers) or len(bounds) > 2:
            return None
    # One registry counts down: "32767 to 1".
    return Span(space="", low=min(bounds), high=max(bounds)) if bounds else None


def _number(text: str) -> int | None:
    if _DECIMAL.fullmatch(text):
        return int(text)
    if found := _HEX.fullmatch(text):
        return int(found[1], 16)
    return int(text, 16) if _BARE_HEX.fullmatch(text) else None


def _octets(text: str) -> Span:
    """Several octets, as TLS writes its cipher suites: "0xC0,0x2B", "0x56,0x01-FF", "0x01-55,*"."""
    low = high = 0
    for part in text.split(","):
        found = _OCTET.fullmatch(part.strip())
        first, last = (int(found[1], 16), int(found[2] or found[1], 16)) if found else (0, 255)
        low, high = low * 256 + first, high * 256 + last
    return Span(space=f"octets {text.count(',')}", low=low, high=high)


def _block(text: str) -> Span | None:
    # IANA writes 000/8 for 0.0.0.0/8.
    short = re.fullmatch(r"0*(\d{1,3})/8", text)
    written = f"{short[1]}.0.0.0/8" if short else text
    bounds = _BOUNDS.split(written) if "/" not in written else [written]
    try:
        networks = [ipaddress.ip_network(re.sub(r"\b0+(?=\d)", "", part.strip()), strict=False) for part in bounds]
    except ValueError:
        return None
    if len({network.version for network in networks}) != 1 or len(networks) > 2:
        return None
    low, high = int(networks[0][0]), int(networks[-1][-1])
    return Span(space=f"IPv{networks[0].version}", low=min(low, high), high=max(low, high))
