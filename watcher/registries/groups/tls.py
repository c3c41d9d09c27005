"""Transport Layer Security parameters (RFC 8447, RFC 9847): the Recommended column."""

from __future__ import annotations

from watcher.core.model import Severity
from watcher.registries.groups.base import ColumnWatch, GroupRules

_WORDS = {"rec": "Recommended", "dtls": "DTLS-OK"}
_WATCHED = (
    ColumnWatch(
        column="rec",
        event="recommendation-withdrawn",
        severity=Severity.WARNING,
        says="no longer recommended",
        before=("y",),
    ),
    ColumnWatch(
        column="rec",
        event="recommendation-granted",
        severity=Severity.INFO,
        says="now recommended",
        after=("y",),
        before=("n", "d"),
    ),
    ColumnWatch(
        column="rec",
        event="discouraged",
        severity=Severity.WARNING,
        says="now discouraged",
        before=("n",),
        after=("d",),
    ),
)

TLS = (
    GroupRules(document="tls-parameters", words=_WORDS, watched=_WATCHED),
    GroupRules(
        document="tls-extensiontype-values",
        keys={"alpn-protocol-ids": ("description",)},
        words=_WORDS | {"tls13": "TLS 1.3"},
        watched=_WATCHED,
    ),
)
