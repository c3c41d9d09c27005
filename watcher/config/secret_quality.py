"""Judge the value of a secret: whether it is a placeholder, too short, or more than one line. It is never repeated."""

from __future__ import annotations

import base64
import binascii
import re
from urllib.parse import unquote, urlsplit

from watcher.core.patterns import regex

_SHORTEST_PASSWORD = 8  # characters
_FEWEST_BYTES = 8  # different ones in a key; 24 random bytes have fewer once in 10**19 keys
_PLACEHOLDER = regex(
    r"""change[-_ ]?(me|it|this).* | (my|your|the|a|insert|enter|put|use)[-_ ].+ | replace[-_ ]?.* | place[-_ ]?holder
    | pass(word|wort|wd|phrase)?\d* | secret\d* | token | key | example.* | sample | dummy | default | test(ing)?\d*
    | to[-_ ]?do | tbd | none | null | admin | root | letmein | hunter2 | qwerty.* | 1?234567\d* | foo(bar)? | bar | baz
    | <.*> | \[.*\] | \{\{.*\}\} | \$\{?\w+\}? | %\w+% | uuid | your[-_]?uuid([-_]?here)?""",
    re.VERBOSE | re.IGNORECASE,
)
_PUBLISHED = ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "C2FVsBQIhrscChlQIMV+b5sSYob7oFzu")  # examples of Standard Webhooks


def judge_password(password: str) -> str | None:
    """Return what is wrong with a password, in words that follow "is"; None if it may be one."""
    text = password.strip()
    if not text:
        return "empty"
    if "\n" in text:
        return "more than one line"
    if _is_placeholder(text):
        return "a placeholder"
    return f"shorter than {_SHORTEST_PASSWORD} characters" if len(text) < _SHORTEST_PASSWORD else None


def judge_webhook_secret(secret: str) -> str | None:
    """Return what is wrong with a secret of a webhook that is well-formed (`split_webhook_secrets`)."""
    encoded = secret.removeprefix("whsec_")
    try:
        key = base64.b64decode(encoded)
    except binascii.Error:
        return "not base64"
    if encoded in _PUBLISHED:
        return "an example that everybody knows"
    words = key.decode("ascii", "replace").strip()
    return "a placeholder" if len(set(key)) < _FEWEST_BYTES or _is_placeholder(words) else None


def judge_url(url: str) -> str | None:
    """Return what is wrong with a URL that may hold a token."""
    segments = map(unquote, urlsplit(url).path.split("/"))
    return "a URL with a placeholder" if any(re.match(r"(?i)your[-_ ]|<|\{", segment) for segment in segments) else None


def _is_placeholder(text: str) -> bool:
    return len(set(text)) == 1 or _PLACEHOLDER.fullmatch(text) is not None
