"""Words of identifiers, from the names that registries give: the naming rules of docs/exports.md.

The words of "TLS_AES_128", "server-name" and "extensionType" are `TLS AES 128`, `server name` and `extension Type`.
All characters of a word are ASCII letters and digits.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Sequence

LONGEST_NAME = 64  # characters of the words of an entry
LONGEST_PREFIX = 48  # of the words of a registry
_MOST_CODE_POINTS = 4  # of a name that has no letter or digit
_CAMEL = re.compile(
    r"(?<=[a-z]{2})(?=[A-Z])"  # extension|Type, but IPv4, eBGP
    r"|(?<=[A-Z]{2})(?=[A-Z][a-z]{2})"  # TLS|Certificate, but IPsec, DHCPv6, URLs
)
_APOSTROPHE = re.compile(r"(?<=[A-Za-z])['\u2019](?=[A-Za-z])")
_WORD = re.compile(r"[A-Za-z0-9]+")
_REMARK = re.compile(r"\s*(?:\([^()]*\)|\[[^\[\]]*\])")
_LAST_WORDS = frozenset({"registry", "registries"})
# Words of the id of a registry group that do not say what it is about: tls-parameters, smi-numbers.
_GENERIC = frozenset(
    {"assignments", "code", "codes", "iana", "name", "names", "number", "numbers", "parameters", "registrations"}
    | {"registries", "registry", "type", "types", "values"}
)

Words = tuple[str, ...]


def split_words(text: str, longest: int = LONGEST_NAME) -> Words:
    """Return the words of a name, as many as fit into `longest` characters with one between them.

    Accents go. Any other letter or digit outside of ASCII becomes a word of its code point: `U6F22`.
    """
    plain = "".join(_spell(char) for char in unicodedata.normalize("NFKD", _APOSTROPHE.sub("", text)))
    words = tuple(part for word in _WORD.findall(plain) for part in _CAMEL.split(word) if part)
    return _cut(words or _spell_signs(text), longest)


def _spell(char: str) -> str:
    if char.isascii():
        return char
    category = unicodedata.category(char)
    return "" if category == "Mn" else f" U{ord(char):04X} " if category[0] in "LN" else " "


def _spell_signs(text: str) -> Words:
    """Return the code points of a name such as "<="; () if it is empty."""
    signs = [char for char in text if not char.isspace()]
    return tuple(f"U{ord(char):04X}" for char in signs[:_MOST_CODE_POINTS])


def _cut(words: Words, longest: int) -> Words:
    kept: list[str] = []
    for word in words:
        if kept and sum(map(len, kept)) + len(kept) + len(word) > longest:
            break
        kept.append(word[:longest])
    return tuple(kept)


def name_registry(title: str, group: str) -> Words:
    """Return the words before the names of a registry's constants: its title, with the subject of its group.

    "Message Types" in bgp-parameters is `bgp Message Types`. A remark in brackets and a last "Registry" go.
    """
    words = split_words(_REMARK.sub("", title), LONGEST_PREFIX)
    if len(words) > 1 and words[-1].lower() in _LAST_WORDS:
        words = words[:-1]
    subject = tuple(word for word in split_words(group) if word.lower() not in _GENERIC)
    if "".join(subject).lower() in "".join(words).lower():
        return words
    return _cut((*subject, *words), LONGEST_PREFIX)


def make_digest(text: str) -> str:
    """Return a word that only this text has."""
    return "H" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8].upper()


def join_upper(words: Iterable[str]) -> str:
    """Return `TLS_AES_128`."""
    return _begin_with_letter("_".join(words).upper())


def join_lower(words: Iterable[str]) -> str:
    """Return `tls_aes_128`."""
    return _begin_with_letter("_".join(words).upper()).lower()


def join_pascal(words: Sequence[str]) -> str:
    """Return `ExtensionType`. Words stay apart where no small letter tells them apart: `TLS_AES_128`."""
    text = ""
    for word in words:
        apart = text and not text[-1].islower() and not word[0].islower()
        text += ("_" if apart else "") + word[0].upper() + word[1:]
    return _begin_with_letter(text)


def _begin_with_letter(identifier: str) -> str:
    return f"N{identifier}" if identifier[:1].isdigit() else identifier
