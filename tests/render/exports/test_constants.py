"""The constants of each language: compilers accept them, and a program has the values of the registry."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.render import HOSTILE
from tests.support.exports import make_state, port, render, render_text, row
from tests.support.programs import require_typescript
from watcher.core.model import Item, Key
from watcher.registries.ports.identity import LABELS
from watcher.render.exports.base import ExportedRelease, OldName

ITEMS = [
    row("codes", "1", name="alpha beta", description="The first */ one", references="[RFC1]"),
    row("codes", "2", name="class", description="A reserved word"),
    row("codes", "3", name="2nd-thing"),
    row("codes", "4", name="alpha-beta"),
    row("codes", "5", name="old one", status="deprecated"),
    row("codes", "16-31", name="a range"),
    row("codes", "32-63", name="Unassigned", status="unassigned"),
    row("suites", "0x13,0x01", name="TLS_AES_128_GCM_SHA256"),
    row("texts", "gzip", name="gzip", description="GZIP file format"),
    *(row("hostile", str(number), name=f"n{number} {text}", description=text) for number, text in enumerate(HOSTILE)),
]
PORTS = [port("ssh", "22"), port("ssh", "22", "udp"), port("http", "80"), port("new-name", "99")]
OLD = {Key(LABELS, ("new-name", "99", "tcp")): (OldName(name="old-name", renamed="2020-03-01"),)}


@pytest.fixture(scope="module")
def state() -> ExportedRelease:
    return make_state(ITEMS, document="toy", source="iana.toy")


@pytest.fixture(scope="module")
def ports() -> ExportedRelease:
    return make_state(PORTS, old_names=OLD)


def require(*programs: str) -> None:
    if missing := [program for program in programs if shutil.which(program) is None]:
        pytest.skip(f"{', '.join(missing)} is not installed")


def run(folder: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def write(folder: Path, language: str, suffix: str, state: ExportedRelease, ports: ExportedRelease) -> None:
    (folder / f"toy{suffix}").write_text(render_text(language, state))
    (folder / f"ports{suffix}").write_text(render_text(language, ports))


def test_c_and_cpp_compile_without_a_warning_and_have_the_values(
    tmp_path: Path, state: ExportedRelease, ports: ExportedRelease
) -> None:
    require("gcc", "g++")
    write(tmp_path, "c", ".h", state, ports)
    (tmp_path / "main.c").write_text(
        '#include <stdio.h>\n#include "toy.h"\n#include "ports.h"\n'
        'int main(void) { printf("%d %d %s %s\\n", TOY_SUITE_TLS_AES_128_GCM_SHA256, TOY_CODE_A_RANGE_LAST,'
        " toy_code_name(3), toy_code_name(17)); return 0; }\n"
    )
    strict = ("-Wall", "-Wextra", "-pedantic", "-Werror", "-Wno-unused-function")
    run(tmp_path, "gcc", "-std=c11", *strict, "main.c", "-o", "main")
    assert run(tmp_path, "./main").strip() == f"{0x1301} 31 2nd-thing a range"
    shutil.copy(tmp_path / "main.c", tmp_path / "main.cc")
    run(tmp_path, "g++", "-Wall", "-Wextra", "-Werror", "-Wno-unused-function", "-fsyntax-only", "main.cc")


def test_numbers_at_the_bounds_of_c_compile_and_have_their_values(tmp_path: Path) -> None:
    require("gcc", "g++")
    rows = [
        *(row("small", "2147483647", name="most"), row("small", "-2147483647", name="least")),
        row("larger", "2147483648", name="more"),
        *(row("long", str(-(2**63)), name="lowest"), row("long", str(2**63 - 1), name="highest")),
        *(row("wide", str(2**64 - 1), name="last"), row("wide", f"0-{2**64 - 1}", name="all")),
        *(row("wide", f"0-{2**63}", name="half"), row("wide", f"{2**63}-{2**64 - 1}", name="upper")),
        row("long", "-9 to -5", name="below"),
    ]
    text = render_text("c", make_state(rows, document="toy", source="iana.toy"))
    assert text.count("enum toy_") == 1
    (tmp_path / "toy.h").write_text(text)
    (tmp_path / "main.c").write_text(
        '#include <inttypes.h>\n#include <stdio.h>\n#include "toy.h"\nint main(void) {\n'
        'printf("%d %d %" PRIu64 " %" PRId64 " %" PRId64 " %" PRIu64 " ", TOY_SMALL_MOST, TOY_SMALL_LEAST, '
        "TOY_LARGER_MORE, TOY_LONG_LOWEST, TOY_LONG_HIGHEST, TOY_WIDE_LAST);\n"
        'printf("%s %s %s %s\\n", toy_wide_name(UINT64_MAX), toy_wide_name(1), toy_wide_name(UINT64_MAX - 1), '
        "toy_long_name(-7)); return 0; }\n"
    )
    strict = ("-Wall", "-Wextra", "-pedantic", "-Werror", "-Wno-unused-function")
    run(tmp_path, "gcc", "-std=c11", *strict, "main.c", "-o", "main")
    bounds = [2**31 - 1, -(2**31) + 1, 2**31, -(2**63), 2**63 - 1, 2**64 - 1]
    assert run(tmp_path, "./main").split() == [*map(str, bounds), "last", "half", "upper", "below"]
    shutil.copy(tmp_path / "main.c", tmp_path / "main.cc")
    run(tmp_path, "g++", "-std=c++11", *strict, "-fsyntax-only", "main.cc")


def test_a_group_that_is_called_as_a_keyword_has_another_package() -> None:
    text = render_text("go", make_state([row("codes", "1", name="one")], document="go", source="iana.go"))
    assert "\npackage goregistry\n" in text


def test_a_deprecation_of_go_is_a_paragraph_of_its_comment(state: ExportedRelease) -> None:
    assert ": old one\n\t//\n\t// Deprecated: deprecated in the registry.\n" in render_text("go", state)


def test_rust_has_no_markup_of_a_title_and_no_warning_of_a_full_type(tmp_path: Path) -> None:
    require("rustc")
    items = [row("bytes <b>", str(number), name=f"n{number}") for number in range(256)]
    text = render_text("rust", make_state(items, document="toy", source="iana.toy"))
    assert "/// bytes \\<b\\>\n" in text
    (tmp_path / "lib.rs").write_text(f"pub mod toy {{\n{text}}}\n")
    run(tmp_path, "rustc", "--edition", "2021", "--crate-type", "lib", "--emit=metadata", "-D", "warnings", "lib.rs")


def test_typescript_has_the_numbers_that_it_holds_exactly_and_every_character() -> None:
    items = [row("wide", str(2**53 - 1), name="last"), row("wide", str(2**53), name="too wide \U0001f600")]
    rendered = render("typescript", make_state(items, document="toy", source="iana.toy"))
    assert f"  LAST: {2**53 - 1}," in rendered.files[""]
    assert [omission.entry.value for omission in rendered.omissions] == [str(2**53)]
    text = render_text("typescript", make_state([row("few", "1", name="a \U0001f600\u2026")], document="toy"))
    assert '"a \\u{1f600}\\u2026"' in text
    empty = render_text("typescript", make_state([], document="toy"))
    assert empty.endswith("\nexport {};\n")
    assert "export {};" not in text


def test_rust_compiles(tmp_path: Path, state: ExportedRelease, ports: ExportedRelease) -> None:
    require("rustc")
    write(tmp_path, "rust", ".rs", state, ports)
    (tmp_path / "lib.rs").write_text("pub mod toy;\npub mod ports;\n")
    run(tmp_path, "rustc", "--edition", "2021", "--crate-type", "lib", "--emit", "metadata", "lib.rs")


def test_go_compiles(tmp_path: Path, state: ExportedRelease, ports: ExportedRelease) -> None:
    require("go")
    for name, release in (("toy", state), ("ports", ports)):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.go").write_text(render_text("go", release))
    (tmp_path / "go.mod").write_text("module example.org/x\n\ngo 1.19\n")
    run(tmp_path, "go", "build", "./...")


def test_typescript_compiles(tmp_path: Path, state: ExportedRelease, ports: ExportedRelease) -> None:
    tsc = require_typescript()
    write(tmp_path, "typescript", ".ts", state, ports)
    run(tmp_path, tsc, "--noEmit", "--strict", "--target", "es2022", "toy.ts", "ports.ts")


def test_python_has_the_values_of_the_registry(tmp_path: Path, state: ExportedRelease, ports: ExportedRelease) -> None:
    write(tmp_path, "python", ".py", state, ports)
    code = (
        "import toy, ports\n"
        "names = {name: value for module in (toy, ports) for kind in vars(module).values()\n"
        "         if isinstance(kind, type) for name, value in getattr(kind, '__members__', {}).items()}\n"
        "print({name: getattr(value, 'value', value) for name, value in names.items()})\n"
    )
    values: Mapping[str, object] = eval(run(tmp_path, sys.executable, "-W", "error", "-c", code))  # noqa: S307 - our own
    assert values["TLS_AES_128_GCM_SHA256"] == 0x1301
    assert values["GZIP"] == "gzip"
    assert [value for name, value in values.items() if name.startswith("ALPHA_BETA")] == [1, 4]
    assert values["SSH"] == 22
    assert values["HTTP"] == 80
    assert "UNASSIGNED" not in values


DEPRECATED: Mapping[str, Callable[[str], bool]] = {
    "c": lambda text: "REGISTRY_DEPRECATED(" in text,
    "go": lambda text: "// Deprecated:" in text,
    "rust": lambda text: "#[deprecated" in text,
    "python": lambda text: "eprecated" in text,
    "typescript": lambda text: "@deprecated" in text,
}


@pytest.mark.parametrize("language", DEPRECATED)
def test_a_former_name_and_a_deprecated_entry_are_marked_and_the_text_is_the_same_again(
    language: str, state: ExportedRelease, ports: ExportedRelease
) -> None:
    text = render_text(language, ports)
    assert DEPRECATED[language](text)
    assert "old_name" in text.lower() or "oldname" in text.lower()
    assert DEPRECATED[language](render_text(language, state))
    assert text == render_text(language, make_state(PORTS, old_names=OLD))
    assert ports.release.sha256 in text


@pytest.mark.parametrize("language", DEPRECATED)
def test_another_entry_changes_no_identifier(language: str, state: ExportedRelease) -> None:
    def declared(items: list[Item]) -> set[str]:
        lines = render_text(language, make_state(items, document="toy", source="iana.toy")).splitlines()
        return {line for line in lines if "alpha" in line.lower() and "3" not in line}

    more = [*ITEMS, row("codes", "3000", name="Alpha Beta")]
    assert declared(ITEMS) <= declared(more)


def test_what_is_free_is_left_out_with_its_reason(state: ExportedRelease) -> None:
    reasons = {omission.reason for omission in render("c", state).omissions}
    assert any("not assigned" in reason for reason in reasons)
