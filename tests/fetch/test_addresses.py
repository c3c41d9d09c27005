"""Which addresses are public. Nothing is sent anywhere."""

from __future__ import annotations

import pytest

from watcher.fetch.addresses import refusal


@pytest.mark.fault(11)
@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("127.0.0.1", "loopback"),
        ("127.8.8.8", "loopback"),
        ("0.0.0.0", "unspecified"),  # noqa: S104 - an address that is judged, not bound to
        ("10.1.2.3", "private"),
        ("172.16.0.1", "private"),
        ("192.168.1.1", "private"),
        ("169.254.169.254", "link-local"),
        ("100.64.0.1", "shared"),
        ("100.127.255.254", "shared"),
        ("224.0.0.1", "multicast"),
        ("255.255.255.255", "broadcast"),
        ("198.18.0.1", "benchmarking"),
        ("::", "unspecified"),
        ("::1", "loopback"),
        ("fe80::1%eth0", "link-local"),
        ("fec0::1", "site-local"),
        ("fc00::1", "private"),
        ("ff02::1", "multicast"),
        ("2001:db8::1", "documentation"),
        ("::ffff:127.0.0.1", "loopback"),
        ("::ffff:a9fe:a9fe", "link-local"),
        ("::127.0.0.1", "loopback"),
        ("64:ff9b::10.0.0.1", "private"),
        ("64:ff9b::169.254.169.254", "link-local"),
        ("::8.8.8.8", "reserved"),
        ("64:ff9b:1::8.8.8.8", "NAT64"),
        ("3fff::1", "documentation"),
        ("192.0.2.1", "documentation"),
        ("192.0.0.8", "dummy"),
        ("100:0:0:1::1", "dummy"),
        ("100::1", "discard-only"),
        ("192.0.0.1", "protocol assignment"),
        ("192.0.0.170", "protocol assignment"),
        ("2001:1::4", "protocol assignment"),
        ("192.88.99.1", "deprecated 6to4"),
        ("2001:10::1", "deprecated ORCHID"),
        ("2001:2::1", "benchmarking"),
        ("5f00::1", "segment routing"),
        ("240.0.0.1", "reserved"),
        ("4000::1", "reserved"),
        ("e000::1", "reserved"),
        ("2002:c058:6301::1", "deprecated 6to4"),
        ("2002:7f00:1::", "loopback"),
        ("2002:a9fe:a9fe::1", "link-local"),
        ("2001:0:4136:e378:8000:63bf:80ff:fffe", "loopback"),
    ],
)
def test_an_address_that_is_not_public_is_refused_whatever_carries_it(address: str, why: str) -> None:
    assert (refusal(address) or "").startswith(why)


@pytest.mark.parametrize(
    "address",
    [
        *("192.0.32.8", "8.8.8.8", "100.128.0.1", "192.0.1.1", "192.88.100.1"),
        *("192.0.0.9", "192.0.0.10", "192.31.196.1", "192.52.193.1", "192.175.48.1"),
        *("2620:0:2d0:200::8", "2001:200::1", "2001:1::1", "2001:1::2", "2001:1::3", "2001:3::1", "2001:4:112::1"),
        *("2001:20::1", "2001:30::1", "2620:4f:8000::1", "3ffe:ffff::1", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"),
    ],
)
def test_a_public_address_is_not_refused(address: str) -> None:
    assert refusal(address) is None
