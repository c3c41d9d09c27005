"""Tables for single registry groups: declared keys, names of columns, columns with events.

To add one: a `GroupRules` in one of these modules, listed in its table; `registries/iana.py` lists the tables.
"""

from __future__ import annotations

from watcher.registries.groups.addresses import ADDRESSES
from watcher.registries.groups.tables import TABLES
from watcher.registries.groups.tls import TLS

GROUPS = (*TLS, *ADDRESSES, *TABLES)
