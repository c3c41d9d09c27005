"""Compare names and codes as people write them with those that a registry has."""

from __future__ import annotations

from functools import lru_cache

from watcher.core.value_ranges import ValueRange, parse_ranges

_OCTETS = "octets"
_NUMBERS = ""  # the space of whole numbers


@lru_cache(maxsize=65536)
def fold_name(name: str) -> str:
    """Return one text for the spellings of a name: `krb_prop` and `KRB-Prop`, `z39-50` and `z3950` are one name."""
    folded = "".join(char for char in name.casefold() if char.isalnum())
    return folded or name.casefold().strip()


def parse_code(code: str) -> tuple[ValueRange, ...]:
    """Return the numbers that a code stands for: 4865, 0x1301 and `0x13,0x01` give the same ones; () for a text.

    Registries write a number of several octets in octets, and software as one number. Both are in one space here.
    """
    return tuple(
        ValueRange(space=_NUMBERS, low=block.low, high=block.high) if block.space.startswith(_OCTETS) else block
        for block in parse_ranges(code)
    )


def list_spaces(block: ValueRange) -> tuple[str, ...]:
    """Return the spaces in which a list may have the number of a registry's value: octets also as one number.

    A list that has `0x00,0x09` means no number 9 of another registry.
    """
    return (block.space, _NUMBERS) if block.space.startswith(_OCTETS) else (block.space,)
