#!/usr/bin/env python3
"""Write the pages of the reference that are made from the code: `make docs` runs it before the site is built.

`reference_pages.py FOLDER` writes configuration.md, commands.md, events.md, database.md and json-schema.md there, and
the documents of the top folder below project/, with links that hold in the site.
"""

from __future__ import annotations

import json
import re
import sqlite3
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

from watcher.cli import COMMANDS, watcher  # noqa: E402 - the path first
from watcher.config import load  # noqa: E402
from watcher.core.operations import NOTICES  # noqa: E402
from watcher.formats.catalog import FORMATS  # noqa: E402
from watcher.registries.catalog import REGISTRIES  # noqa: E402
from watcher.store.store import Store  # noqa: E402

_TOP_DOCUMENTS = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")
_SCHEMA_FILE = ROOT / "watcher" / "render" / "schema" / "comparison.schema.json"
_BOUNDS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}


def main() -> None:
    folder = Path(sys.argv[1])
    (folder / "project").mkdir(parents=True, exist_ok=True)
    pages = {
        "configuration.md": configuration_page(load.json_schema(FORMATS)),
        "commands.md": commands_page(),
        "events.md": events_page(),
        "database.md": database_page(),
        "json-schema.md": f"# JSON Schema of a comparison\n\n```json\n{_SCHEMA_FILE.read_text('utf-8').strip()}\n```\n",
        **{f"project/{name}": _site_links((ROOT / name).read_text("utf-8")) for name in _TOP_DOCUMENTS},
    }
    for name, text in pages.items():
        (folder / name).write_text(text, encoding="utf-8")


def configuration_page(schema: Mapping[str, Any]) -> str:
    """Return the page of every table and key of the configuration."""
    tables = schema["$defs"]
    parts = [
        "# Configuration",
        "One TOML file. Relative paths are relative to the file. `watcher config check` reports mistakes.",
        "`watcher config schema` prints this page as a JSON Schema, `watcher config example` a working file.",
        "A duration is a number with its unit: `30s`, `10m`, `6h`, `1d`, `1w`.",
    ]
    for name, place in schema["properties"].items():
        referenced = [table for table in _referenced(place) if "properties" in tables[table]]
        if not referenced:
            parts += [f"## `[{name}]`", f"{_sentence(place.get('description', ''))}."]
        for table in referenced:
            parts += _table_parts(table, tables)
    top = {table for place in schema["properties"].values() for table in _referenced(place)}
    for table, definition in tables.items():
        if "properties" in definition and table not in top:
            parts += _table_parts(table, tables)
    return "\n\n".join(parts) + "\n"


def _table_parts(table: str, tables: Mapping[str, Any]) -> Iterator[str]:
    """Yield the heading, the description and the keys of a table; the description begins with its place."""
    described = re.fullmatch(
        r"(\[.+?\](?: of type \w+| and \[.+?\])?)[:.] (.+)", tables[table]["description"], re.DOTALL
    )
    assert described, f"the docstring of {table} does not begin with its [place]"
    place, text = described.groups()
    yield "## " + re.sub(r"\[+[\w.]+\]+", lambda name: _code(name[0]), place)
    yield _sentence(text)
    yield _keys_table(tables[table], tables)


def _keys_table(table: Mapping[str, Any], tables: Mapping[str, Any]) -> str:
    required = set(table.get("required", ()))
    rows = ["| key | type | default | meaning |", "|---|---|---|---|"]
    for key, value in table["properties"].items():
        default = "required" if key in required else _default_of(value)
        meaning = value.get("description") or " ".join(tables[name]["description"] for name in _referenced(value))
        rows.append(f"| {_code(key)} | {_type_of(value, tables)} | {default} | {_cell(meaning)} |")
    return "\n".join(rows)


def _referenced(value: Any) -> list[str]:
    """Return the names of the definitions that a part of the schema refers to, in order."""
    return list(dict.fromkeys(re.findall(r'"\$ref": "#/\$defs/(\w+)"', json.dumps(value))))


