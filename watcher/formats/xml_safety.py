"""Prove that a document is well-formed XML, by a parser that keeps nothing of it."""

from __future__ import annotations

from typing import NoReturn
from xml.parsers import expat

from watcher.core.errors import ParseError


def prove(data: bytes, *, page: bool = False) -> None:
    """Return for a well-formed document without a DOCTYPE, or with one that names HTML and nothing else (`page`).

    No entity is ever expanded. Raises ParseError with the line: `doctype`, `not_well_formed` with the column too.
    """
    parser = expat.ParserCreate()

    def refuse(*_: object) -> NoReturn:
        said = "a DOCTYPE that a page does not have" if page else "the document has a DOCTYPE; it is refused unread"
        raise ParseError("doctype", said, line=parser.CurrentLineNumber)

    def doctype(name: str, _system: object, _public: object, internal: bool) -> None:
        if not page or internal or name.lower() != "html":
            refuse()

    parser.StartDoctypeDeclHandler = doctype
    parser.EntityDeclHandler = refuse
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        message = f"not well-formed: {expat.ErrorString(error.code)}"
        raise ParseError("not_well_formed", message, line=error.lineno, column=error.offset + 1) from None
    except (LookupError, ValueError) as error:  # an encoding that Python does not know or that is no text encoding
        raise ParseError("not_well_formed", f"not readable: {error}", line=1) from None
    finally:
        parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = None  # they hold the parser, and the parser them
