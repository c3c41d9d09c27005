"""What an item is called where it is listed, and which of its fields say more."""

from __future__ import annotations

from watcher.core.model import MARKUP, Item, Section
from watcher.core.value_ranges import parse_ranges
from watcher.registries.generic import entry_parts
from watcher.registries.shared.remarks import strip_temporary

_PORT_DETAILS = (
    *("assignee", "contact", "registered", "modified", "references", "service_code", "unauthorized_use", "notes"),
)
_DATES = ("registered", "modified")


def is_port_entry(item: Item) -> bool:
    return item.section is Section.ENTRY and "port" in item.key.labels


def name_item(item: Item) -> str:
    """Return "8010/tcp cfg-cloud", "0x13,0x01 TLS_AES_128_GCM_SHA256", the id of a contact, the title of a registry."""
    if item.section is Section.REGISTRY:
        return item.fields.get("title", "") or item.key.part("registry") or "the registry"
    if item.section is Section.CONTACT:
        return item.key.part("id")
    if is_port_entry(item):
        name = item.key.part("name") or item.fields.get("description", "")
        return " ".join(filter(None, (_place(item), name)))
    values = [*map(strip_temporary, entry_parts.read_values(item))]
    return " ".join(
        part for part in (*values, "" if _is_named_by_value(item) else entry_parts.find_title(item)) if part
    )


def _is_named_by_value(item: Item) -> bool:
    value = " ".join(entry_parts.read_values(item))
    return bool(value) and not parse_ranges(value)


def describe_item(item: Item) -> str:
    """Return an item as `watcher show` lists it, with its registry and description; escape it before printing."""
    if item.section is not Section.ENTRY:
        parts = [str(item.section) + " " + "  ".join(value for value in item.fields.values() if value)]
    elif is_port_entry(item):
        parts = [_place(item), item.key.part("name"), item.fields.get("description", "")]
    else:
        parts = [
            entry_parts.read_path(item),
            *map(strip_temporary, entry_parts.read_values(item)),
            entry_parts.find_title(item),
        ]
    return "  ".join(part for part in parts if part)


def _place(item: Item) -> str:
    return "/".join(part for part in (item.key.part("port"), item.key.part("protocol")) if part)


def detail_fields(item: Item) -> list[str]:
    """Return the names of the fields that `describe_item` does not show."""
    if item.section is not Section.ENTRY:
        return []
    if is_port_entry(item):
        return [name for name in _PORT_DETAILS if item.fields.get(name)]
    shown = {*entry_parts.read_values(item), entry_parts.find_title(item)}
    return [name for name, text in item.fields.items() if text and text not in shown and not name.startswith(MARKUP)]


def list_more_fields(item: Item) -> list[str]:
    """Return the names of the fields that say more than `name_item`, dates last."""
    if item.section is Section.ENTRY:
        names = detail_fields(item)
        if is_port_entry(item) and item.key.part("name") and item.fields.get("description"):
            names = ["description", *names]
        elif _is_named_by_value(item):
            values = {*entry_parts.read_values(item)}
            names = [name for name, text in item.fields.items() if text and text not in values and ":" not in name]
    else:
        names = [name for name, text in item.fields.items() if text and not name.startswith(MARKUP)]
        names = [name for name in names if name not in ("id", "updated", "created", "title", "path")]
    return sorted(names, key=lambda name: name in _DATES)
