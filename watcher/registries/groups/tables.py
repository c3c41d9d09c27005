"""Registry groups that need a declared key, watched columns, other words or a limit of severity."""

from __future__ import annotations

from watcher.core.model import Severity
from watcher.registries.groups.base import ColumnWatch, GroupRules

_SIGNING = tuple(
    ColumnWatch(
        column=column,
        event="recommendation-withdrawn",
        severity=Severity.WARNING,
        says=f"no longer for {word}",
        before=("y",),
    )
    for column, word in (("signing", "zone signing"), ("transsec", "transaction security"))
)

_TOP_LEVEL_TYPES = (
    *("application", "audio", "font", "haptics", "image", "message", "model", "multipart", "text", "video"),
)

TABLES = (
    GroupRules(document="dns-sec-alg-numbers", keys={"dns-sec-alg-numbers-1": ("number",)}, watched=_SIGNING),
    GroupRules(
        document="dns-parameters",
        keys={
            "dns-parameters-2": ("value",),
            "dns-parameters-4": ("value",),
            "dns-parameters-6": ("value",),
            "underscored-globally-scoped-dns-node-names": ("value", "description"),
        },
    ),
    *(
        GroupRules(document=document, keys=keys)
        # From the rows alone the key would be wrong, or differ from one release to the next.
        for document, keys in (
            ("_6lowpan-parameters", {"_6lowpan-parameters-1": ("value", "page")}),
            ("cwt", {"claims-registry": ("key",)}),
            (
                "email-auth",
                {"email-auth-methods": ("method", "ptype", "name"), "email-auth-result-names": ("name", "code")},
            ),
            ("message-headers", {"perm-headers": ("value", "protocol"), "prov-headers": ("value", "protocol")}),
            (
                "pcep",
                {
                    "pcep-objects": ("class-value", "type-value"),
                    "pcep-error-object": ("type-value", "value-value"),
                    "notification-object": ("type-value", "value-value"),
                },
            ),
            ("pim-parameters", {"message-types": ("value", "flag-value")}),
            ("rdap-json-values", {"rdap-json-values-1": ("value", "type")}),
            ("rpki", {"rpki-rtr-pdu": ("value", "type")}),
            ("rtp-parameters", {"rtp-parameters-2": ("type", "subtype")}),
            ("yang-parameters", {"yang-parameters-1": ("name", "file")}),
        )
    ),
    GroupRules(document="http-status-codes", keys={"http-status-codes-1": ("value",)}),
    GroupRules(document="protocol-numbers", keys={"protocol-numbers-1": ("value",)}),
    GroupRules(
        document="media-types",
        keys=dict.fromkeys(_TOP_LEVEL_TYPES, ("name",)),
        nouns={name: f"{name}/" for name in _TOP_LEVEL_TYPES},
    ),
    # Names of companies, whose accreditations change often; no software depends on them.
    GroupRules(document="registrar-ids", highest=Severity.INFO),
    GroupRules(document="cbor-tags", nouns={"tags": "CBOR tag"}),
    GroupRules(
        document="cose",
        nouns={"header-parameters": "COSE", "algorithms": "COSE algorithm", "elliptic-curves": "COSE curve"},
    ),
    # A number belongs to one enterprise forever; the name and contact change.
    GroupRules(document="enterprise-numbers", keys={"enterprise-numbers-1": ("value",)}),
)
