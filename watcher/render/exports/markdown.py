"""Markdown: a section for each registry, with a table of its entries. Registry text never acts as markup."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from watcher.core.model import MARKUP
from watcher.render.exports.base import (
    ExportedRelease,
    ExportEntry,
    ExportOptions,
    RenderedExport,
    describe_release,
)
from watcher.render.exports.csv import find_columns
from watcher.render.markdown import escape


def render(state: ExportedRelease, options: ExportOptions) -> RenderedExport:  # noqa: ARG001 - the contract
    title, *lines = describe_release(state)
    parts = [f"# {escape(title)}", "", *(escape(line) + "  " for line in lines)]
    sections: dict[str, list[ExportEntry]] = {}
    for entry in state.entries:
        sections.setdefault(entry.registry, []).append(entry)
    for path, entries in sections.items():
        heading = state.headers.get(path, {}).get("title", "") or path
        if path:
            parts += ["", f"## {escape(heading)}"]
        parts += ["", *_render_table(entries)]
    return RenderedExport(files={"": "\n".join([*parts, ""])}, written=len(state.entries))


def _render_table(entries: Sequence[ExportEntry]) -> Iterator[str]:
    columns = [
        name
        for name in find_columns(entries)
        if not name.startswith(MARKUP) and any(entry.fields.get(name) for entry in entries)
    ]
    has_old_names = any(entry.old_names for entry in entries)
    heads = [*columns, "status", *(["old names"] if has_old_names else [])]
    yield f"| {' | '.join(map(escape, heads))} |"
    yield "|" + "---|" * len(heads)
    for entry in entries:
        cells = [*(entry.fields.get(name, "") for name in columns), str(entry.item.status)]
        if has_old_names:
            cells.append(", ".join(f"{old.name} (until {old.renamed})" for old in entry.old_names))
        yield f"| {' | '.join(map(escape, cells))} |"
