"""Events of changed references, in the notation that IANA prints."""

from __future__ import annotations

import pytest

from watcher.registries.shared.references import reference_event


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("[draft-ietf-toy-03]", "[RFC9999]"),
        ("[draft-ietf-toy-03]", "[RFC9999, Section 2]"),
        ("[draft-ietf-toy-03, Section 2]", "[RFC9999, Section 2]"),
        ("[RFC-ietf-toy-03]", "[RFC9999]"),
        ("[RFC8126][draft-ietf-toy-03]", "[RFC8126][RFC9999]"),
    ],
)
def test_a_draft_replaced_by_an_rfc_is_a_publication(before: str, after: str) -> None:
    assert reference_event(before, after) == "reference-published"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("[draft-ietf-toy-03]", "[draft-ietf-toy-04]"),
        ("[draft-ietf-toy-03]", "[draft-ietf-toy-03][RFC9999]"),
        ("[draft-ietf-toy-03]", "[RFC-ietf-toy-03]"),
        ("[draft-ietf-toy-03][RFC8126, Section 1]", "[RFC8126, Section 2]"),
        ("[RFC8126]", "[RFC9999]"),
        ("[draft-ietf-toy-03]", ""),
    ],
)
def test_other_changes_of_references_are_not_a_publication(before: str, after: str) -> None:
    assert reference_event(before, after) != "reference-published"
