"""Small tables for registry groups whose key is known, and does not have to be seen from their rows."""

from __future__ import annotations

from watcher.model import Severity
from watcher.registries.special import Special, Watch

_SIGNING = tuple(
    Watch(
        column=column,
        event="recommendation-withdrawn",
        severity=Severity.WARNING,
        says=f"not for {word} any more",
        before=("y",),
    )
    for column, word in (("signing", "zone signing"), ("transsec", "transaction security"))
)

_TOP_LEVEL_TYPES = (
    *("application", "audio", "font", "haptics", "image", "message", "model", "multipart", "text", "video"),
)

TABLES = (
    Special(document="dns-sec-alg-numbers", keys={"dns-sec-alg-numbers-1": ("number",)}, watched=_SIGNING),
    Special(
        document="dns-parameters",
        keys={
            "dns-parameters-2": ("value",),
            "dns-parameters-4": ("value",),
            "dns-parameters-6": ("value",),
            "underscored-globally-scoped-dns-node-names": ("value", "description"),
        },
    ),
    Special(document="http-status-codes", keys={"http-status-codes-1": ("value",)}),
    Special(document="protocol-numbers", keys={"protocol-numbers-1": ("value",)}),
    Special(document="media-types", keys=dict.fromkeys(_TOP_LEVEL_TYPES, ("name",))),
    # A number is leased to an enterprise for good; its name and contact change.
    Special(document="enterprise-numbers", keys={"enterprise-numbers-1": ("value",)}),
)
