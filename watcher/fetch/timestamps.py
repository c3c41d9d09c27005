"""Ask a time-stamping authority (RFC 3161) to sign that some bytes exist now. Needs the extra `evidence`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import requests
from msgspec import Struct

from watcher import __version__
from watcher.core.errors import ConfigError, FetchError
from watcher.core.lazy import load
from watcher.core.operator_files import require_regular_file
from watcher.fetch.guarded_sockets import Guard
from watcher.fetch.responses import LIBRARY_ERRORS, explain_without_url
from watcher.fetch.sessions import guard_session

if TYPE_CHECKING:
    import rfc3161_client
    from cryptography import x509
else:
    rfc3161_client, x509 = load("rfc3161_client"), load("x509")

_MOST_BYTES = 2**18  # of a response; one with its certificates has some 6 kB
_REASON = "timestamp"


class TimeStamp(Struct, frozen=True, kw_only=True):
    """A response of the authority in DER, as `openssl ts` reads it, and the time that it signs."""

    response: bytes
    time: datetime


class TimeStampAuthority(Struct, frozen=True, kw_only=True):
    """An authority and the certificates that its signature must lead to. The proxy and `ca_file` are those of HTTP."""

    url: str
    roots: Path
    timeout: float = 30
    ca_file: Path | None = None
    proxy: str | None = None

    def stamp(self, data: bytes) -> TimeStamp:
        """Return a verified time stamp of some bytes.

        Raises FetchError (`timestamp`) if there is no valid one, ConfigError if the certificates cannot be read or the
        extra is not installed.
        """
        try:
            builder = rfc3161_client.TimestampRequestBuilder()
            roots = self._read_roots()
        except ImportError as error:
            raise ConfigError(f"evidence.tsa: {error.name} is missing; install registry-watcher[evidence]") from None
        request = builder.data(data).hash_algorithm(rfc3161_client.HashAlgorithm.SHA256).build()
        response = self._post(request.as_bytes())
        verifier = rfc3161_client.VerifierBuilder(roots=roots, nonce=request.nonce).build()
        try:
            decoded = rfc3161_client.decode_timestamp_response(response)
            if decoded.status != rfc3161_client.PKIStatus.GRANTED:
                raise FetchError(_REASON, f"the authority refused: {_describe_refusal(decoded)}", transient=True)
            verifier.verify_message(decoded, data)
            return TimeStamp(response=response, time=decoded.tst_info.gen_time)
        except (ValueError, rfc3161_client.VerificationError) as error:
            raise FetchError(_REASON, f"the answer is no valid time stamp: {error}", transient=False) from error

    def _read_roots(self) -> list[x509.Certificate]:
        require_regular_file(self.roots)
        try:
            return x509.load_pem_x509_certificates(self.roots.read_bytes())
        except OSError as error:
            raise ConfigError(f"evidence.roots: {self.roots}: {error.strerror}") from None
        except ValueError:
            raise ConfigError(f"evidence.roots: {self.roots}: not a file of certificates in PEM format") from None

    def _post(self, request: bytes) -> bytes:
        guard = Guard(
            deadline=self.timeout,
            connect_timeout=self.timeout,
            read_timeout=self.timeout,
            wire_bytes=_MOST_BYTES,
            allow_private=True,
        )
        headers = {"Content-Type": "application/timestamp-query", "User-Agent": f"registry-watcher/{__version__}"}
        guard.begin()
        with guard_session(requests.Session(), guard, ca_file=self.ca_file, proxy=self.proxy) as session:
            try:
                response = session.post(self.url, data=request, headers=headers, allow_redirects=False)
            except (FetchError, *LIBRARY_ERRORS) as error:
                words = explain_without_url(error, self.url)
                raise FetchError(_REASON, f"no answer of the authority: {words}", transient=True) from error
        if response.status_code != requests.codes.ok:
            raise FetchError(_REASON, f"the authority answered HTTP {response.status_code}", transient=True)
        return response.content


def _describe_refusal(response: rfc3161_client.TimeStampResponse) -> str:
    return "; ".join(response.status_string) or f"status {response.status}"
