"""The trusted certificates of HTTP and mail alike, and failed handshakes in words."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import certifi

from watcher.core.errors import ConfigError
from watcher.core.lazy import load
from watcher.core.operator_files import require_regular_file

if TYPE_CHECKING:
    import ssl
else:
    ssl = load("ssl")  # reading a configuration without ca_file does without it

_CA_HINT = "set ca_file in [fetch] to the file of that authority"
# OpenSSL's verify_code (X509_V_ERR_…) → what it means.
_CERTIFICATE_WORDS = {
    **dict.fromkeys((2, 18, 19, 20, 21), f"the certificate is signed by an unknown authority; {_CA_HINT}"),
    9: "the certificate is not valid yet; is the clock of this machine right?",
    10: "the certificate has expired",
}
# OpenSSL's reason → what it means.
_TLS_WORDS = {
    "WRONG_VERSION_NUMBER": "the server does not speak TLS on this port",
    "HTTP_REQUEST": "the server does not speak TLS on this port",
    "RECORD_LAYER_FAILURE": "the server does not speak TLS on this port",
    "UNSUPPORTED_PROTOCOL": "the server offers only versions of TLS that are too old",
    "TLSV1_ALERT_PROTOCOL_VERSION": "the server offers only versions of TLS that are too old",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "the server requires a certificate of the client, which is not supported",
}


def create_tls_context(ca_file: Path | str | None = None) -> ssl.SSLContext:
    """Return a context that trusts the authorities of this machine and those in a PEM file. Raises ConfigError.

    It takes some 25 ms. Without a store of this machine, or one in SSL_CERT_FILE, the authorities are certifi's.
    """
    context = ssl.create_default_context()
    if not context.cert_store_stats()["x509_ca"]:
        context.load_verify_locations(certifi.where())
    if ca_file is not None:
        require_regular_file(ca_file)
        try:
            context.load_verify_locations(ca_file)
        except ssl.SSLError:
            raise ConfigError(f"{ca_file}: not a file of certificates in PEM format") from None
        except OSError as error:
            raise ConfigError(f"{ca_file}: {error.strerror}") from None
    return context


def describe_tls_error(error: ssl.SSLError) -> str:
    """Return in words why a handshake failed."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _CERTIFICATE_WORDS.get(error.verify_code) or f"the certificate is not accepted: {error.verify_message}"
    return _TLS_WORDS.get(error.reason or "") or f"TLS failed: {error.reason or error}"
