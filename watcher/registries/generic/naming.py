"""The names of rows in sentences. Only this module knows which column of a registry names things.

A row has a value (a code point, or a name) and mostly a column that names it. Data types, contacts, statuses, flags,
dates and references name nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from itertools import chain

from watcher.core.model import MARKUP, Content, Item, Key, Section
from watcher.core.patterns import regex
from watcher.core.value_ranges import parse_ranges
from watcher.registries.base import PATH
from watcher.registries.context import ChangeContext
from watcher.registries.entries import Entries, list_labels, list_rows
from watcher.registries.generic import entry_parts
from watcher.registries.generic.registry_rows import rows_of
from watcher.registries.shared.nested_values import is_nested
from watcher.registries.shared.remarks import strip_last, strip_temporary
from watcher.registries.shared.sentences import join_words, shorten
from watcher.registries.shared.status_words import FLAGS

_LONGEST_NAME = 80  # characters in a sentence
_NAMES = ("name", "title", "claim", "semantics", "keyword", "shortname", "label", "attribute", "argument", "error")
_DESCRIPTIONS = (
    *("description", "meaning", "designation", "value-description", "type-description", "class-description"),
    *("function", "operation", "organization name", "module", "mnemonic"),
)
# Columns of any table that say something about a thing and do not name it.
OWNERS = frozenset({"contact", "controller", "owner", "registrant", "assignee", "org", "organization", "organisation"})
_NEVER = frozenset(
    {"type", "datatype", "data type", "syntax", "data item", "format", "encoding", "length", "size", "bits", "units"}
    | {"contact", "controller", "owner", "registrant", "assignee", "org", "status", "state", "usage", "class"}
    | {"date", "reviewed", "since", "until", "version", "revision", "file", "template", "reference", "references"}
    | {"references (column)", "ref", "refs", "spec", "specification", "note", "notes", "comment", "comments", "remark"}
    | {"rec", "recommended", "dtls", "required", "range", "context", "elementid", "datatypesemantics", "rdapurl"}
    | {"use", "collection", "registered", "modified", "#text", "any", "charset", "contentcoding", "intended_usage"}
)
CODE_POINTS = ("label", "tag", "value", "code", "number", "key", "id", "decimal", "hex", "type-value", "bit", "flag")
_NO_NAME = frozenset({"any", "none", "n/a", "all", "-", "*", ""})
_DATA_TYPE = regex(
    r"(?:(?:unsigned|negative|byte|text|utf-8)\s+)?(?:string|integer|int|uint|array|map|boolean|bool|tstr|bstr|float|any|object)\b",
    re.IGNORECASE,
)
_CITED = regex(r"^\[(?:RFC|draft-)[^\]]*\]\s*")
_BRACKETED = regex(r"^\[([^\[\]]+)\]$")  # a name that is a link
_STATUS = regex(r"(?:(?<!\s)\s+)?\((?:deprecated|obsoleted?|historic)\)\s*$", re.IGNORECASE)
_LINK = regex(r"\[https?://[^\[\]]*\]")
_ADDRESS = regex(r"(?=.*[\d:])[\dA-FXx:.*/-]+")
_NEARLY_ALL = 0.9
_DISTINCT = 0.5  # of the rows: a column that tells fewer apart names nothing
_SHORT = 40  # characters of a description that is shown behind a name
_LONGEST_CODE_POINT = 24  # characters
_NAME_WORDS = regex(r"name|title|organi[sz]ation|label", re.IGNORECASE)  # in the title of a column
_REMARK = regex(r"\([^()]*\)|\[[^\[\]]*\]")


def name_entry(item: Item, context: ChangeContext) -> str:
    """Return the value and the name of an entry: "0x13,0x01 TLS_AES_128_GCM_SHA256", "label 7 counter signature"."""
    values = [_BRACKETED.sub(r"\1", _without_status(value)) for value in _key_words(item)]
    name = _without_status(find_name(item, context))
    column, code = find_code_point(item, context) if not any(map(parse_ranges, values)) else ("", "")
    if code and column not in ("value", "decimal", "hex"):
        code = f"{column} {code}"
    if not name and context.new.document:
        about = next((text for column in _DESCRIPTIONS if (text := item.fields.get(column, ""))), "")
        name = about if len(about) <= _SHORT and _can_name(about) else ""
    words = join_words([code, *values, shorten(name, _LONGEST_NAME)])
    return shorten(words, _LONGEST_NAME * 2) or _first_text(item)


def _without_status(name: str) -> str:
    """Return a name without what its event says; "(OBSOLETED in favor of X)" says more and stays."""
    name = strip_temporary(name)
    return _STATUS.sub("", name) or name


def find_name(item: Item, context: ChangeContext) -> str:
    """Return the text of the column that names an entry, beside its value; "" where its value is a name itself."""
    if columns := context.table.title:
        return join_words(item.fields.get(column, "") for column in columns)
    if not context.new.document:
        column = context.compute_for(context.new, _find_title_column)
        return item.fields.get(column, "") if column else ""
    if _is_named_by_key(item):
        return ""
    key = {*item.key.labels}
    texts = {
        name.lower(): _CITED.sub("", text) for name, text in item.fields.items() if name not in key and ":" not in name
    }
    path = entry_parts.read_path(item)
    types = ("type",) if rows_of(context, context.new).derive(path, _is_named_by_type) else ()
    for column in (*_NAMES, *types, *_DESCRIPTIONS):
        if _can_name(texts.get(column, "")):
            return texts[column].split("\n")[0]
    rest = (text for column, text in texts.items() if column not in _NEVER and not column.endswith("(column)"))
    return next((text.split("\n")[0] for text in rest if _can_name(text)), "")


def _is_named_by_type(entries: Entries) -> bool:
    """Return whether the column `type` of a registry is a name (resource records of DNS) and no data type."""
    texts = Counter(text for item in entries if (text := item.fields.get("type", "")))
    return len(texts) >= _NEARLY_ALL * texts.total() > 2 and not any(map(_DATA_TYPE.match, texts))


def _can_name(text: str) -> bool:
    """Return whether a text can name something."""
    if is_nested(text):
        return False
    text = _LINK.sub("", text)
    lower = text.lower()
    return lower not in _NO_NAME and lower not in FLAGS and not parse_ranges(text) and "://" not in text


def _is_named_by_key(item: Item) -> bool:
    """Return whether the value of an entry is a name: not a number, a prefix or a pattern of bits."""
    return any(
        not parse_ranges(value)
        and re.search(r"[A-Za-z]{2}", value)
        and not _ADDRESS.fullmatch(value)
        and (label.lower() not in _NEVER or len(item.key.labels) <= 2)
        for label, value in zip(item.key.labels, item.key.values, strict=True)
        if label != PATH and value
    ) and not any(parse_ranges(value) for value in entry_parts.read_values(item)[:1])


def _key_words(item: Item) -> list[str]:
    """Return the parts of a key that tell what the entry is; a status or a type only if there is nothing else.

    A number that the registry prints in hexadecimal as well is known by that.
    """
    pairs = [
        (label.lower(), item.fields.get(label.replace("decimal", "hex")) or value)
        for label, value in zip(item.key.labels, item.key.values, strict=True)
        if label != PATH and value
    ]
    if item.key.labels[:1] != (PATH,):
        return [value for _, value in pairs]  # a plain table has the key that its owner declared
    words = [value for label, value in pairs if label not in _NEVER or parse_ranges(value)]
    if len(pairs) > 1 and pairs[0][0] == "collection":  # "Job Template job-account-id"
        words = [value for label, value in pairs if label != "syntax"]
    return words or [value for _, value in pairs]


def own_value(item: Item) -> str:
    """Return the part of a key that is the entry's own: not the heading, type or status that groups the rows."""
    pairs = [
        (label.lower(), value)
        for label, value in zip(item.key.labels, item.key.values, strict=True)
        if label != PATH and value
    ]
    return next((value for label, value in pairs if label not in _NEVER), pairs[0][1] if pairs else "")


