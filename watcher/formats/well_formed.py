"""Prove that a document is well-formed XML, by a parser that keeps nothing of it."""

from __future__ import annotations

from typing import NoReturn
from xml.parsers import expat

from watcher.errors import ParseError


def prove(data: bytes) -> None:
    """Return for a well-formed document without a DOCTYPE; no entity is ever expanded.

    Raises ParseError with the line: `doctype`, `not_well_formed` with the column too.
    """
    parser = expat.ParserCreate()

    def refuse(*_: object) -> NoReturn:
        raise ParseError("doctype", "the document has a DOCTYPE; it is refused unread", line=parser.CurrentLineNumber)

    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        message = f"not well-formed: {expat.ErrorString(error.code)}"
        raise ParseError("not_well_formed", message, line=error.lineno, column=error.offset + 1) from None
    except (LookupError, ValueError) as error:  # an encoding that Python does not know or that is no text encoding
        raise ParseError("not_well_formed", f"not readable: {error}", line=1) from None
    finally:
        parser.StartDoctypeDeclHandler = None  # it holds the parser, and the parser it
