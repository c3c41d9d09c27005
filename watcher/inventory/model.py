"""The nouns: an inventory and the entries of its list, and which events and registry entries they are about."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from fnmatch import fnmatchcase
from functools import cached_property

from msgspec import Struct

from watcher.core.intervals import Interval
from watcher.core.model import Event, Item, Section
from watcher.core.port_ranges import find_ports
from watcher.inventory.matching import MatchIndex

# The sources of lists that name no source and no registry: the port registry, alone or as a group of a collection.
PORT_GROUP = "service-names-port-numbers"
PORT_SOURCES = ("ports", PORT_GROUP, f"*.{PORT_GROUP}")


class ListEntry(Struct, frozen=True, kw_only=True):
    """One entry of a list: a name with a port or a code, or one of them alone.

    `name` and `aliases` are names that the list claims to be those of the registry. `label` is a remark of the list,
    such as the service that nmap guessed; nothing is compared with it. `protocol` is in lower case, "" for any.
    `table` is a nested registry that the list names for this entry. `line` counts from 1.
    """

    name: str = ""
    aliases: tuple[str, ...] = ()
    ports: Interval | None = None
    protocol: str = ""
    code: str = ""
    table: str = ""
    label: str = ""
    file: str = ""
    line: int = 1

    @property
    def where(self) -> str:
        """The place in its file: `/etc/services:22`."""
        return f"{self.file}:{self.line}"

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name, *self.aliases) if self.name else self.aliases

    @property
    def title(self) -> str:
        """The entry for people: `ssh 22/tcp`, `8000-8100`, `TLS_AES_128_GCM_SHA256 0x1301`."""
        place = self.code
        if self.ports is not None:
            low, high = self.ports
            place = (str(low) if low == high else f"{low}-{high}") + (f"/{self.protocol}" if self.protocol else "")
        elif self.protocol and not place:
            place = f"/{self.protocol}"
        return " ".join(filter(None, (self.name, place)))


class Inventory(Struct, frozen=True, kw_only=True, dict=True):
    """A list with the sources that it is about, as globs of their names. `table`: the path of one nested registry."""

    name: str
    list_format: str
    sources: tuple[str, ...]
    entries: tuple[ListEntry, ...]
    table: str = ""

    @cached_property
    def _index(self) -> MatchIndex:
        return MatchIndex(self.entries)

    def concerns_source(self, source: str) -> bool:
        return any(fnmatchcase(source, glob) for glob in self.sources)

    def matches_event(self, event: Event, source: str, names: Iterable[str] = ()) -> bool:
        """Return whether an event of a source is about one of the entries: its port, its code or its name.

        `names` are further names of what changed, such as the one that an entry had before.
        """
        sources = (source, event.other.source) if event.other else (source,)
        if not any(map(self.concerns_source, sources)) or not self._has_table(event.registries):
            return False
        ports = [interval for text in event.ports if (interval := find_ports(text))]
        services = event.service.split(", ")
        return self._index.matches(ports, event.protocols, (*services, *event.values, *names), event.values)

    def matches(self, item: Item, source: str) -> bool:
        """Return whether an entry of the registry of a source is about one of the entries of the list."""
        path = item.key.part("registry")
        if item.section is not Section.ENTRY or not self.concerns_source(source) or not self._has_table((path,)):
            return False
        if "port" in item.key.labels:
            ports = find_ports(item.key.part("port"))
            protocol = item.key.part("protocol")
            name = item.key.part("name")
            return self._index.matches([ports] if ports else [], [protocol] if protocol else [], [name], ())
        values = item.key.values[1:] if item.key.labels[:1] == ("registry",) else item.key.values
        texts = (*values, item.fields.get("name", ""), item.fields.get("description", ""))
        return self._index.matches([], (), texts, values[:1])

    def _has_table(self, paths: Sequence[str]) -> bool:
        return not self.table or any(is_table(self.table, path) for path in paths)


def is_table(table: str, path: str) -> bool:
    """Return whether a table, as a list or an operator names it, is the nested registry with a path."""
    return table in (path, path.rpartition("/")[2])


def find_sources(source: str, registry: str, port_sources: Collection[str] = ()) -> tuple[str, ...]:
    """Return the globs of the sources of a list, by the source or the registry group that it names, else of ports.

    `port_sources` are sources of the port registry with other names than the usual ones.
    """
    if source:
        return (source,)
    if registry and registry != PORT_GROUP:
        group = registry.lower()
        return (group, f"*.{group}")
    return tuple(dict.fromkeys((*PORT_SOURCES, *port_sources)))
