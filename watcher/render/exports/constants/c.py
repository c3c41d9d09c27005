"""C, and C++ from 2011: a header file. Small numbers are enumerators, others and texts are macros.

A function returns the registry's name of a value.
"""

from __future__ import annotations

from collections.abc import Iterator

from watcher.render.exports.base import ExportedRelease, ExportOptions, RenderedExport
from watcher.render.exports.constants.identifiers import NamingStyle
from watcher.render.exports.constants.naming import NamedSet, name_constants
from watcher.render.exports.constants.source_text import describe_constant, inert, make_export, make_head, quote
from watcher.render.exports.constants.words import join_lower, join_upper, split_words

_KEYWORDS = (
    "alignas alignof and and_eq asm auto bitand bitor bool break case catch char class compl concept const constexpr "
    "continue decltype default delete do double else enum explicit export extern false float for friend goto if inline "
    "int long mutable namespace new noexcept not not_eq nullptr operator or or_eq private protected public register "
    "requires restrict return short signed sizeof static struct switch template this throw true try typedef typeid "
    "typename typeof union unsigned using virtual void volatile while xor xor_eq"
)
_MACROS = "NULL INT64_C UINT64_C REGISTRY_DEPRECATED"
STYLE = NamingStyle(
    join_name=join_upper,
    join_type=join_lower,
    reserved=frozenset((*_KEYWORDS.split(), *_MACROS.split())),
    is_flat=True,
    refuses="\0",
)
_LOWEST_INT, _HIGHEST_INT = -(2**31) + 1, 2**31 - 1
_DEPRECATED = [
    "#ifndef REGISTRY_DEPRECATED",
    "# if defined(__clang__) || (defined(__GNUC__) && __GNUC__ >= 6)",
    "#  define REGISTRY_DEPRECATED(reason) __attribute__((deprecated(reason)))",
    "# else",
    "#  define REGISTRY_DEPRECATED(reason)",
    "# endif",
    "#endif",
]


def render(state: ExportedRelease, options: ExportOptions) -> RenderedExport:
    named = name_constants(state, STYLE)
    guard = join_upper((*split_words(state.source), *split_words(state.registry), "H"))
    head = [f" * {line}".rstrip() for line in make_head(state, options, named)]
    lines = ["/*", *head, " */", f"#ifndef {guard}", f"#define {guard}", ""]
    lines += ["#include <stddef.h>", "#include <stdint.h>", "#include <string.h>", "", *_DEPRECATED]
    for named_set in named.sets:
        numbers = [identifier.value for identifier in named_set.identifiers if isinstance(identifier.value, int)]
        is_enum = bool(numbers) and _LOWEST_INT <= min(numbers) <= max(numbers) <= _HIGHEST_INT
        lines += ["", f"/* {inert(named_set.constants.title)} */"]
        lines += _render_enum(named_set) if is_enum else _render_macros(named_set)
        lines += ["", *_render_lookup(named_set, is_enum=is_enum)]
    return make_export([*lines, "", f"#endif /* {guard} */"], named)


def _render_enum(named_set: NamedSet) -> Iterator[str]:
    yield f"enum {named_set.name} {{"
    for identifier in named_set.identifiers:
        reason = inert(identifier.deprecation)
        attribute = f" REGISTRY_DEPRECATED({_quote(reason)})" if reason else ""
        yield f"    /* {describe_constant(identifier)} */"
        yield f"    {identifier.name}{attribute} = {_write(identifier.value, named_set, is_enum=True)},"
    yield "};"


def _render_macros(named_set: NamedSet) -> Iterator[str]:
    for identifier in named_set.identifiers:
        reason = inert(identifier.deprecation)
        yield f"/* {describe_constant(identifier)}{f' (deprecated: {reason})' if reason else ''} */"
        yield f"#define {identifier.name} {_write(identifier.value, named_set, is_enum=False)}"


def _write(value: int | str, named_set: NamedSet, *, is_enum: bool) -> str:
    """Return a literal: of a plain `int` for an enumerator, else of 64 bits."""
    number_type = named_set.constants.type
    if is_enum or isinstance(value, str) or number_type is None:
        return named_set.write(value, _quote)
    if value == -(2**63):  # C has no literal of this number, only the negative of one
        return "(-INT64_C(9223372036854775807) - 1)"
    text = f"{'' if number_type.is_signed else 'U'}INT64_C({number_type.write(abs(value))})"
    return f"(-{text})" if value < 0 else text


def _quote(text: str) -> str:
    return quote(text, lambda code: "".join(f"\\{byte:03o}" for byte in chr(code).encode("utf-8", "surrogatepass")))


def _render_lookup(named_set: NamedSet, *, is_enum: bool) -> Iterator[str]:
    constants = named_set.constants
    yield "/* The name of a value in the registry, NULL without one. */"
    if constants.type is None:
        yield f"static inline const char *{named_set.name}_name(const char *value) {{"
        for constant in constants.list_singles():
            yield f"    if (strcmp(value, {_quote(constant.text or '')}) == 0) return {_quote(constant.label)};"
        yield "    return NULL;"
        yield "}"
        return
    is_signed = is_enum or constants.type.is_signed
    yield f"static inline const char *{named_set.name}_name({'' if is_signed else 'u'}int64_t value) {{"
    yield "    switch (value) {"
    for constant in constants.list_singles():
        yield f"    case {_write(constant.low, named_set, is_enum=is_enum)}: return {_quote(constant.label)};"
    yield "    default: break;"
    yield "    }"
    for constant in constants.list_ranges():
        low, high = (_write(value, named_set, is_enum=is_enum) for value in (constant.low, constant.high))
        # Compilers warn of a comparison that is always true.
        above = [f"value >= {low}"] if is_signed or constant.low else []
        below = [f"value <= {high}"] if is_signed or constant.high < 2**64 - 1 else []
        yield f"    if ({' && '.join([*above, *below]) or '1'}) return {_quote(constant.label)};"
    yield "    return NULL;"
    yield "}"
