"""The status of port entries. The texts are from real releases, shortened."""

from __future__ import annotations

import pytest

from watcher.core.model import Status
from watcher.registries.ports import identity

BLANK = dict.fromkeys(identity.FIELDS, "")


def status(**fields: str) -> Status:
    return identity.read_status("", {**BLANK, **fields})


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"description": "Unassigned"}, Status.UNASSIGNED),
        ({"description": "unassigned (removed 2002-04-29)"}, Status.UNASSIGNED),
        ({"description": "Reserved"}, Status.RESERVED),
        ({"description": "Deprecated February 25, 2011"}, Status.RESERVED),
        ({"description": "De-registered"}, Status.RESERVED),
        ({"description": "Removed"}, Status.RESERVED),
        ({"description": "any private dial out service"}, Status.ASSIGNED),
        ({"name": "ssh", "description": "The Secure Shell"}, Status.ASSIGNED),
        ({"name": "a", "description": "Historic. Was something"}, Status.HISTORIC),
        ({"name": "a", "description": "A thing (Deprecated)"}, Status.DEPRECATED),
        ({"name": "a", "description": "OBSOLETE"}, Status.OBSOLETE),
        ({"name": "a-historic"}, Status.HISTORIC),
        ({"name": "a", "notes": "This entry is deprecated in favour of b"}, Status.DEPRECATED),
        ({"name": "a", "notes": "The ports are no longer in use"}, Status.OBSOLETE),
        ({"name": "a", "notes": "Historical"}, Status.HISTORIC),
        ({"name": "old_deprecated"}, Status.DEPRECATED),
        ({"name": "a", "description": "An obsolete thing"}, Status.OBSOLETE),
    ],
)
def test_name_description_and_notes_state_the_status(fields: dict[str, str], expected: Status) -> None:
    assert status(**fields) is expected


@pytest.mark.parametrize(
    "text",
    [
        "Historic usage was toruxserver",
        "Historically, this was the port of b",
        "This replaces the obsolete foo service",
        "no longer deprecated",
        "It was never obsolete",
        "not deprecated",
        "instead of the deprecated b",
        "successor to the historic c",
        "prehistoric",
        "deprecated alias of b",
        "using the obsolete foo",
        "kept for historical reasons",
    ],
)
def test_words_about_something_else_do_not_retire_an_entry(text: str) -> None:
    assert status(name="a", notes=text) is Status.ASSIGNED
