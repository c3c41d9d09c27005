"""Refuse XML and HTML that is not well-formed or that would cost a parser too much, before a tree is built."""

from __future__ import annotations

from typing import NoReturn
from xml.parsers import expat

from watcher.core.errors import ParseError
from watcher.core.patterns import regex

# libxml2 compares each attribute of an element with all others: 200,000 of them, in 2 MB, keep it busy for minutes.
MAX_ATTRIBUTES = 1_000
_LONG_TAG = regex(rb"<[^<]{16384}")
_UTF16 = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"<\0": "utf-16-le", b"\0<": "utf-16-be"}
# Each attribute is one to three of these tokens, whatever separates them: a name, a quoted value, an equals sign.
_MANY_ATTRIBUTES = regex(
    rb"<[A-Za-z_:\x80-\xff](?:[\s/]*+(?:[^\s>\"'/=]++|=|\"[^\"]*+\"|'[^']*+')){%d}" % (3 * MAX_ATTRIBUTES + 1)
)


def check_well_formed(data: bytes, *, page: bool = False) -> None:
    """Raise ParseError `not_well_formed` or `doctype` unless this is XML; a `page` may have a DOCTYPE of HTML."""
    parser = expat.ParserCreate()

    def refuse(*_: object) -> NoReturn:
        message = "a DOCTYPE other than HTML is refused" if page else "a document with a DOCTYPE is refused"
        raise ParseError("doctype", message, line=parser.CurrentLineNumber)

    def check_doctype(name: str, _system: object, _public: object, internal: bool) -> None:
        if not page or internal or name.lower() != "html":
            refuse()

    parser.StartDoctypeDeclHandler = check_doctype
    parser.EntityDeclHandler = refuse
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        message = f"not well-formed: {expat.ErrorString(error.code)}"
        raise ParseError("not_well_formed", message, line=error.lineno, column=error.offset + 1) from None
    except (LookupError, ValueError) as error:  # an encoding that Python does not know or that is no text encoding
        raise ParseError("not_well_formed", f"not readable: {error}", line=1) from None
    finally:
        parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = None  # breaks a reference cycle


def check_xml_attributes(data: bytes) -> None:
    """Raise ParseError `too_large` if an element of a well-formed document has more than MAX_ATTRIBUTES attributes."""
    if (encoding := _UTF16.get(data[:2])) is not None:
        data = data.decode(encoding, "replace").encode()
    # Well-formed XML has no bare `<` inside a tag, so only a long text without one can be such an element. This first
    # search is much faster than the second.
    if _LONG_TAG.search(data):
        check_attributes(data)


def check_attributes(data: bytes) -> None:
    """Do the same for any markup in an encoding that extends ASCII, well-formed or not."""
    if element := _MANY_ATTRIBUTES.search(data):
        line = data.count(b"\n", 0, element.start()) + 1
        raise ParseError("too_large", f"an element with more than {MAX_ATTRIBUTES} attributes", line=line)
