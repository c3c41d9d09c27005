"""The contract of an export: what a format receives, what it returns, and the texts that formats share.

A format is a pure module: the same release gives the same bytes, on any day and on any machine.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct

from watcher.core.model import Fields, Item, Release
from watcher.core.patterns import regex
from watcher.render.safe_text import visible

PORTS = "service-names-port-numbers"  # the registry groups that some formats are made for
PROTOCOLS = "protocol-numbers"
LONGEST_LINE = 126  # bytes of a line with a comment
_DOTS = "..."
_NOT_ASCII = regex(r"[^\x20-\x7e]")


class OldName(Struct, frozen=True, kw_only=True):
    """A name that an entry had; `renamed` is the day (`YYYY-MM-DD`) of the release that gave it another one."""

    name: str
    renamed: str


class ExportEntry(Struct, frozen=True, kw_only=True):
    """One entry of a release.

    `registry` is the path of its nested registry, "" if the group has none. `values` are the parts of its key without
    that path; `value` is its code point or, where the key is a name, the column that has the code point ("" without
    one). `name` is what software calls it, "" without one. `old_names` are the names that it had, the newest first.
    `alias_of` is the name of the entry that the registry says it is another name of. `is_secondary`: the registry says
    that its value is another entry's in the first place.
    """

    registry: str
    values: tuple[str, ...]
    value: str
    name: str
    item: Item
    old_names: tuple[OldName, ...] = ()
    alias_of: str = ""
    is_secondary: bool = False

    @property
    def fields(self) -> Fields:
        return self.item.fields


class ExportedRelease(Struct, frozen=True, kw_only=True):
    """Everything that one release says, in a stable order that does not depend on how it was fetched or stored.

    `document` is the id of the registry group. `headers` are the fields of its registries by path ("": the group),
    `contacts` those of people and organisations by id. `registry` is the path to which an export is limited, or "".
    """

    source: str
    document: str
    release: Release
    headers: Mapping[str, Fields]
    entries: tuple[ExportEntry, ...]
    contacts: Mapping[str, Fields]
    registry: str = ""

    @property
    def title(self) -> str:
        """The title of the registry that is exported, else of its group, else the name of the source."""
        titles = (self.headers.get(path, {}).get("title", "") for path in (self.registry, ""))
        return next(filter(None, titles), self.source)


class ExportOptions(Struct, frozen=True, kw_only=True):
    """What the user can choose. `raw`: cells of tables as they are; `list_omissions`: as comments in the file."""

    raw: bool = False
    list_omissions: bool = False


class Omission(Struct, frozen=True, kw_only=True):
    """An entry, or an old name of it, that a format cannot express, and why."""

    entry: ExportEntry
    reason: str
    old_name: str = ""


class RenderedExport(Struct, frozen=True, kw_only=True):
    """The text of an export, by file name; a format of one file has the name "".

    `written` counts the entries in it, `omissions` are the others. `limited` are written entries of which the format
    can say only a part, `lost_names` are old names that it cannot give to their entries.
    """

    files: Mapping[str, str]
    written: int
    omissions: tuple[Omission, ...] = ()
    limited: tuple[Omission, ...] = ()
    lost_names: tuple[Omission, ...] = ()


RenderRelease = Callable[[ExportedRelease, ExportOptions], RenderedExport]
RenderDifference = Callable[[ExportedRelease, ExportedRelease, ExportOptions], RenderedExport]


class ExportFormat(NamedTuple):
    """A row of `EXPORTS`.

    `module` has a `render` (`RenderRelease`), or a `render_difference` if the format is `between` two releases.
    `document` is the id of the only registry group that it can be made of. `many_files`: a folder or an archive.
    `keeps_old_names`: it has old names without being asked to.
    """

    module: str
    summary: str
    document: str = ""
    between: bool = False
    many_files: bool = False
    keeps_old_names: bool = False


def describe_release(state: ExportedRelease) -> list[str]:
    """Return the lines of the comment at the head of a file: where its content is from, and nothing about today."""
    published = state.release.published or "no date"
    return [
        visible(state.title),
        f"source {visible(state.source)}, release {state.release.id}, published {visible(published)}",
        f"SHA-256 {state.release.sha256}",
    ]


def make_comment(
    state: ExportedRelease,
    options: ExportOptions,
    omissions: Sequence[Omission] = (),
    limited: Sequence[Omission] = (),
    lost_names: Sequence[Omission] = (),
) -> list[str]:
    """Return the lines of `describe_release`, then, if the user wants them, what the format cannot express."""
    lines = describe_release(state)
    lists = (("Left out", omissions), ("Written in part", limited), ("Old names left out", lost_names))
    for title, listed in lists if options.list_omissions else ():
        if listed:
            lines += ["", f"{title}: {len(listed)}"]
            lines += [f"{name_entry(omission)}: {omission.reason}" for omission in listed]
    return lines


def name_entry(omission: Omission) -> str:
    """Return what an omission is about: the key of the entry, and its old name."""
    entry = omission.entry
    key = " ".join(filter(None, (entry.registry, *entry.values))) or "(no key)"
    ordinal = f" ({entry.item.key.ordinal})" if entry.item.key.ordinal > 1 else ""
    old = f", old name {omission.old_name}" if omission.old_name else ""
    return visible(key + ordinal + old)


def count_reasons(omissions: Iterable[Omission]) -> list[str]:
    """Return how many omissions each reason has, the most frequent first: "1,724 without a service name"."""
    counts = Counter(omission.reason for omission in omissions)
    return [f"{number:,} {reason}" for reason, number in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))]


def ascii_text(text: str, longest: int) -> str:
    """Return one line of printable ASCII; other characters are written as `<U+00E9>`, a longer text ends in dots."""
    line = _NOT_ASCII.sub(lambda match: f"<U+{ord(match[0]):04X}>", visible(text)).strip()
    if len(line) <= longest:
        return line
    return line[: longest - len(_DOTS)].rstrip() + _DOTS if longest > len(_DOTS) else ""


def ascii_comment(lines: Iterable[str]) -> list[str]:
    """Return lines as comments behind a `#`. musl reads on in pieces of 127 bytes, so none is longer."""
    return [f"# {ascii_text(line, LONGEST_LINE - len('# '))}".rstrip() for line in lines]
