"""TypeScript: an object and a type for each registry, and a function that returns the registry's name of a value.

A number of JavaScript holds 53 bits exactly, so entries with more are left out.
"""

from __future__ import annotations

from collections.abc import Iterator

from watcher.render.exports.base import ExportedRelease, ExportOptions, RenderedExport
from watcher.render.exports.constants.identifiers import NamingStyle
from watcher.render.exports.constants.naming import NamedSet, name_constants
from watcher.render.exports.constants.source_text import describe_constant, inert, make_export, make_head, quote
from watcher.render.exports.constants.words import join_pascal, join_upper

_HIGHEST = 2**53 - 1
STYLE = NamingStyle(join_name=join_upper, join_type=join_pascal, lowest=-_HIGHEST, highest=_HIGHEST)


def render(state: ExportedRelease, options: ExportOptions) -> RenderedExport:
    named = name_constants(state, STYLE)
    lines = [f"// {line}".rstrip() for line in make_head(state, options, named)]
    for named_set in named.sets:
        lines += ["", *_render_object(named_set), "", *_render_lookup(named_set)]
    if not named.sets:
        lines += ["", "export {};"]
    return make_export(lines, named)


def _render_object(named_set: NamedSet) -> Iterator[str]:
    name = named_set.name
    yield f"/** {inert(named_set.constants.title)} */"
    yield f"export const {name} = {{"
    for identifier in named_set.identifiers:
        if identifier.deprecation:
            yield f"  /** {describe_constant(identifier)}"
            yield f"   * @deprecated {inert(identifier.deprecation)}"
            yield "   */"
        else:
            yield f"  /** {describe_constant(identifier)} */"
        yield f"  {identifier.name}: {named_set.write(identifier.value, _quote)},"
    yield "} as const;"
    yield ""
    yield f"export type {name} = (typeof {name})[keyof typeof {name}];"


def _render_lookup(named_set: NamedSet) -> Iterator[str]:
    constants = named_set.constants
    function = f"{named_set.name[0].lower()}{named_set.name[1:]}Name"
    yield "/** Returns the name of a value in the registry. */"
    yield f"export function {function}(value: {'number' if constants.type else 'string'}): string | undefined {{"
    yield "  switch (value) {"
    for constant in constants.list_singles():
        yield f"    case {named_set.write(constant.value, _quote)}:"
        yield f"      return {_quote(constant.label)};"
    yield "  }"
    for constant in constants.list_ranges():
        low, high = (named_set.write(value, _quote) for value in (constant.low, constant.high))
        yield f"  if (value >= {low} && value <= {high}) return {_quote(constant.label)};"
    yield "  return undefined;"
    yield "}"


def _quote(text: str) -> str:
    return quote(text, lambda code: f"\\u{code:04x}" if code < 0x10000 else f"\\u{{{code:x}}}")
