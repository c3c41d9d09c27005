"""Where an item is looked up: by a command, and on a page of the web interface."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from watcher.core.model import Comparison, Item, Section
from watcher.core.port_ranges import find_ports
from watcher.core.value_ranges import parse_ranges
from watcher.registries.generic import entry_parts
from watcher.registries.item_lines import is_port_entry
from watcher.render.safe_text import HIDDEN

_LONGEST_NAME = 120  # characters in a command that people copy
_URL_SAFE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~,:@")


class PortLookup(tuple[str, ...]):
    """A port and, if it has one, its protocol. Any other lookup is a name."""

    __slots__ = ()


def permalink(address: str, source: str, release: str, what: Sequence[str] = (), *, registry: str = "") -> str:
    """Return the page of an item as it was in a release: `ADDRESS/SOURCE/entry/WHAT?at=RELEASE`; "" without an address.

    `what` is what `watcher show SOURCE WHAT` takes, in parts between which a slash is written: a port and its protocol,
    a name, the value of an entry, the id of a contact. `registry` is the path of its nested registry. Without `what`
    it is the page of the release, `ADDRESS/SOURCE/release/RELEASE`. Everything but ASCII letters, digits and
    `-._~,:@` is percent-encoded as UTF-8.
    """
    if not address:
        return ""
    base = f"{address.rstrip('/')}/{_encode(source)}"
    # A browser removes a part that is one or two dots.
    if not what or any(not part or part in (".", "..") for part in what):
        return f"{base}/release/{_encode(release)}"
    place = f"registry={_encode(registry)}&" if registry else ""
    return f"{base}/entry/{'/'.join(map(_encode, what))}?{place}at={_encode(release)}"


def _encode(text: str) -> str:
    octets = text.encode("utf-8", "replace")
    return "".join(chr(octet) if chr(octet) in _URL_SAFE else f"%{octet:02X}" for octet in octets)


def lookup_of(item: Item, *, is_removed: bool = False) -> tuple[str, ...]:
    """Return what `watcher show SOURCE WHAT` takes for an item, in the parts of `permalink`; () if nothing finds it.

    A port without a row is not found by its number, so a removed service is looked up by its name.
    """
    if item.section is Section.REGISTRY:
        return ()
    if item.section is Section.CONTACT:
        return (item.key.part("id"),)
    if not is_port_entry(item):
        names = entry_parts.list_names(item)
        name, value = names[0], names[-1]
        # A number has a meaning in each registry of a group; a name mostly in one.
        looked_up = name if parse_ranges(value) else value
        return (looked_up,) if looked_up else ()
    name, port, protocol = (item.key.part(label) for label in ("name", "port", "protocol"))
    if port and find_ports(port) and not (is_removed and name):
        return PortLookup((port, protocol) if protocol else (port,))
    return (name,) if name else ()


def show_command(comparison: Comparison, what: Sequence[str], *, is_removed: bool = False) -> str:
    """Return the command that shows an item, by its `lookup_of`, as of the new release; quoted for a shell.

    For a removed item it shows all releases: in the new one another entry can have its name.

    It shows the whole difference of the two releases in place of an item that nothing finds, or whose name cannot be
    copied: too long, or with characters that do not show.
    """
    source = shlex.quote(comparison.source)
    if not what or not all(map(_can_be_copied, what)):
        return f"watcher diff {source} {comparison.old.id} {comparison.new.id} --all"
    option = ["--port" if isinstance(what, PortLookup) else "--service", what[0]]
    if what[0].startswith("-"):
        option = ["=".join(option)]
    at = "" if is_removed else f" --at {_name_release(comparison)}"
    return f"watcher show {source} {shlex.join(option)}{at}"


def _can_be_copied(name: str) -> bool:
    return len(name) <= _LONGEST_NAME and "\n" not in name and not HIDDEN.search(name)


def _name_release(comparison: Comparison) -> str:
    """Return the date of the new release; its id if the date does not tell it from the release before."""
    old, new = ((release.published or release.observed or "")[:10] for release in (comparison.old, comparison.new))
    return new if old < new or (comparison.timed and new) else comparison.new.id
