"""Go: a package with a type for each registry, typed constants, and methods that return the registry's names."""

from __future__ import annotations

from collections.abc import Iterator

from watcher.render.exports.base import ExportedRelease, ExportOptions, RenderedExport
from watcher.render.exports.constants.identifiers import NamingStyle
from watcher.render.exports.constants.naming import NamedSet, name_constants
from watcher.render.exports.constants.source_text import describe_constant, inert, make_export, make_head, quote
from watcher.render.exports.constants.words import join_lower, join_mixed, join_pascal, split_words

STYLE = NamingStyle(join_name=join_mixed, join_type=join_pascal, is_flat=True, is_typed=True)
_NO_PACKAGES = frozenset(
    [
        "break",
        "case",
        "chan",
        "const",
        "continue",
        "default",
        "defer",
        "else",
        "fallthrough",
        "for",
        "func",
        "go",
        "goto",
        "if",
        "import",
        "init",
        "interface",
        "main",
        "map",
        "package",
        "range",
        "return",
        "select",
        "struct",
        "switch",
        "type",
        "var",
    ]
)


def render(state: ExportedRelease, options: ExportOptions) -> RenderedExport:
    named = name_constants(state, STYLE)
    package = join_lower(split_words(state.document) or split_words(state.source) or ("registry",)).replace("_", "")
    package += "registry" if package in _NO_PACKAGES else ""
    lines = [f"// {line}".rstrip() for line in make_head(state, options, named)]
    lines += ["", f"package {package}"]
    if any(named_set.constants.type for named_set in named.sets):
        lines += ["", 'import "strconv"']
    for named_set in named.sets:
        lines += ["", *_render_constants(named_set), "", *_render_methods(named_set)]
    return make_export(lines, named)


def _render_constants(named_set: NamedSet) -> Iterator[str]:
    number_type = named_set.constants.type
    base = f"{'' if number_type.is_signed else 'u'}int{number_type.bits}" if number_type else "string"
    yield f"// {named_set.name}: {inert(named_set.constants.title)}"
    yield f"type {named_set.name} {base}"
    yield ""
    yield "const ("
    for identifier in named_set.identifiers:
        yield f"\t// {identifier.name}: {describe_constant(identifier)}"
        if identifier.deprecation:
            yield "\t//"
            yield f"\t// Deprecated: {inert(identifier.deprecation)}."
        yield f"\t{identifier.name} {named_set.name} = {named_set.write(identifier.value, _quote)}"
    yield ")"


def _quote(text: str) -> str:
    return quote(text, lambda code: f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")


def _render_methods(named_set: NamedSet) -> Iterator[str]:
    constants = named_set.constants
    yield "// Name returns the name of a value in the registry, and whether it has one."
    yield f"func (value {named_set.name}) Name() (string, bool) {{"
    yield "\tswitch value {"
    for constant in constants.list_singles():
        yield f"\tcase {named_set.write(constant.value, _quote)}:"
        yield f"\t\treturn {_quote(constant.label)}, true"
    yield "\t}"
    for constant in constants.list_ranges():
        low, high = (named_set.write(value, _quote) for value in (constant.low, constant.high))
        yield f"\tif value >= {low} && value <= {high} {{"
        yield f"\t\treturn {_quote(constant.label)}, true"
        yield "\t}"
    yield '\treturn "", false'
    yield "}"
    if constants.type is None:
        return
    function = "FormatInt(int64(value), 10)" if constants.type.is_signed else "FormatUint(uint64(value), 10)"
    yield ""
    yield "// String returns the name of a value in the registry, or its number."
    yield f"func (value {named_set.name}) String() string {{"
    yield "\tif name, ok := value.Name(); ok {"
    yield "\t\treturn name"
    yield "\t}"
    yield f"\treturn strconv.{function}"
    yield "}"
