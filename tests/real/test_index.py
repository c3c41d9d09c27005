"""IANA's own index of February 2024: every group that it links to is an entry, and can be watched."""

from __future__ import annotations

import lzma
import re
from functools import cache

from tests.support.real_data import data
from watcher.core.model import Content, Fields, Section
from watcher.core.tables import split_usable_ids
from watcher.diff.content import read_content
from watcher.registries.collection_index import REGISTRY, list_groups


@cache
def page() -> bytes:
    return lzma.decompress(data("iana-index-2024-02-13.html.xz").read_bytes())


@cache
def content() -> Content:
    return read_content(page(), REGISTRY, "index")


def fields(group: str) -> Fields:
    (fields,) = (item.fields for (section, key), item in content().items.items() if key.values == (group,))
    return fields


def test_every_group_that_a_link_names_is_an_entry() -> None:
    """The expected groups are read without the product: the first step of every path under /assignments/."""
    linked = set(re.findall(r'href="(?:http://iana\.org)?/assignments/([^/"#?]+)', page().decode()))
    assert len(linked) == 432
    assert set(list_groups(content())) == linked
    assert content().entries == 432
    assert content().problems == ()
    assert content().published is None


def test_every_group_can_be_watched() -> None:
    usable, refused = split_usable_ids(list_groups(content()))
    assert (len(usable), refused) == (432, [])
    assert [name for name in usable.values() if name != name.lower()] == ["ip-over-IEEE1394"]


def test_the_texts_beside_a_group_are_its_fields() -> None:
    ancp = fields("ancp")
    assert ancp["title"] == "Access Network Control Protocol (ANCP)"
    assert ancp["registries"].splitlines()[0] == "ANCP Capability Types"
    assert len(ancp["registries"].splitlines()) == 8
    assert "ANCP Command Codes: [RFC 6320]" in ancp["references"].splitlines()
    assert (
        "ANCP Result Codes: 0x0-0xFFF: IETF Review. 0x1000-0xFFFFFF: Specification Required."
        in ancp["procedures"].splitlines()
    )


def test_every_registry_and_every_procedure_of_the_page_is_in_some_entry() -> None:
    text = page().decode()
    procedures = len(re.findall(r'<span class="iana-protocol-comment">\s*[^<\s]', text))
    kept = sum(
        len(item.fields["procedures"].splitlines())
        for (section, _), item in content().items.items()
        if section is Section.ENTRY
    )
    assert procedures > 1400
    # A registry that the page lists twice in the same words is kept once.
    assert 0 <= procedures - kept < 20


def test_a_group_under_several_protocols_is_one_entry() -> None:
    assert fields("aka-version-namespace")["title"].splitlines() == [
        "Authentication and Key Agreement (AKA)",
        "Authentication Option Name Spaces",
    ]
