"""The table of export formats. To add one: a module in this folder, a line in the table, a test."""

from __future__ import annotations

from collections.abc import Mapping

from watcher.render.exports.base import ExportFormat

EXPORTS: Mapping[str, ExportFormat] = {
    "csv": ExportFormat("watcher.render.exports.csv", "one row for each entry, a column for each field"),
    "json": ExportFormat("watcher.render.exports.json", "the whole release as one document"),
    "jsonl": ExportFormat("watcher.render.exports.json_lines", "one JSON document for each entry"),
}
