"""Write a message as it is sent. No registry text ever becomes a header.

Registry text is hostile in a header, so the header block of the written message is parsed again and must hold exactly
the names that were set: Python 3.11.7 writes the plain subject `=?utf-8?q?=0ABcc:_x?=` as an extra Bcc header.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from email.policy import SMTP, EmailPolicy
from typing import Any

from watcher.core.errors import DeliveryError

_ADDED_HEADERS = {"mime-version", "content-type"}
_LIST_ID_LENGTH = 255  # RFC 2919 section 2
# The longest line that RFC 5322 allows; addresses and ids of this length are no line that a server refuses.
_LINE_LENGTH = 998


class _Policy(EmailPolicy):
    """Writes identifiers and addresses in one line: `email` folds what has no space into encoded words (gh-85725).

    RFC 2919 and RFC 5322 allow no encoded words there, and no filter recognises them.
    """

    def fold_binary(self, name: str, value: Any) -> bytes:
        line = f"{name}: {value}"
        is_plain = line.isascii() and line.isprintable() and len(line) <= _LINE_LENGTH
        if name.lower() != "subject" and is_plain:
            return f"{line}{self.linesep}".encode("ascii")
        return super().fold_binary(name, value)


_POLICY = _Policy(linesep=SMTP.linesep)


def list_id(label: str, domain: str) -> str:
    """Return a List-Id as RFC 2919 section 2 has it: dots only between other characters, 255 characters at most."""
    for suffix in (f".registry-watcher.{domain}", ".registry-watcher.localhost"):
        identifier = re.sub(r"\.+", ".", label + suffix).strip(".")
        if len(identifier) <= _LIST_ID_LENGTH:
            break
    return f"<{identifier}>"


def write_message(headers: Mapping[str, str], *, text: str, html: str) -> bytes:
    """Return a message of a text and an HTML part. Raises DeliveryError if it cannot be written safely."""
    message = EmailMessage(policy=_POLICY)
    try:
        for name, value in headers.items():
            message[name] = value
        message.set_content(text, cte="quoted-printable")
        message.add_alternative(html, subtype="html", cte="quoted-printable")
        content = message.as_bytes()
    except ValueError as error:
        raise DeliveryError(f"the message cannot be written: {error}", permanent=True, personal=True) from error
    written = [name.lower() for name in BytesHeaderParser(policy=SMTP).parsebytes(content)]
    if sorted(written) != sorted({name.lower() for name in headers} | _ADDED_HEADERS):
        reason = "a header of the message holds another header; it was not sent"
        raise DeliveryError(reason, permanent=True, personal=True)
    return content
