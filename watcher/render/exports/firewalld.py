"""Services of firewalld: one XML file for each service name, with all its ports and protocols.

Files of old names include the service under its present name. docs/exports.md says where firewalld looks for them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from xml.sax.saxutils import escape

from watcher.core.patterns import regex
from watcher.render.exports.base import ExportedRelease, ExportOptions, Omission, RenderedExport, make_comment
from watcher.render.exports.service_rows import ServiceRow, select_rows
from watcher.render.safe_text import visible

OTHER_PROTOCOL = "with a protocol that firewalld has no ports of"
BAD_NAME = "with a name that has other characters than letters, digits, - and _"
TAKEN = "that another service has"
OMITTED = "OMITTED.txt"  # firewalld reads *.xml
_NAME = regex(r"[A-Za-z0-9_-]+")
_PROTOCOLS = ("tcp", "udp", "sctp", "dccp")
_LONGEST_NAME = 200  # of the 255 bytes that a file name can have
_NO_XML = regex("[\ufffe\uffff]")


def render(state: ExportedRelease, options: ExportOptions) -> RenderedExport:
    rows, omissions = select_rows(state.entries, longest_name=_LONGEST_NAME, ranges=True)
    services: dict[str, list[ServiceRow]] = {}
    for row in rows:
        reason = "" if row.protocol in _PROTOCOLS else OTHER_PROTOCOL
        reason = reason if _NAME.fullmatch(row.name) else BAD_NAME
        if reason:
            omissions.append(Omission(entry=row.entry, reason=reason))
        else:
            services.setdefault(row.name, []).append(row)
    comment = make_comment(state, ExportOptions())
    files = {f"{name}.xml": _render_service(name, ports, comment) for name, ports in sorted(services.items())}
    lost_names = []
    for name, row in _list_old_names(services):
        file = f"{name}.xml"
        if file in files or not _NAME.fullmatch(name):
            reason = TAKEN if file in files else BAD_NAME
            lost_names.append(Omission(entry=row.entry, reason=reason, old_name=name))
        else:
            files[file] = _render_file(name, f"old name of {row.name}", [f'<include service="{row.name}"/>'], comment)
    if options.list_omissions:
        files[OMITTED] = "\n".join([*make_comment(state, options, omissions, (), lost_names), ""])
    return RenderedExport(
        files=files,
        written=sum(map(len, services.values())),
        omissions=tuple(omissions),
        lost_names=tuple(lost_names),
    )


def _list_old_names(services: Mapping[str, Sequence[ServiceRow]]) -> Iterator[tuple[str, ServiceRow]]:
    """Yield each old name of a service once, with a row of the service."""
    for rows in services.values():
        names = {old.name: row for row in rows for old in row.entry.old_names}
        yield from sorted(names.items(), key=lambda pair: pair[0])


def _render_service(name: str, rows: Sequence[ServiceRow], comment: Sequence[str]) -> str:
    descriptions = dict.fromkeys(row.entry.fields.get("description", "") for row in rows)
    ports = [f'<port protocol="{row.protocol}" port="{row.ports}"/>' for row in rows]
    return _render_file(name, "; ".join(filter(None, descriptions)), ports, comment)


def _render_file(name: str, description: str, elements: Sequence[str], comment: Sequence[str]) -> str:
    # A comment ends at the first "--".
    head = "\n".join(_xml_text(line).replace("--", "- -").replace("--", "- -") for line in comment)
    inner = [f"<short>{_xml_text(name)}</short>"]
    inner += [f"<description>{_xml_text(description)}</description>"] if description else []
    body = "".join(f"  {element}\n" for element in [*inner, *elements])
    return f'<?xml version="1.0" encoding="utf-8"?>\n<!--\n{head}\n-->\n<service>\n{body}</service>\n'


def _xml_text(text: str) -> str:
    """Return one line of text that XML can have: no control character, none of the two that XML excludes."""
    return escape(_NO_XML.sub(lambda match: f"<U+{ord(match[0]):04X}>", visible(text)))
