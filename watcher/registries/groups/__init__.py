"""Tables for single registry groups: declared keys, names of columns, columns with events.

To add one: a `GroupRules` in a table of one of these modules. `GROUPS` has all of them, for `registries/iana.py`.
"""

from __future__ import annotations

from watcher.registries.groups.addresses import ADDRESSES
from watcher.registries.groups.tables import TABLES
from watcher.registries.groups.tls import TLS

GROUPS = (*TLS, *ADDRESSES, *TABLES)
