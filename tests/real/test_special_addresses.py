"""The table of special addresses against the registries that it was written from."""

from __future__ import annotations

import ipaddress

import pytest
from lxml import etree

from tests.support.real_data import iana_document
from watcher.fetch.addresses import refusal

# An IPv4 address inside these is judged, whatever the registry says of the block.
_EMBEDDING = {"::ffff:0:0/96", "64:ff9b::/96", "2002::/16", "2001::/32"}


@pytest.mark.fault(11)
@pytest.mark.parametrize("version", [4, 6])
def test_the_table_of_public_addresses_agrees_with_the_registry(version: int) -> None:
    group = f"iana-ipv{version}-special-registry"
    records = etree.fromstring(iana_document(group, "2024-02-05")).iterfind(".//{*}record")
    is_global = {
        ipaddress.ip_network(block.strip()): (record.findtext("{*}global") or "").strip() == "True"
        for record in records
        for block in str(record.findtext("{*}address")).split(",")
        if block not in _EMBEDDING
    }
    judged = 0
    for block in is_global:
        for address in (block[0], block[-1]):
            narrowest = max((other for other in is_global if address in other), key=lambda other: other.prefixlen)
            if not any(address in ipaddress.ip_network(other) for other in _EMBEDDING):
                assert (refusal(str(address)) is None) is is_global[narrowest], (address, narrowest)
                judged += 1
    assert judged > 30
