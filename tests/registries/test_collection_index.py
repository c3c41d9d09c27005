"""Events of a changed index, and which names can become groups."""

from __future__ import annotations

import pytest

from tests.support.index_server import index_page
from watcher.core.model import Event, Severity
from watcher.core.tables import split_usable_ids
from watcher.diff.classify import explain
from watcher.diff.content import read_content
from watcher.registries.collection_index import REGISTRY, list_groups


def events(old: bytes, new: bytes) -> list[Event]:
    return list(explain(REGISTRY, read_content(old, REGISTRY, "index"), read_content(new, REGISTRY, "index"))[1])


def test_an_added_group_and_a_removed_one_are_events() -> None:
    added, removed = sorted(events(index_page(["a", "b"]), index_page(["b", "c"])), key=lambda event: event.id)
    assert (added.id, added.severity, added.service) == ("group-added", Severity.NOTICE, "c")
    assert added.summary == "registry group c (Protocol of c) added to the index"
    assert (removed.id, removed.severity, removed.service) == ("group-removed", Severity.WARNING, "a")
    assert removed.summary == "registry group a (Protocol of a) removed from the index"


def test_a_changed_field_of_a_group_is_an_event() -> None:
    (event,) = events(index_page(["a"]), index_page(["a"]).replace(b"Expert\n Review", b"IETF Review"))
    assert (event.id, event.severity) == ("group-changed", Severity.INFO)
    assert event.summary == "registry group a (Protocol of a) changed in the index: registration procedures"


def test_an_index_in_another_order_has_no_events() -> None:
    assert events(index_page(["a", "b"]), index_page(["b", "a"]).replace(b"Expert\n Review", b"Expert Review")) == []


def test_the_ids_that_iana_uses_can_become_groups() -> None:
    names = ["_6lowpan-parameters", "ip-over-IEEE1394", "tls-parameters", "x.1", "a" * 64]
    usable, refused = split_usable_ids(names)
    assert (list(usable.values()), refused) == (names, [])
    assert usable["ip-over-ieee1394"] == "ip-over-IEEE1394"


@pytest.mark.fault(37)
@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        ".hidden",
        "-x",
        "x.",
        "a/b",
        "a\\b",
        "%2e%2e",
        "a b",
        "a\0",
        "a\n",
        "é",
        "x" * 65,
        "a{group}",
        "~",
        "a:b",
    ],
)
def test_names_that_could_leave_a_folder_or_a_path_are_refused(name: str) -> None:
    assert split_usable_ids([name]) == ({}, [name])


def test_the_first_of_two_ids_that_differ_in_case_counts() -> None:
    assert split_usable_ids(["tls", "TLS", "Tls"]) == ({"tls": "tls"}, ["TLS", "Tls"])


def test_the_groups_of_an_index_are_its_entries() -> None:
    assert list_groups(read_content(index_page(["b", "a"]), REGISTRY, "index")) == ["a", "b"]
