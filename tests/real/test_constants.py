"""Real registry groups as constants: the compilers of five languages accept every one, with few processes."""

from __future__ import annotations

import random
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.support import real_data
from tests.support.exports import render_text
from tests.support.programs import require_program, require_typescript, run_program
from watcher.core.model import Release
from watcher.diff.content import read_content
from watcher.registries.catalog import REGISTRIES
from watcher.render.exports.base import ExportedRelease
from watcher.reports.export import describe_content

# Each has rows of a kind of its own: pairs of octets, signed numbers, texts, octets that are texts, trees, ranges,
# numbers of 64 bits, names that begin with a digit, keys of several columns, registries in registries.
CHOSEN = (
    *("tls-parameters", "tls-extensiontype-values", "dns-parameters", "cose", "jose", "http-status-codes"),
    *("http2-parameters", "bootp-dhcp-parameters", "_6lowpan-parameters", "pcep", "ipfix", "oauth-parameters"),
)
SAMPLE = 25
LIMIT = 300_000  # bytes of a document: larger ones have more rows and no other kinds


@pytest.fixture(scope="module")
def groups() -> Mapping[str, ExportedRelease]:
    """Return the chosen groups and others, by the name of a module."""
    others = sorted({*real_data.bundle_versions(real_data.RECENT_IANA_BUNDLE)} - {*CHOSEN})
    ids = (*CHOSEN, *random.Random(14).sample(others, SAMPLE))  # noqa: S311 - a sample
    return {"m_" + re.sub(r"\W", "_", name).strip("_").lower(): state for name, state in read_groups(ids)}


def read_groups(ids: tuple[str, ...]) -> Iterator[tuple[str, ExportedRelease]]:
    for name in ids:
        month = real_data.bundle_versions(real_data.RECENT_IANA_BUNDLE)[name][-1][0]
        data = real_data.iana_document(name, month)
        if len(data) < LIMIT or name in CHOSEN:
            content = read_content(data, REGISTRIES["iana"])
            release = Release(
                id="a" * 12, source=name, published=content.published, observed=None, sha256="0" * 64, entries=0
            )
            yield name, describe_content(f"iana.{name}", release, content)


def write(folder: Path, language: str, suffix: str, groups: Mapping[str, ExportedRelease]) -> list[str]:
    """Write a file for each group and return the names of the files."""
    for name, state in groups.items():
        (folder / f"{name}{suffix}").write_text(render_text(language, state))
    return [f"{name}{suffix}" for name in groups]


def test_c_and_cpp_compile_each_group_and_all_of_them_together(
    groups: Mapping[str, ExportedRelease], tmp_path: Path
) -> None:
    gcc, cpp = require_program("gcc", "gcc"), require_program("g++", "g++")
    files = write(tmp_path, "c", ".h", groups)
    strict = ("-Wall", "-Wextra", "-pedantic", "-Werror", "-Wno-unused-function", "-fsyntax-only")
    run_program(gcc, "-std=c11", *strict, "-x", "c", *files, folder=tmp_path)
    (tmp_path / "all.cc").write_text("".join(f'#include "{file}"\n' for file in files))
    run_program(cpp, "-std=c++11", *strict, "all.cc", folder=tmp_path)


def test_go_vets_and_formats_each_group(groups: Mapping[str, ExportedRelease], tmp_path: Path) -> None:
    go = require_program("go", "golang-go")
    for name, state in groups.items():
        (tmp_path / name).mkdir()
        write(tmp_path / name, "go", ".go", {name: state})
    (tmp_path / "go.mod").write_text("module example.org/x\n\ngo 1.19\n")
    run_program(go, "vet", "./...", folder=tmp_path, GOFLAGS="-mod=mod", GOTOOLCHAIN="local")
    assert run_program(Path(go).resolve().with_name("gofmt"), "-l", ".", folder=tmp_path) == ""


def test_rust_compiles_all_groups(groups: Mapping[str, ExportedRelease], tmp_path: Path) -> None:
    rustc = shutil.which("rustc") or require_program("rustc", "rustc")
    write(tmp_path, "rust", ".rs", groups)
    (tmp_path / "lib.rs").write_text("#![deny(warnings)]\n" + "".join(f"pub mod {name};\n" for name in groups))
    run_program(
        *(rustc, "--edition", "2021", "--crate-type", "lib", "--emit", "metadata", "lib.rs"),
        folder=tmp_path, HOME=str(Path.home()),
    )  # fmt: skip


def test_python_imports_all_groups(groups: Mapping[str, ExportedRelease], tmp_path: Path) -> None:
    write(tmp_path, "python", ".py", groups)
    run_program(sys.executable, "-W", "error", "-c", f"import {', '.join(groups)}", folder=tmp_path)


def test_typescript_compiles_all_groups(groups: Mapping[str, ExportedRelease], tmp_path: Path) -> None:
    tsc = require_typescript()
    files = write(tmp_path, "typescript", ".ts", groups)
    run_program(tsc, "--noEmit", "--strict", "--target", "es2022", *files, folder=tmp_path)


@pytest.mark.parametrize(
    ("group", "language", "line"),
    [
        ("tls_parameters", "go", "\tTLSCipherSuiteTLS_AES_128_GCM_SHA256 TLSCipherSuite = 0x1301"),
        ("tls_parameters", "c", "    TLS_ALERT_CLOSE_NOTIFY = 0,"),
        ("tls_extensiontype_values", "python", '    H2 = "h2"'),
        ("dns_parameters", "python", "    NXDOMAIN = 3"),
        ("dns_parameters", "rust", "    pub const AAAA: u16 = 28;"),
        ("cose", "python", "    A128CTR = -65534"),
        ("cose", "python", "    EC2 = 2"),
        ("cose", "typescript", "  X: -2,"),
        ("jose", "python", '    X509_CERTIFICATE_SHA_256_THUMBPRINT = "x5t#S256"'),
        ("http_status_codes", "rust", "    pub const NOT_FOUND: u32 = 404;"),
        ("http2_parameters", "go", "\tHTTP2ErrorCodePROTOCOL_ERROR HTTP2ErrorCode = 0x00000001"),
        ("bootp_dhcp_parameters", "c", "    BOOTP_VENDOR_EXTENSIONS_AND_DHCP_OPTION_ROUTER = 3,"),
    ],
)
def test_a_constant_that_programs_know(
    groups: Mapping[str, ExportedRelease], group: str, language: str, line: str
) -> None:
    assert line in render_text(language, groups[f"m_{group}"]).splitlines()
