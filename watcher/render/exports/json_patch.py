"""JSON Patch (RFC 6902): applied to the JSON export of the older release it gives that of the newer one.

Its first operation tests the SHA-256 of the older release, so that it applies to nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from watcher.render.exports.alignment import align_rows
from watcher.render.exports.base import ExportedRelease, ExportOptions, RenderedExport
from watcher.render.exports.json import make_document
from watcher.render.json import dumps

Operation = dict[str, Any]


def render_difference(
    old: ExportedRelease,
    new: ExportedRelease,
    options: ExportOptions,  # noqa: ARG001 - the contract
) -> RenderedExport:
    before, after = make_document(old), make_document(new)
    operations = [{"op": "test", "path": "/release/sha256", "value": old.release.sha256}]
    for name in before:
        if name == "entries":
            operations += _compare_entries(before[name], after[name])
        else:
            operations += _compare(f"/{name}", before[name], after[name])
    text = "[\n" + ",\n".join(map(dumps, operations)) + "\n]\n"
    return RenderedExport(files={"": text}, written=len(operations) - 1)


def _compare(path: str, before: Any, after: Any) -> Iterator[Operation]:
    """Yield the operations between two values; members of objects are compared one by one."""
    if not (isinstance(before, Mapping) and isinstance(after, Mapping)):
        # 1 and true are equal in Python; no member changes between them.
        if before != after:
            yield {"op": "replace", "path": path, "value": after}
        return
    for name, value in before.items():
        inner = f"{path}/{_escape(name)}"
        if name in after:
            yield from _compare(inner, value, after[name])
        else:
            yield {"op": "remove", "path": inner}
    for name, value in after.items():
        if name not in before:
            yield {"op": "add", "path": f"{path}/{_escape(name)}", "value": value}


def _compare_entries(before: list[Any], after: list[Any]) -> Iterator[Operation]:
    """Yield the operations between two lists of entries. A position counts what the operations before it did."""
    position = 0
    for step in align_rows([_identify(entry) for entry in before], [_identify(entry) for entry in after]):
        path = f"/entries/{position}"
        if step.new is None:
            yield {"op": "remove", "path": path}
            continue
        if step.old is None:
            yield {"op": "add", "path": path, "value": after[step.new]}
        else:
            yield from _compare(path, before[step.old], after[step.new])
        position += 1


def _identify(entry: Mapping[str, Any]) -> tuple[object, ...]:
    return tuple(entry["key"].items())


def _escape(name: str) -> str:
    """Return a member's name as a part of a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")
