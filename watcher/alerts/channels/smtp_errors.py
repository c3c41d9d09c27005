"""Explain the refusal of a mail server: in words, whose fault it is, and whether a retry can help. Pure.

A refusal is final only where it is about this recipient or this message. All others are retried: the operator, or the
administrator of the server, can correct them.
"""

from __future__ import annotations

import re
import smtplib
import ssl
from enum import StrEnum

from watcher.core.errors import DeliveryError
from watcher.core.patterns import regex
from watcher.fetch.tls import describe_tls_error

LONGEST_ERROR = 500  # characters of an error, which is stored with each delivery and sent in notices
_PERMANENT = 500
_LAST_CODE = 599  # RFC 5321 section 4.2.1 has no code above
_TOO_LARGE = 552
# Replies about the session, the command or the login (RFC 5321 section 4.2.2, RFC 4954 section 6).
_SESSION_CODES = frozenset({421, 432, 454, 500, 502, 503, 504, 530, 534, 535, 538})
# Enhanced status codes (RFC 3463 and IANA's registry of them) of a 5xx reply that are about our address, our host or
# the login: bad sender, protocol, policies about SPF, DKIM, reverse DNS and encryption.
_SENDER_STATUS = frozenset({(1, 7), (1, 8), *((7, detail) for detail in (*range(3, 15), *range(20, 31)))})
# Replies to MAIL with the size of the message: it is too large.
_TOO_LARGE_STATUS = frozenset({(2, 3), (3, 4)})
_POLICY_STATUS = frozenset({(7, 0), (7, 1)})
_PROTOCOL_SUBJECT = 5
# Servers that delay their refusals to RCPT and send no enhanced status code (Exim).
_POLICY_WORDS = regex(r"(?i)\b(relay|authenticat|sender|helo|ehlo|client|blocked|block ?list|black ?list|spamhaus)")


class Step(StrEnum):
    """The command that was refused."""

    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"


def explain_error(error: Exception, *, server: str, recipient: str) -> DeliveryError:
    """Return any exception of a try as a DeliveryError. Its text repeats the server's reply: hide secrets in it."""
    if isinstance(error, smtplib.SMTPRecipientsRefused) and recipient in error.recipients:
        return _explain_reply(Step.RCPT, *error.recipients[recipient])
    if isinstance(error, smtplib.SMTPSenderRefused):
        return _explain_reply(Step.MAIL, error.smtp_code, error.smtp_error)
    if isinstance(error, smtplib.SMTPDataError):
        return _explain_reply(Step.DATA, error.smtp_code, error.smtp_error)
    return DeliveryError(f"{server}: {_describe(error)}", permanent=False)


def _describe(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        reply = _reply(error.smtp_code, error.smtp_error)
        if isinstance(error, smtplib.SMTPHeloError):
            return f"refused the greeting: {reply}; set ehlo_name in [smtp] to the full host name of this machine"
        if isinstance(error, smtplib.SMTPConnectError):
            return f"refused the connection: {reply}"
        if isinstance(error, smtplib.SMTPAuthenticationError):
            return f"refused user and password: {reply}"
        return f"replied {reply}"
    if isinstance(error, ssl.SSLError):
        return describe_tls_error(error)
    if isinstance(error, UnicodeEncodeError) and error.encoding == "ascii":
        return "user or password is not ASCII, and smtplib cannot send it"
    if isinstance(error, UnicodeError):  # of the codec idna
        return "not a host name; correct host in [smtp]"
    if isinstance(error, OSError):  # of the network, and smtplib's errors without a reply
        return str(error) or type(error).__name__
    return f"unexpected {type(error).__name__}: {error}"


def _explain_reply(step: Step, code: int, text: bytes | str) -> DeliveryError:
    reply = _reply(code, text)
    permanent, personal = judge_reply(step, code, reply)
    return DeliveryError(f"the mail server replied {reply}{_hint(code, reply)}", permanent=permanent, personal=personal)


def judge_reply(step: Step, code: int, reply: str) -> tuple[bool, bool]:
    """Return whether a refusal is final, and whether it is this recipient's or message's and others may work."""
    match = re.match(r"[0-9]{3} [245]\.([0-9]{1,3})\.([0-9]{1,3})\b", reply)
    status = (int(match[1]), int(match[2])) if match else None
    if step is Step.MAIL:
        is_too_large = code == _TOO_LARGE or (code >= _PERMANENT and status in _TOO_LARGE_STATUS)
        return is_too_large, is_too_large
    if code in _SESSION_CODES or not 400 <= code <= _LAST_CODE:
        return False, False
    if code < _PERMANENT:
        return False, True
    if status in _SENDER_STATUS or (status and status[0] == _PROTOCOL_SUBJECT and code != 550):
        return False, False
    if step is Step.RCPT and (status in _POLICY_STATUS or (status is None and _POLICY_WORDS.search(reply))):
        return False, True  # relaying denied, a client that is blocked: another recipient may still be allowed
    return True, True


def _hint(code: int, reply: str) -> str:
    if code == 530 and "starttls" in reply.lower():
        return '; set security = "starttls" in [smtp]'
    return "; set username and password in [smtp]" if code == 530 else ""


def _reply(code: int, text: bytes | str) -> str:
    words = " ".join((text.decode("utf-8", "replace") if isinstance(text, bytes) else text).split())
    return f"{code} {words}".rstrip() if code >= 0 else f"what is no SMTP reply: {words}"
