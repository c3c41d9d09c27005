"""Words of identifiers, from the names that registries give: the naming rules of docs/exports.md.

The words of "TLS_AES_128", "server-name" and "extensionType" are `TLS AES 128`, `server name` and `extension Type`.
All characters of a word are ASCII letters and digits.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType

from watcher.core.patterns import regex

LONGEST_NAME = 64  # characters of the words of an entry
LONGEST_PREFIX = 48  # of the words of a registry
_MOST_CODE_POINTS = 4  # of a name that has no letter or digit
_CAMEL = regex(
    r"(?<=[a-z]{2})(?=[A-Z])"  # extension|Type, but IPv4, eBGP
    r"|(?<=[A-Za-z]\d)(?=[A-Z][a-z]{2})"  # IPv4|Address, but 6LoWPAN
    r"|(?<=[A-Z]{2})(?=[A-Z](?!es$)[a-z]{2})"  # TLS|Certificate, but IPsec, DHCPv6, URLs, CLASSes
)
# Names that software writes as one word: CHACHA20 and NXDOMAIN, not CHA_CHA20 and NX_DOMAIN.
_ONE_WORD = regex(
    r"AppleTalk|AugPAKE|ChaCha|DECnet|DetNet|FedFS|FlowSpec|ForCES|FormErr|GitHub|GmbH|InfiniBand|JavaScript|LaTeX"
    r"|LoongArch|MacOS|NetBIOS|NetWare|NotAuth|NotImp|NotZone|NXDomain|NXRRSet|OAuth|OpenID|OpenPGP|PASSporT"
    r"|PostScript|PowerPC|RaptorQ|SenML|ServFail|SigComp|WebAuthn|WebRTC|WebSocket|YXDomain|YXRRSet|ZigBee"
)
_APOSTROPHE = regex(r"(?<=[A-Za-z])['\u2019](?=[A-Za-z])")
_SERIES = regex(r"\b([A-Z])\.(?=\d)")  # X.509 and G.711 are X509 and G711
_WITH = regex(r"\bw/(?=\s)")
_WORD = regex(r"[A-Za-z0-9]+")
_REMARK = regex(r"\s*(?:\([^()]*\)|\[[^\[\]]*\])")
_LAST_WORDS = frozenset({"registry", "registries", "values"})
# Words of the id of a registry group that do not say what it is about: tls-parameters, smi-numbers.
_GENERIC = frozenset(
    {"assignments", "code", "codes", "iana", "name", "names", "number", "numbers", "parameters", "protocol"}
    | {"registrations", "registries", "registry", "type", "types", "values"}
)
_SINGULARS = (
    (regex(r"(?:series|semantics|statistics|diagnostics|kerberos|ss|us|is|as)$", re.IGNORECASE), None),
    (regex(r"(?:status|alias)es$", re.IGNORECASE), 2),
    (regex(r"(?:ss|x|ch|sh)es$", re.IGNORECASE), 2),
    (regex(r"[a-z]s$|[A-Z]s$"), 1),
)
_LOUD = frozenset({"ALGORITHM", "CLASS", "GROUP", "LABEL", "OBJECT", "TYPE"})  # words, and no abbreviations
_WITH_IE = frozenset({"cookies", "series"})
_LONGEST_START = 3  # characters of a word of a group that are looked for at the beginning of a word only

Words = tuple[str, ...]


def split_words(text: str, longest: int = LONGEST_NAME) -> Words:
    """Return the words of a name, as many as fit into `longest` characters with one between them.

    Accents go. Any other letter or digit outside of ASCII becomes a word of its code point: `U6F22`.
    """
    text = _SERIES.sub(r"\1", _WITH.sub("with", _APOSTROPHE.sub("", text)))
    plain = "".join(map(_spell, unicodedata.normalize("NFKD", text)))
    words = tuple(part for word in _WORD.findall(plain) for part in _split_camel(word))
    return _cut(words or _spell_signs(text), longest)


def _split_camel(word: str) -> Iterator[str]:
    """Yield the parts of a word such as "extensionType"; inside of a name that is one word there is no boundary."""
    inside = {place for match in _ONE_WORD.finditer(word) for place in range(match.start() + 1, match.end())}
    start = 0
    for boundary in _CAMEL.finditer(word):
        if boundary.start() not in inside:
            yield word[start : boundary.start()]
            start = boundary.start()
    yield word[start:]


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


def find_spellings(titles: Iterable[str]) -> Mapping[str, str]:
    """Return how titles write their words, by the word in lower case: "BGP" for `bgp`."""
    return {word.lower(): word for text in titles for word in _WORD.findall(text) if word != word.lower()}


def name_registry(title: str, group: str, spellings: Mapping[str, str] = MappingProxyType({})) -> Words:
    """Return the words before the names of a registry's constants: its title in the singular.

    If the title lacks the subject of its group, the words of that come first, in the spelling of `find_spellings`:
    "Message Types" in bgp-parameters is `BGP Message Type`. A remark in brackets, a last "Registry" and "Values" go.
    """
    words = split_words(_REMARK.sub("", title), LONGEST_PREFIX)
    while len(words) > 1 and words[-1].lower() in _LAST_WORDS:
        words = words[:-1]
    words = (*words[:-1], *map(find_singular, words[-1:]))
    subject = [word for word in split_words(group) if word.lower() not in _GENERIC]
    if not subject or _has_word(words, subject[0]):
        return words
    missing = (spellings.get(word.lower(), word) for word in subject if not _has_word(words, word))
    return _cut((*(part for word in missing for part in _split_camel(word)), *words), LONGEST_PREFIX)


def find_singular(word: str) -> str:
    """Return an English noun in the singular: "Addresses", "Policies", "TYPEs" are `Address`, `Policy`, `Type`."""
    if word.lower().endswith("ies") and word.lower() not in _WITH_IE:
        return word[:-3] + "y"
    cut = next((cut for pattern, cut in _SINGULARS if pattern.search(word)), None)
    singular = word[:-cut] if cut else word
    return singular.capitalize() if singular in _LOUD else singular


def _has_word(words: Words, word: str) -> bool:
    """Return whether a title says a word of its group already, alone or as the beginning or part of a word."""
    lower = find_singular(word).lower()
    if len(lower) > _LONGEST_START and lower in "".join(words).lower():
        return True
    return any(other.lower().startswith(lower) for other in words)


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
    """Return `TLSCipherSuite`. Only numbers stay apart: `Version1_2`."""
    return _join_capitals(words, lambda before, after: before[-1].isdigit() and after[0].isdigit())


def join_mixed(words: Sequence[str]) -> str:
    """Return `ServerName`; words in capitals and numbers stay apart, as in Go's crypto/tls: `TLS_AES_128`."""
    return _join_capitals(words, lambda before, after: before == before.upper() and after == after.upper())


def _join_capitals(words: Sequence[str], is_apart: Callable[[str, str], bool]) -> str:
    signs = ["", *("_" if is_apart(before, after) else "" for before, after in pairwise(words))]
    parts = [sign + word[0].upper() + word[1:] for sign, word in zip(signs, words, strict=True)]
    return _begin_with_letter("".join(parts))


def _begin_with_letter(identifier: str) -> str:
    return f"N{identifier}" if identifier[:1].isdigit() else identifier
