"""Transport Layer Security parameters (RFC 8447, RFC 9847): what is recommended, and what is not any more."""

from __future__ import annotations

from watcher.core.model import Severity
from watcher.registries.groups.base import ColumnWatch, GroupRules

WORDS = {"rec": "Recommended", "dtls": "DTLS-OK"}
WATCHED = (
    ColumnWatch(
        column="rec",
        event="recommendation-withdrawn",
        severity=Severity.WARNING,
        says="not recommended any more",
        before=("y",),
    ),
    ColumnWatch(
        column="rec",
        event="recommendation-granted",
        severity=Severity.NOTICE,
        says="recommended now",
        after=("y",),
        before=("n", "d"),
    ),
    ColumnWatch(
        column="rec",
        event="discouraged",
        severity=Severity.WARNING,
        says="discouraged now",
        before=("n",),
        after=("d",),
    ),
)

TLS = (
    GroupRules(document="tls-parameters", words=WORDS, watched=WATCHED),
    GroupRules(
        document="tls-extensiontype-values",
        keys={"alpn-protocol-ids": ("description",)},
        words=WORDS | {"tls13": "TLS 1.3"},
        watched=WATCHED,
    ),
)
