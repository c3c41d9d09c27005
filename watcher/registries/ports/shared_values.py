"""What the port registry says about entries that share one port: aliases, and uses that were never assigned."""

from __future__ import annotations

import re

from watcher.core.model import Fields
from watcher.core.patterns import regex

# "This entry is an alias to "sql-net"." (184 rows of 2023); "This is a duplicate of the "http" service" (www).
_ALIAS = regex(r"\bThis (?:entry )?is (?:an alias to|a duplicate of)(?: the)? [\"“]([^\"”]+)[\"”]", re.IGNORECASE)
# "This entry records an unassigned but widespread use" (18 rows of 2023), "<== NOTE Conflict on 2049 !" (shilp).
_NOT_ASSIGNED = regex(r"\brecords an unassigned but widespread use\b|<== NOTE Conflict\b", re.IGNORECASE)


def find_alias_target(fields: Fields) -> str:
    """Return the name of the service that the notes call an entry another name of, or ""."""
    match = _ALIAS.search(fields["notes"])
    return match[1].strip() if match else ""


def is_secondary_use(fields: Fields) -> bool:
    """Return whether the notes say that the port is another service's in the first place."""
    return _NOT_ASSIGNED.search(fields["notes"]) is not None