def _type_of(value: Mapping[str, Any], tables: Mapping[str, Any]) -> str:
    if "$ref" in value:
        table = tables[_referenced(value)[0]]
        return _type_of(table, tables) if "enum" in table else "table"
    if "const" in value:
        return _code(json.dumps(value["const"]))
    if "enum" in value:
        return ", ".join(_code(json.dumps(choice)) for choice in value["enum"])
    if "anyOf" in value:
        kinds = [_type_of(branch, tables) for branch in value["anyOf"] if branch.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    if value.get("type") == "array":
        return f"list of {_type_of(value.get('items', {}), tables)}" if value.get("items") else "list"
    bounds = ", ".join(f"{sign} {value[name]:,}" for name, sign in _BOUNDS.items() if name in value)
    return str(value.get("format") or value.get("type", "any")) + (f" {bounds}" if bounds else "")


def _default_of(value: Mapping[str, Any]) -> str:
    if "default" not in value or value["default"] is None:
        return ""
    text = json.dumps(value["default"], ensure_ascii=False)
    return "" if value["default"] in ("", [], {}) or len(text) > 60 else _code(text)


def commands_page() -> str:
    """Return the page of every command with its help, as `--help` prints it."""
    parts = ["# Commands", "Every command has `--help` with examples; this is the same text."]
    for name in COMMANDS:
        command = watcher.get_command(click.Context(watcher), name)
        assert command is not None, name
        parts += _command_parts(command, f"watcher {name}", level=2)
    return "\n\n".join(parts) + "\n"


def _command_parts(command: click.Command, path: str, level: int) -> Iterator[str]:
    context = click.Context(command, info_name=path, max_content_width=100, terminal_width=100)
    yield f"{'#' * level} {_code(path)}"
    yield f"```text\n{command.get_help(context)}\n```"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None, name
            yield from _command_parts(inner, f"{path} {name}", level + 1)


def events_page() -> str:
    """Return the page of every event id and every operational notice with its severity."""
    rows = ["| event | severity | registries |", "|---|---|---|"]
    severities: dict[tuple[str, str], list[str]] = {}
    for registry in REGISTRIES.values():
        for event, kind in registry.events.items():
            severities.setdefault((event, str(kind.severity)), []).append(registry.id)
    for (event, severity), registries in sorted(severities.items()):
        rows.append(f"| {_code(event)} | {severity} | {', '.join(sorted(registries))} |")
    notices = ["| notice | severity |", "|---|---|"]
    notices += [f"| {_code(name)} | {severity} |" for name, severity in sorted(NOTICES.items())]
    return "\n\n".join(
        [
            "# Events and notices",
            "[What a change means](../semantics.md) says when each event occurs.",
            "\n".join(rows),
            "## Notices about the watcher itself",
            "[The JSON contract](../json.md) has their members.",
            "\n".join(notices),
            "",
        ]
    )


def database_page() -> str:
    """Return the page of every table and column, read from a new database and the comments of its SQL."""
    comments = _read_comments()
    parts = ["# Tables of the database", "[The database](../database.md) explains order, time and example queries."]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "history.db"
        Store(path).close()
        connection = sqlite3.connect(path)
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in sorted(
            name for name in names if "_fts_" not in name and not name.startswith(("_sqlite", "sqlite"))
        ):
            columns = connection.execute(f"PRAGMA table_info({table})").fetchall()
            parts += [f"## {_code(table)}", _columns_table(table, columns, comments)]
        connection.close()
    return "\n\n".join(parts) + "\n"


def _columns_table(table: str, columns: Sequence[Sequence[Any]], comments: Mapping[tuple[str, str], str]) -> str:
    rows = ["| column | type | | meaning |", "|---|---|---|---|"]
    for _, name, kind, not_null, _, is_key in columns:
        marks = ", ".join(filter(None, ("key" if is_key else "", "not null" if not_null else "")))
        rows.append(f"| {_code(name)} | {kind} | {marks} | {_cell(comments.get((table, name), ''))} |")
    return "\n".join(rows)


def _read_comments() -> Mapping[tuple[str, str], str]:
    """Return the comment behind each column, by table and column, from the SQL of the schema and its steps."""
    comments: dict[tuple[str, str], str] = {}
    files = sorted((ROOT / "watcher" / "store").glob("schema*.sql"), key=lambda path: (len(path.name), path.name))
    for path in files:
        table = column = ""
        for line in path.read_text("utf-8").splitlines():
            if created := re.match(r"CREATE (?:VIRTUAL )?TABLE (\w+)", line):
                table, column = created[1], ""
            elif altered := re.match(r"ALTER TABLE (\w+) ADD COLUMN (\w+)[^-]*(?:-- (.*))?", line):
                table, column = altered[1], altered[2]
                comments[table, column] = altered[3] or ""
            elif declared := re.match(r"  (\w+) [A-Z][^-]*(?:-- (.*))?$", line):
                column = declared[1]
                comments[table, column] = declared[2] or ""
            elif (continued := re.match(r"\s+-- (.*)", line)) and column:
                comments[table, column] = f"{comments[table, column]} {continued[1]}".strip()
    return comments


def _site_links(text: str) -> str:
    """Return a document of the top folder with links that hold two folders below docs/."""
    text = text.replace("](docs/screenshots/", "](../../screenshots/")
    return re.sub(r"\]\((?:docs/)?([\w-]+\.md)", lambda link: f"]({_site_place(link[0], link[1])}", text)


def _site_place(link: str, name: str) -> str:
    return name if name in _TOP_DOCUMENTS and "docs/" not in link else f"../../{name}"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _code(text: str) -> str:
    return f"`{text}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    main()
