"""The states of an entry followed over renames and moves: since when its status holds, and who answers for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from watcher.core.background import BRACKETED_NAME
from watcher.core.model import MARKUP, Fields, Section
from watcher.store.history_reader import HistoryReader
from watcher.store.history_rows import EntryVersion, StoredRelease, VersionLinks


class Standing(Struct, frozen=True, kw_only=True):
    """Since when an entry has its status and its text. The status began in `since`, or before if not `is_known`.

    `registered` is the date that the registry itself gives, "" without one. `changed` is the release that changed the
    text last, None if no release did since the status began.
    """

    since: StoredRelease
    is_known: bool
    registered: str
    changed: StoredRelease | None


def read_standing(version: EntryVersion, links: VersionLinks) -> Standing | None:
    """Return since when an entry has its status without a break; None for a contact or a header, which has none."""
    if version.item.section is not Section.ENTRY:
        return None
    state = version
    while (before := links.before(state)) is not None and before.item.status is version.item.status:
        state = before
    return Standing(
        since=state.first,
        is_known=state.row in links.begun,
        registered=version.item.fields.get("registered", ""),
        changed=version.first if version.first.row != state.first.row else None,
    )


def standing_document(standing: Standing | None) -> dict[str, Any] | None:
    """Return it as the JSON contract has it, None for what has no status."""
    if standing is None:
        return None
    return {
        "since": {"release": standing.since.release.id, "published": standing.since.release.published},
        "or_before": not standing.is_known,
        "registered": standing.registered or None,
        "changed": {"release": standing.changed.release.id, "published": standing.changed.release.published}
        if standing.changed
        else None,
    }


def read_contacts(history: HistoryReader, versions: Iterable[EntryVersion], at: StoredRelease) -> Mapping[str, Fields]:
    """Return the people and organisations that entries name, by id, with their details in a release."""
    identifiers = dict.fromkeys(
        identifier
        for version in versions
        if version.item.section is Section.ENTRY
        for name, text in version.item.fields.items()
        if not name.startswith(MARKUP)
        for identifier in BRACKETED_NAME.findall(text)
    )
    contacts = {}
    for identifier in identifiers:
        for version in history.versions.find(at.release.source, names=[identifier], at=at):
            if version.item.section is Section.CONTACT:
                contacts[identifier] = {name: text for name, text in version.item.fields.items() if text}
    return contacts
