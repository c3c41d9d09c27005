"""Documents made to cost: each is read or refused in a process with little memory, in seconds.

The limit is on the address space of the process (RLIMIT_AS): what asks for more dies of it, which is no answer.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

from watcher.core.errors import ParseError
from watcher.formats.xml_safety import MAX_ATTRIBUTES, check_attributes, check_xml_attributes

SCRIPT = """
import resource, sys
from watcher.diff.content import read_content
from watcher.core.errors import ParseError
from watcher.registries.catalog import REGISTRIES

MIB = 2**20
data = eval(sys.argv[2])
resource.setrlimit(resource.RLIMIT_AS, (700 * MIB, 700 * MIB))
resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
try:
    print("read", len(read_content(data, REGISTRIES["iana"], sys.argv[1]).items))
except ParseError as error:
    print(error.reason)
"""
HEAD = 'b\'<registry xmlns="http://www.iana.org/assignments" id="x"><title>t</title>\''
CROWD = "b' '.join(b'a%d=\">\"' % n for n in range(200_000))"
CASES = {
    "a hundred thousand deep": ("xml", "b'<registry>' * 100_000 + b'</registry>' * 100_000", "not_well_formed"),
    "a record as deep": (
        "xml",
        "b'<registry><record>' + b'<x>' * 100_000 + b'</x>' * 100_000 + b'</record></registry>'",
        "not_well_formed",
    ),
    "twelve megabytes of text": (
        "xml",
        "b'<registry><record><x>' + b'y' * 12_000_000 + b'</x></record></registry>'",
        "not_well_formed",
    ),
    "two hundred thousand attributes": (
        "xml",
        f"b'<registry><record ' + {CROWD} + b'><value>1</value></record></registry>'",
        "too_large",
    ),
    "the same in UTF-16": (
        "xml",
        f"(b'<registry><record ' + {CROWD} + b'><value>1</value></record></registry>').decode().encode('utf-16')",
        "too_large",
    ),
    "the same in a page": (
        "index",
        f"b'<html><table><tr ' + {CROWD} + b'><td><a href=\"/assignments/x\">x</a></td></tr></table></html>'",
        "too_large",
    ),
    "two million records": (
        "xml",
        f"{HEAD} + b'<record><value>1</value></record>' * 2_000_000 + b'</registry>'",
        "too_large",
    ),
    "a hundred thousand columns": (
        "xml",
        f"{HEAD} + b'<record>' + b''.join(b'<c%d>1</c%d>' % (n, n) for n in range(100_000)) + b'</record></registry>'",
        "read 2",
    ),
    "a billion laughs": (
        "xml",
        "b'<!DOCTYPE r [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;&a;&a;\">]><registry>&b;</registry>'",
        "doctype",
    ),
    "a million objects": ("json", "b'[' + b'{\"a\":1},' * 1_000_000 + b'{}]'", "too_large"),
    "as deep in JSON": ("json", "b'[' * 100_000 + b']' * 100_000", "too_large"),
    "two million lines": ("csv", "b'a,b\\n' * 2_000_000", "too_large"),
}  # fmt: skip


@pytest.mark.fault(24)
@pytest.mark.parametrize("name", CASES)
def test_a_document_made_to_cost_is_read_or_refused_in_bounded_time_and_memory(name: str) -> None:
    kind, expression, expected = CASES[name]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, kind, expression], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stdout.strip() == expected, done.stderr[-500:]


def crowd(number: int) -> bytes:
    return b"<a " + b" ".join(b"x%d='<\">'" % index for index in range(number)) + b"/>"


@pytest.mark.fault(24)
def test_an_element_has_a_thousand_attributes_and_not_many_more() -> None:
    check_attributes(crowd(MAX_ATTRIBUTES))
    check_attributes(b"<p>" + b"word " * 100_000 + b"</p>" + b"<a b='c'>" * 50_000)
    for data in (crowd(3 * MAX_ATTRIBUTES), b"\n" + crowd(100_000), b"<p>x</p><a" + b" b" * 4 * MAX_ATTRIBUTES):
        with pytest.raises(ParseError, match="attributes"):
            check_attributes(data)
    long = b"<a>" + b"words " * 10_000 + b"</a>"
    check_xml_attributes(long)
