"""JSON Lines: a line that names the release, then one line for each entry."""

from __future__ import annotations

from watcher.render.exports.base import ExportedRelease, ExportOptions, RenderedExport
from watcher.render.exports.json import make_entry, make_header
from watcher.render.json import dumps


def render(state: ExportedRelease, options: ExportOptions) -> RenderedExport:  # noqa: ARG001 - the contract
    lines = [make_header(state), *map(make_entry, state.entries)]
    return RenderedExport(files={"": "".join(dumps(line) + "\n" for line in lines)}, written=len(state.entries))