def find_code_point(item: Item, context: ChangeContext) -> tuple[str, str]:
    """Return the column and the text of the code point of an entry whose key is a name; both "" without one."""
    if not context.new.document:
        return "", ""
    for column in CODE_POINTS:
        text = item.fields.get(column, "")
        if column not in item.key.labels and 0 < len(text) <= _LONGEST_CODE_POINT and parse_ranges(text):
            return column, text
    return "", ""


def _first_text(item: Item) -> str:
    texts = (text for name, text in item.fields.items() if text and not name.startswith(MARKUP))
    return shorten(next(texts, "(no value)"), _LONGEST_NAME)


def _find_title_column(content: Content) -> str:
    """Return the column of a plain table that names its rows: the first one that tells them apart."""
    rows = [row.fields for row in list_rows(content)]
    # As in the widest rows: the order of rows depends on what was read before.
    shapes = {tuple(fields) for fields in rows}
    places = {name: place for place, name in sorted({pair for shape in shapes for pair in enumerate(shape)})}
    columns = sorted(places, key=lambda name: (places[name], name))
    key = set().union(*list_labels(content).values())

    @cache
    def count(column: str) -> Counter[str]:
        return Counter(filter(None, [fields.get(column, "") for fields in rows]))

    def is_distinct(column: str) -> bool:
        return len(count(column)) >= _DISTINCT * len(rows)

    able = [name for name in columns if name not in key and ":" not in name and name.lower() not in _NEVER]
    # The best first, because all texts of a column are read to know whether they can name something.
    ordered = chain(
        (name for name in able if _NAME_WORDS.search(name) and is_distinct(name)), filter(is_distinct, able), able
    )
    return next((name for name in ordered if len(count(name)) > 1 and _has_names(count(name))), "")


def _has_names(texts: Counter[str]) -> bool:
    """Return whether most texts of a column can name something and are short."""
    half, good, bad = texts.total() / 2, 0, 0
    for text, number in texts.items():
        if len(text) <= 2 * _LONGEST_NAME and _can_name(text):
            good += number
        else:
            bad += number
        if good > half or bad >= half:
            break
    return good > half


def strip_brackets(name: str) -> str:
    """Return a name without the remarks in brackets behind it."""
    return strip_last(_REMARK, strip_temporary(name) or name)


def is_identifier(name: str) -> bool:
    """Return whether a name is one that software uses: one word."""
    return len(name) > 1 and not re.search(r"[\s<>]", name) and not parse_ranges(name)


def name_registry(path: str, context: ChangeContext) -> str:
    """Return the title of a registry, after its parent's title where several registries of the group share it."""
    title = header_title(path, context)
    if path and context.compute_once(_titles)[title] > 1 and "/" in path:
        return shorten(f"{header_title(path.rpartition('/')[0], context)}: {title}")
    return shorten(title)


def header_title(path: str, context: ChangeContext) -> str:
    """Return the title of a registry, or of the document where it has none; else its path."""
    for header_path in (path, ""):
        for content in (context.new, context.old):
            header = content.items.get((Section.REGISTRY, Key((PATH,), (header_path,))))
            if header and header.fields.get("title"):
                return header.fields["title"]
    return path


def _titles(context: ChangeContext) -> Counter[str]:
    return Counter(header.fields.get("title", "") for header in rows_of(context, context.new).headers.values())
