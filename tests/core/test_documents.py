"""The names of documents."""

from __future__ import annotations

import pytest

from watcher.core.documents import find_documents, format_document, parse_draft, parse_rfc, referenced_documents


@pytest.mark.parametrize(
    ("text", "documents"),
    [
        ("[RFC9350]", ["rfc9350"]),
        ("[RFC5545, Section 3.4][RFC9350]", ["rfc5545", "rfc9350"]),
        ("[draft-ietf-lsr-flex-algo-26]", ["draft-ietf-lsr-flex-algo"]),
        ("[RFC-ietf-tls-rfc8447bis-14]", ["draft-ietf-tls-rfc8447bis"]),
        ("[draft-ietf-tls-rfc8446bis]", ["draft-ietf-tls-rfc8446bis"]),
        ("RFC 0826 and rfc-9350", ["rfc826", "rfc9350"]),
        ("[RFC Errata 4089]", []),
        ("[IESG]", []),
    ],
)
def test_documents_are_found_in_references(text: str, documents: list[str]) -> None:
    assert list(find_documents(text)) == documents


def test_a_document_that_only_a_note_mentions_is_no_reference() -> None:
    fields = {"references": "[RFC9350]", "notes": "see [RFC1]", "description": "RFC2", "markup:references": "[RFC3]"}
    assert referenced_documents(fields) == {"rfc9350"}


def test_a_question_names_a_document_in_every_form() -> None:
    assert {parse_rfc(text) for text in ("9350", "RFC9350", "rfc9350", "RFC 9350", " rfc-9350 ")} == {"rfc9350"}
    assert parse_draft("draft-ietf-toy-03") == parse_draft("draft-ietf-toy") == "draft-ietf-toy"
    assert format_document("rfc9350") == "RFC 9350"
    for text in ("", "9350bis", "draft-x"):
        with pytest.raises(ValueError, match="is not the number of an RFC"):
            parse_rfc(text)
    with pytest.raises(ValueError, match="is not the name of a draft"):
        parse_draft("RFC9350")
