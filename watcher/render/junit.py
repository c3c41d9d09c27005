"""JUnit XML: a test case for each thing that was checked, as CI servers read it."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

from msgspec import Struct

from watcher.render.safe_text import visible


class JunitCase(Struct, frozen=True, kw_only=True):
    """One test case of a suite: `failures` fail it, `skipped` is the reason of one that was skipped, or "".

    Each failure is a pair of its type and its message. `output` is for people.
    """

    suite: str
    name: str
    failures: Sequence[tuple[str, str]] = ()
    skipped: str = ""
    output: str = ""


def render_junit(cases: Sequence[JunitCase], *, name: str) -> str:
    """Return a document. Cases of one suite are together; the suites are in the order of their first cases."""
    suites: dict[str, list[JunitCase]] = {}
    for case in cases:
        suites.setdefault(case.suite, []).append(case)
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f"<testsuites name={_attribute(name)} {_counts(cases)}>"]
    for suite, listed in suites.items():
        lines.append(f'  <testsuite name={_attribute(suite)} {_counts(listed)} errors="0" time="0">')
        for case in listed:
            lines += _case(case)
        lines.append("  </testsuite>")
    lines.append("</testsuites>")
    return "\n".join(lines) + "\n"


def _case(case: JunitCase) -> list[str]:
    lines = [f'    <testcase classname={_attribute(case.suite)} name={_attribute(case.name)} time="0">']
    for kind, message in case.failures:
        lines.append(f"      <failure type={_attribute(kind)} message={_attribute(message)}>{_text(message)}</failure>")
    if case.skipped and not case.failures:
        lines.append(f"      <skipped message={_attribute(case.skipped)}/>")
    if case.output:
        lines.append(f"      <system-out>{_text(case.output)}</system-out>")
    return [*lines, "    </testcase>"]


def _counts(cases: Sequence[JunitCase]) -> str:
    failures = sum(bool(case.failures) for case in cases)
    skipped = sum(bool(case.skipped and not case.failures) for case in cases)
    return f'tests="{len(cases)}" failures="{failures}" skipped="{skipped}"'


def _attribute(text: str) -> str:
    return quoteattr(visible(text))


def _text(text: str) -> str:
    return escape(visible(text, lines=True))
