"""Signed notifications: JSON Web Signatures (RFC 7515) in the compact form with Ed25519 (RFC 8037), as in NRTMv4.

One file has the notification and its signature, so that no reader sees one without the other. Needs the extra
`signatures`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from watcher.core.errors import ConfigError
from watcher.core.lazy import load
from watcher.core.operator_files import read_operator_file, require_private

if TYPE_CHECKING:
    from cryptography import exceptions as signature_errors
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ed25519
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
else:
    ed25519, serialization, signature_errors = load("ed25519"), load("serialization"), load("signature_errors")

_ALGORITHM = "EdDSA"
_MISSING = 'signing needs a package that is not installed; install it with: pip install "registry-watcher[signatures]"'


class SignatureError(ValueError):
    """A file without a valid signature of a trusted key."""


class Signer:
    """A private key that signs notifications; it lives as long as one writing of a site."""

    def __init__(self, path: Path) -> None:
        """Read a key in PEM format that only its owner can read. Raises ConfigError."""
        data, status = _read(path)
        require_private(path, status)
        self._key: Ed25519PrivateKey = _load_private(path, data)
        self.key_id = _name_key(self._key.public_key())

    def sign(self, payload: bytes) -> bytes:
        """Return the signed file of some bytes; the same bytes give the same file."""
        head = json.dumps({"alg": _ALGORITHM, "kid": self.key_id}, separators=(",", ":")).encode()
        text = b".".join((_encode(head), _encode(payload)))
        return b".".join((text, _encode(self._key.sign(text)))) + b"\n"


class Verifier:
    """The public keys that a follower trusts: several while a key is replaced."""

    def __init__(self, paths: Sequence[Path]) -> None:
        """Read public keys in PEM format. Raises ConfigError."""
        self._keys: list[Ed25519PublicKey] = [_load_public(path, _read(path)[0]) for path in paths]

    def open(self, data: bytes) -> bytes:
        """Return the bytes that a trusted key signed. Raises SignatureError."""
        try:
            head, payload, signature = data.strip().split(b".")
            algorithm = json.loads(_decode(head))["alg"]
            signed, content = _decode(signature), _decode(payload)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise SignatureError("not a signed file") from error
        if algorithm != _ALGORITHM:
            raise SignatureError("signed with another algorithm than Ed25519")
        if not any(_is_signed(key, signed, head + b"." + payload) for key in self._keys):
            raise SignatureError("not signed by a key that is trusted")
        return content


def _is_signed(key: Ed25519PublicKey, signature: bytes, text: bytes) -> bool:
    try:
        key.verify(signature, text)
    except signature_errors.InvalidSignature:
        return False
    return True


def _load_private(path: Path, data: bytes) -> Ed25519PrivateKey:
    try:
        key = serialization.load_pem_private_key(data, None)
    except ImportError:
        raise ConfigError(_MISSING) from None
    except (ValueError, TypeError) as error:
        raise ConfigError(f"{path}: not a private key in PEM format without a password") from error
    if not isinstance(key, ed25519.Ed25519PrivateKey):
        raise ConfigError(f"{path}: not an Ed25519 key; make one with: openssl genpkey -algorithm ed25519")
    return key


def _load_public(path: Path, data: bytes) -> Ed25519PublicKey:
    try:
        key = serialization.load_pem_public_key(data)
    except ImportError:
        raise ConfigError(_MISSING) from None
    except ValueError as error:
        raise ConfigError(f"{path}: not a public key in PEM format") from error
    if not isinstance(key, ed25519.Ed25519PublicKey):
        raise ConfigError(f"{path}: not an Ed25519 key")
    return key


def _name_key(key: Ed25519PublicKey) -> str:
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return hashlib.sha256(raw).hexdigest()[:16]


def _read(path: Path) -> tuple[bytes, os.stat_result]:
    try:
        return read_operator_file(path)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None


def _encode(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _decode(text: bytes) -> bytes:
    return base64.b64decode(text + b"=" * (-len(text) % 4), b"-_", validate=True)
