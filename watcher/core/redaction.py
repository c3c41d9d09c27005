"""Remove known secrets from texts of others: a server may repeat what it was sent."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable

_SHORT = 2  # characters: replacing texts as short as this would hide everything else and protect nothing


def hide_secrets(text: str, secrets: Iterable[str]) -> str:
    """Return a text with every occurrence of a secret, in any case of letters, replaced by ***."""
    longest_first = sorted(filter(None, secrets), key=len, reverse=True)
    if not longest_first:
        return text
    return re.sub("|".join(map(re.escape, longest_first)), "***", text, flags=re.IGNORECASE)


def login_secrets(user: str, password: str) -> frozenset[str]:
    """Return a password, and user and password in the forms in which SMTP AUTH sends them (RFC 4616, RFC 4954)."""
    encoded = (user, password, f"\0{user}\0{password}", f"{user}\0{user}\0{password}")
    forms = [base64.b64encode(text.encode()).decode() for text in encoded]
    unpadded = [form.rstrip("=") for form in forms]
    # The password as an error shows it: with single blanks, or with escapes.
    shown = (password, " ".join(password.split()), ascii(password)[1:-1])
    return frozenset(text for text in (*shown, *forms, *unpadded) if len(text) > _SHORT)
