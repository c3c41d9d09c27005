"""Python 3.11: an IntEnum or a StrEnum for each registry. `find_name` of its class returns the registry's name."""

from __future__ import annotations

from collections.abc import Iterator

from watcher.render.exports.base import ExportedRelease, ExportOptions, RenderedExport
from watcher.render.exports.constants.identifiers import NamingStyle
from watcher.render.exports.constants.naming import NamedSet, name_constants
from watcher.render.exports.constants.source_text import describe_constant, inert, make_export, make_head, quote
from watcher.render.exports.constants.words import join_pascal, join_upper

_USED = ("None", "True", "False", "IntEnum", "StrEnum", "Final")
STYLE = NamingStyle(join_name=join_upper, join_type=join_pascal, reserved=frozenset(_USED))


def render(state: ExportedRelease, options: ExportOptions) -> RenderedExport:
    named = name_constants(state, STYLE)
    lines = [f"# {line}".rstrip() for line in make_head(state, options, named)]
    lines += ["", "from __future__ import annotations"]
    if named.sets:
        enums = {_choose_enum(named_set) for named_set in named.sets}
        unique = ["unique"] if any(map(_has_unique_values, named.sets)) else []
        lines += ["", f"from enum import {', '.join([*sorted(enums), *unique])}", "from typing import Final"]
    for named_set in named.sets:
        lines += ["", "", *_render_class(named_set), "", "", *_render_names(named_set)]
    return make_export(lines, named)


def _choose_enum(named_set: NamedSet) -> str:
    return "IntEnum" if named_set.constants.type else "StrEnum"


def _has_unique_values(named_set: NamedSet) -> bool:
    return len({identifier.value for identifier in named_set.identifiers}) == len(named_set.identifiers)


def _render_class(named_set: NamedSet) -> Iterator[str]:
    if _has_unique_values(named_set):
        yield "@unique"
    yield f"class {named_set.name}({_choose_enum(named_set)}):"
    yield f"    {_quote(inert(named_set.constants.title))}"
    yield ""
    for identifier in named_set.identifiers:
        yield f"    #: {describe_constant(identifier)}"
        if identifier.deprecation:
            yield f"    #: Deprecated: {inert(identifier.deprecation)}."
        yield f"    {identifier.name} = {named_set.write(identifier.value, _quote)}"
    yield ""
    yield "    @staticmethod"
    yield f"    def find_name(value: {_choose_type(named_set)}) -> str | None:"
    yield '        """Return the name of a value in the registry, None without one."""'
    yield f"        if value in {_name_table(named_set)}:"
    yield f"            return {_name_table(named_set)}[value]"
    for constant in named_set.constants.list_ranges():
        low, high = (named_set.write(value, _quote) for value in (constant.low, constant.high))
        yield f"        if {low} <= value <= {high}:"
        yield f"            return {_quote(constant.label)}"
    yield "        return None"


def _render_names(named_set: NamedSet) -> Iterator[str]:
    """Yield the table of names. It is no attribute of the class: each of those is a member."""
    yield f"{_name_table(named_set)}: Final[dict[{_choose_type(named_set)}, str]] = {{"
    for constant in named_set.constants.list_singles():
        yield f"    {named_set.write(constant.value, _quote)}: {_quote(constant.label)},"
    yield "}"


def _choose_type(named_set: NamedSet) -> str:
    return "int" if named_set.constants.type else "str"


def _name_table(named_set: NamedSet) -> str:
    return f"_{join_upper(named_set.words)}_NAMES"


def _quote(text: str) -> str:
    return quote(text, lambda code: f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")
