"""Internet address space: designations of blocks (IPv4, IPv6), and uses of special-purpose blocks (RFC 6890)."""

from __future__ import annotations

from watcher.core.model import Severity
from watcher.registries.groups.base import ColumnWatch, GroupRules

_FLAGS = {
    "source": "valid as a source",
    "destination": "valid as a destination",
    "forwardable": "forwardable",
    "global": "globally reachable",
}
_USE = tuple(
    ColumnWatch(
        column=column,
        event="address-use-changed",
        severity=Severity.WARNING,
        says=f"now {word}" if after else f"no longer {word}",
        before=("false", "n/a") if after else ("true",),
        after=("true",) if after else (),
    )
    for column, word in _FLAGS.items()
    for after in (True, False)
)
_WORDS = {"global": "Globally Reachable", "reserved": "Reserved-by-Protocol", "allocation": "Allocation Date"}

ADDRESSES = (
    *(
        GroupRules(
            document=f"iana-{version}-special-registry",
            keys={f"iana-{version}-special-registry-1": ("address",)},
            words=_WORDS,
            watched=_USE,
            all_assigned=True,
        )
        for version in ("ipv4", "ipv6")
    ),
    GroupRules(
        document="ipv4-address-space",
        keys={"": ("prefix",)},
        watched=(
            ColumnWatch(
                column="designation",
                event="block-redesignated",
                severity=Severity.WARNING,
                says="designation {before} → {after}",
            ),
        ),
    ),
    GroupRules(document="ipv6-address-space", keys={"ipv6-address-space-1": ("prefix",)}),
)
