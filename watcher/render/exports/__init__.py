"""The table of export formats. To add one: a module in this folder, a line in the table, a test."""

from __future__ import annotations

from collections.abc import Mapping

from watcher.render.exports.base import PORTS, PROTOCOLS, ExportFormat

EXPORTS: Mapping[str, ExportFormat] = {
    "csv": ExportFormat("watcher.render.exports.csv", "one row for each entry, a column for each field"),
    "json": ExportFormat("watcher.render.exports.json", "the whole release as one document"),
    "jsonl": ExportFormat("watcher.render.exports.json_lines", "one JSON document for each entry"),
    "services": ExportFormat("watcher.render.exports.services", "/etc/services", document=PORTS),
    "protocols": ExportFormat("watcher.render.exports.protocols", "/etc/protocols", document=PROTOCOLS),
    "nmap-services": ExportFormat("watcher.render.exports.nmap_services", "for nmap --servicedb", document=PORTS),
    "wireshark": ExportFormat("watcher.render.exports.wireshark", "the services file of Wireshark", document=PORTS),
    "firewalld": ExportFormat(
        "watcher.render.exports.firewalld", "services of firewalld, a file for each", document=PORTS, many_files=True
    ),
    "zeek": ExportFormat("watcher.render.exports.zeek", "a table for Zeek's input framework", document=PORTS),
    "c": ExportFormat("watcher.render.exports.constants.c", "constants for C and C++, a header"),
    "go": ExportFormat("watcher.render.exports.constants.go", "constants for Go, a package"),
    "rust": ExportFormat("watcher.render.exports.constants.rust", "constants for Rust, a module for each registry"),
    "python": ExportFormat("watcher.render.exports.constants.python", "constants for Python, enumerations"),
    "typescript": ExportFormat("watcher.render.exports.constants.typescript", "constants for TypeScript, objects"),
    "markdown": ExportFormat("watcher.render.exports.markdown", "a table of each registry"),
    "rfc6902": ExportFormat("watcher.render.exports.json_patch", "JSON Patch between two JSON exports", between=True),
    "daff": ExportFormat("watcher.render.exports.daff", "tabular diff between two CSV exports", between=True),
}
