"""Decide which IP addresses are public. Contacts no address.

`_BLOCKS` holds the facts of IANA's special-purpose address registries (RFC 6890): IPv4 of 2021-02-04, IPv6 of
2023-03-15, with the later blocks of RFC 9602, 9637, 9665 and 9780. Multicast and site-local addresses are in other
registries. `ipaddress.is_global` follows neither in every Python that is supported: 3.11 takes 3fff::1 for public.
"""

from __future__ import annotations

import ipaddress

_PUBLIC = ""
# Block → why its addresses are not public, in a word or two. The longest block that has an address counts.
_BLOCKS = {
    ipaddress.ip_network(block): why
    for why, blocks in {
        "unspecified": "0.0.0.0/8 ::/128",
        "loopback": "127.0.0.0/8 ::1/128",
        "link-local": "169.254.0.0/16 fe80::/10",
        "private": "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 fc00::/7",
        "shared, carrier-grade NAT": "100.64.0.0/10",
        "site-local": "fec0::/10",  # RFC 3879
        "multicast": "224.0.0.0/4 ff00::/8",
        "broadcast": "255.255.255.255/32",
        "documentation": "192.0.2.0/24 198.51.100.0/24 203.0.113.0/24 2001:db8::/32 3fff::/20",
        "benchmarking": "198.18.0.0/15 2001:2::/48",
        "protocol assignment": "192.0.0.0/24 2001::/23",
        "deprecated 6to4 relay": "192.88.99.0/24",
        "discard-only": "100::/64",
        "dummy": "192.0.0.8/32 100:0:0:1::/64",
        "NAT64 of a local network": "64:ff9b:1::/48",
        "deprecated ORCHID": "2001:10::/28",
        "segment routing": "5f00::/16",
        "reserved": "240.0.0.0/4 ::/0",  # IANA has given out no IPv6 unicast address outside 2000::/3
        _PUBLIC: (
            "0.0.0.0/0 2000::/3 192.0.0.9/32 192.0.0.10/32 192.31.196.0/24 192.52.193.0/24 192.175.48.0/24 "
            "2001:1::1/128 2001:1::2/128 2001:1::3/128 2001:3::/32 2001:4:112::/48 2001:20::/28 2001:30::/28 "
            "2620:4f:8000::/48"
        ),
    }.items()
    for block in blocks.split()
}
_LONGEST_FIRST = sorted(_BLOCKS.items(), key=lambda item: -item[0].prefixlen)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052
_IPV4_COMPATIBLE = ipaddress.ip_network("::/96")  # RFC 4291 section 2.5.5.1
_LOW_32 = 2**32 - 1


def refusal(text: str) -> str | None:
    """Return why an IP address is not a public one ("loopback", "private", …); None for a public one.

    An IPv4 address inside an IPv6 one (mapped, compatible, NAT64, 6to4, Teredo) is judged as the IPv4 address: packets
    to it may end there.
    """
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and (embedded := _embedded_ipv4(address)) is not None:
        return refusal(str(embedded)) or ("reserved" if address in _IPV4_COMPATIBLE else None)
    return next(why for block, why in _LONGEST_FIRST if address in block) or None


def _embedded_ipv4(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    # `::` and `::1` lie in the IPv4-compatible block and embed no IPv4 address.
    if address in _NAT64 or (address in _IPV4_COMPATIBLE and int(address) > 1):
        return ipaddress.IPv4Address(int(address) & _LOW_32)
    return None
