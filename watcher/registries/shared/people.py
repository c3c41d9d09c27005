"""The people and organisations that entries name by their ids."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from watcher.core.background import BRACKETED_NAME
from watcher.core.event_details import Person
from watcher.core.model import Fields


def read_person(identifier: str, fields: Fields, field: str = "") -> Person:
    """Return a contact as a person. IANA writes `mailto:ann&example.org`, several addresses one below the other."""
    return Person(
        field=field,
        id=identifier,
        name=" ".join(fields.get("name", "").split()),
        organisation=" ".join(fields.get("org", "").split()),
        addresses=tuple(map(_read_address, fields.get("uri", "").split())),
    )


def _read_address(uri: str) -> str:
    return uri.removeprefix("mailto:").replace("&", "@", 1) if uri.startswith("mailto:") else uri


def find_people(field: str, text: str, people: Mapping[str, Fields]) -> Iterator[Person]:
    """Yield the people that a field names, with their details."""
    for identifier in dict.fromkeys(BRACKETED_NAME.findall(text)):
        if identifier in people:
            yield read_person(identifier, people[identifier], field)


def resolve_people(text: str, people: Mapping[str, Fields]) -> str:
    """Return a text with the names and addresses of the people in place of their ids."""

    def resolve(match: re.Match[str]) -> str:
        return f" {read_person(match[1], people[match[1]]).line};" if match[1] in people else match[0]

    return BRACKETED_NAME.sub(resolve, text).strip().removesuffix(";")
