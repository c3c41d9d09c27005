"""Rust: a module for each registry, with constants of the smallest integer type or `&str`, and a function `name`.

They are constants and no enum: a registry has values of several names, ranges, and values of tomorrow.
"""

from __future__ import annotations

from collections.abc import Iterator

from watcher.render.exports.base import ExportedRelease, ExportOptions, RenderedExport
from watcher.render.exports.constants.identifiers import NamingStyle
from watcher.render.exports.constants.naming import NamedSet, name_constants
from watcher.render.exports.constants.source_text import describe_constant, inert, make_export, make_head, quote
from watcher.render.exports.constants.words import join_lower, join_upper
from watcher.render.markdown import escape

_KEYWORDS = (
    "abstract as async await become box break const continue crate do dyn else enum extern false final fn for gen if "
    "impl in let loop macro match mod move mut override priv pub ref return self static struct super trait true try "
    "type typeof unsafe unsized use virtual where while yield"
)
STYLE = NamingStyle(join_name=join_upper, join_type=join_lower, reserved=frozenset(_KEYWORDS.split()))


def render(state: ExportedRelease, options: ExportOptions) -> RenderedExport:
    named = name_constants(state, STYLE)
    lines = [f"// {line}".rstrip() for line in make_head(state, options, named)]
    for named_set in named.sets:
        lines += ["", *_render_module(named_set)]
    return make_export(lines, named)


def _render_module(named_set: NamedSet) -> Iterator[str]:
    number_type = named_set.constants.type
    base = f"{'i' if number_type.is_signed else 'u'}{number_type.bits}" if number_type else "&str"
    yield f"/// {escape(inert(named_set.constants.title))}"
    yield "#[allow(dead_code)]"
    yield f"pub mod {named_set.name} {{"
    for identifier in named_set.identifiers:
        yield f"    /// {escape(describe_constant(identifier))}"
        if identifier.deprecation:
            yield f"    #[deprecated(note = {_quote(inert(identifier.deprecation))})]"
        yield f"    pub const {identifier.name}: {base} = {named_set.write(identifier.value, _quote)};"
    yield ""
    yield "    /// Returns the name of a value in the registry."
    yield "    #[allow(unreachable_patterns)]"
    yield f"    pub fn name(value: {base}) -> Option<&'static str> {{"
    yield from (f"        {line}" for line in _render_lookup(named_set))
    yield "    }"
    yield "}"


def _render_lookup(named_set: NamedSet) -> Iterator[str]:
    constants = named_set.constants
    yield "match value {"
    for constant in constants.list_singles():
        yield f"    {named_set.write(constant.value, _quote)} => Some({_quote(constant.label)}),"
    for constant in constants.list_ranges():
        low, high = (named_set.write(value, _quote) for value in (constant.low, constant.high))
        yield f"    value if ({low}..={high}).contains(&value) => Some({_quote(constant.label)}),"
    yield "    _ => None,"
    yield "}"


def _quote(text: str) -> str:
    return quote(text, lambda code: f"\\u{{{code:x}}}")
