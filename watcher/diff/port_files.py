"""Cut two files of the port registry down to what can matter to their comparison, before anything is parsed.

Two releases differ in a few of 14,000 records, and reading the others is most of what a comparison of two files takes.
`cut_files` keeps, as they are: all text outside of records and persons, each record and person that only one file has,
and the records that a rule can ask about (`watcher/registries/ports/coverage.py`, `registries/shared/contacts.py`,
`core/background.py`, `diff/compare.py`): those on a port of a changed record, all ranges of ports, those that have the
name of a changed record or the id of a changed person, and the persons that all these name. The same reader and the
same rules then judge what is left.

The first file is proven well-formed here. A record in it that begins and ends as one, and has no comment, CDATA or
other record inside, is one whole element; so it is one in the second file too, and taking it out of a document keeps
the document as well-formed as it was. Wherever that could be wrong, or more would have to be kept than a search for
bytes can find, it returns None and the caller reads both files whole. A test holds both ways to the same comparison.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from itertools import accumulate

from msgspec import Struct

from watcher.core.errors import ParseError
from watcher.core.patterns import regex
from watcher.formats.iana_xml import NAMESPACE
from watcher.formats.xml_safety import check_well_formed

_RECORD, _PERSON = b"record", b"person"
_LARGEST = 32 * 2**20  # bytes of a file
_LONGEST_PIECE, _MOST_TAGS = 16_000, 400  # of a record that both files have; more could be refused when it is read
_MOST_WORDS = 40  # a search for each goes through the whole file
_MOST_PLACES = 5_000  # of them
_WHITE_SPACE = b" \t\r\n"
_PORT = regex(rb"<number>(\d+)</number>")
_RANGE = regex(rb"<number>(\d+)-\d+</number>")
_NAME = regex(rb"<name>([A-Za-z0-9._+-]+)</name>")
_ID = regex(rb'<person id="([A-Za-z0-9._+-]+)">')
_REFERENCE = regex(rb"\[([^\[\]]+)\]|<xref [^>]*data=\"([^\"]*)\"[^>]*>([^<]*)")


class CutFiles(Struct, frozen=True, kw_only=True):
    """What is left of two files, and how many records were taken out of each."""

    old: bytes
    new: bytes
    left_out: int


def cut_files(old: bytes, new: bytes) -> CutFiles | None:
    """Return two documents whose comparison is that of two files; None where the files must be read whole."""
    if max(len(old), len(new)) > _LARGEST or not (_begins_plainly(old) and _begins_plainly(new)):
        return None
    try:
        check_well_formed(old)
        before, after = _Pieces(old), _Pieces(new)
        before.check(old)
        equal = before.common_with(after)
        changed = [piece for pieces in (before, after) for piece in pieces.all() if piece not in equal]
        words = _list_words(changed)
        if words is None or any(map(_may_be_refused, equal)):
            return None
        # A document without records is refused. What only the new file has is among the changed pieces.
        kept: set[bytes] = {*changed, *before.records[:1], *after.records[:1], *before.find(old, words)}
        kept |= before.find_people(kept)
        left_out = sum(1 for piece in before.records if piece not in kept)
        cut = CutFiles(old=before.join(kept), new=after.join(kept), left_out=left_out)
        after.check(cut.new)
    except (ParseError, _CutError):
        return None
    return cut


class _CutError(Exception):
    """The pieces of a document cannot be told apart by their bytes."""


class _Pieces:
    """A document cut into records, persons and the text before, between and after them.

    A piece is the white space before an element and the element without its end tag.
    """

    def __init__(self, data: bytes) -> None:
        head, self.records, rest = _split(data, _RECORD)
        between, self.people, tail = _split(rest, _PERSON)
        self._texts = (head, between, tail)

    def check(self, data: bytes) -> None:
        """Raise _CutError if the document, or what is left of it, has markup that pieces cannot show."""
        head = self._texts[0]
        has_other_marks = b"<!" in data or b"&#" in data or data.count(b"<?") != head.count(b"<?")
        records, people = data.count(b"<record"), data.count(b"<person")
        numbers = len(_PORT.findall(data)) + len(_RANGE.findall(data))
        if (
            has_other_marks
            or data.count(b"xmlns") != 1
            or (records, people) != (data.count(b"</record>"), data.count(b"</person>"))
            or numbers != data.count(b"<number")
            or re.search(rb"<number>0\d", data)
        ):
            raise _CutError

    def all(self) -> Iterable[bytes]:
        return (*self.records, *self.people)

    def common_with(self, other: _Pieces) -> Collection[bytes]:
        """Return the pieces that both documents have equally often."""
        counts, others = Counter(self.all()), Counter(other.all())
        return {piece for piece, number in counts.items() if others.get(piece) == number}

    def find(self, data: bytes, words: Iterable[bytes]) -> Iterable[bytes]:
        """Return every record of the document with one of some words, and those for a range of ports."""
        places = {match.start() for match in _RANGE.finditer(data)}
        for word in words:
            place = data.find(word)
            while place >= 0:
                places.add(place)
                place = data.find(word, place + 1)
            if len(places) > _MOST_PLACES:
                raise _CutError  # a word that tells nothing
        lengths = (len(piece) + len(b"</record>") for piece in self.records)
        ends = list(accumulate(lengths, initial=len(self._texts[0])))
        numbers = {bisect_right(ends, place) - 1 for place in places}
        return [self.records[number] for number in numbers if 0 <= number < len(self.records)]

    def find_people(self, pieces: Iterable[bytes]) -> set[bytes]:
        """Return the persons that some records name, and those whose id cannot be read here."""
        named = {name for piece in pieces for groups in _REFERENCE.findall(piece) for name in groups if name}
        return {person for person in self.people if (match := _ID.search(person)) is None or match[1] in named}

    def join(self, kept: Collection[bytes]) -> bytes:
        head, between, tail = self._texts
        records = b"".join([piece + b"</record>" for piece in self.records if piece in kept])
        people = b"".join([piece + b"</person>" for piece in self.people if piece in kept])
        return b"".join([head, records, between, people, tail])


def _split(data: bytes, name: bytes) -> tuple[bytes, Sequence[bytes], bytes]:
    """Return the text before the first element of a name, the pieces, and the text behind the last element."""
    begin = b"<" + name
    *pieces, rest = data.split(b"</%b>" % name)
    if not pieces or begin not in pieces[0]:
        raise _CutError
    start = pieces[0].index(begin)
    head, pieces[0] = pieces[0][:start], pieces[0][start:]
    space = pieces[-1][: pieces[-1].find(begin)]
    usual = (space + begin + b" ", space + begin + b">")
    for piece in [piece for piece in pieces if not piece.startswith(usual)]:
        if not piece.lstrip(_WHITE_SPACE).startswith((begin + b" ", begin + b">")):
            raise _CutError
    if space.strip(_WHITE_SPACE):
        raise _CutError
    return head, pieces, rest


def _begins_plainly(data: bytes) -> bool:
    """Return whether a document begins as IANA writes it: in UTF-8, with one namespace."""
    return (
        data.startswith(b"<?xml version='1.0' encoding='UTF-8'?>")
        and f'<registry xmlns="{NAMESPACE}" id="service-names-port-numbers">'.encode() in data[:2000]
    )


def _may_be_refused(piece: bytes) -> bool:
    """Return whether a piece is so large that reading it could be refused."""
    return len(piece) > _LONGEST_PIECE or (len(piece) > 3 * _MOST_TAGS and piece.count(b"<") > _MOST_TAGS)


def _list_words(changed: Iterable[bytes]) -> Collection[bytes] | None:
    """Return the bytes that all records have that a rule can ask about; None if that cannot be said of a piece."""
    words: set[bytes] = set()
    for piece in changed:
        ids, names = _ID.findall(piece), _NAME.findall(piece)
        ports = [*_PORT.findall(piece), *_RANGE.findall(piece)]  # of a range, the rules ask about the first
        if b"<person" in piece:
            if len(ids) != 1 or ids[0].upper().startswith(b"RFC"):
                return None
            words.update(ids)
        elif ports:
            words.update(b"<number>%b</number>" % port for port in ports)
        elif len(names) == piece.count(b"<name") == 1:
            words.update(names)  # white space may be around it
        else:
            return None  # no port and no plain name: nothing to search for
        if len(words) > _MOST_WORDS:
            return None
    return words
