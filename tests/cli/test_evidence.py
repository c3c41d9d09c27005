"""`watcher evidence` writes a file in which every changed byte is found, by a program that needs none of ours."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.cli_fixtures import RunCli
from tests.support.environment import open_environment
from tests.support.group_releases import group, record, registry
from tests.support.port_releases import person, release, tcp, udp
from tests.support.run_cli import run_command
from tests.support.timestamp_authority import TimestampServer, serve_timestamps
from watcher.reports.evidence import verify

FILES = ["README.txt", "answer.txt", "evidence.json", "release.xml", "verify.py", "SHA256SUMS"]
Evidence = dict[str, bytes]


def read_bundle(path: Path) -> Evidence:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def bundle(demo_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the evidence for 3070/tcp on 2025-03-01."""
    out = tmp_path_factory.mktemp("evidence") / "3070.zip"
    result = run_command(
        demo_folder / "config.toml", "evidence", "ports", "3070/tcp", "--at", "2025-03-01", "--out", str(out)
    )
    assert (result.returncode, result.stderr) == (0, "")
    return out


def run_verifier(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run verify.py as somebody would who has Python and nothing else."""
    return subprocess.run(
        [sys.executable, "-I", "-S", "verify.py", *arguments], cwd=folder, capture_output=True, text=True, check=False,
        timeout=60,
    )  # fmt: skip


def test_a_bundle_has_the_answer_the_release_and_the_chain(bundle: Path, run_in_demo: RunCli) -> None:
    files = read_bundle(bundle)
    assert [*files] == FILES
    releases = json.loads(run_in_demo("releases", "ports", "--format", "json").out)["releases"]
    published = next(row for row in releases if row["published"] == "2025-02-11")
    facts = json.loads(files["evidence.json"])
    assert hashlib.sha256(files["release.xml"]).hexdigest() == facts["release"]["sha256"] == published["sha256"]
    assert (facts["release"]["id"], facts["release"]["live"]) == (published["release"], True)
    assert facts["release"]["origin"].startswith("http://127.0.0.1")
    assert facts["release"]["observed_between"] == published["observed_between"]
    assert [row[:3] for row in facts["chain"]] == [
        [row["release"], row["published"], row["sha256"]] for row in releases
    ]
    assert [facts[name]["published"] for name in ("before", "after")] == ["2025-01-14", "2025-03-04"]
    (entry,) = facts["entries"]
    begin, end = entry["bytes"]
    row = files["release.xml"][begin:end].decode()
    assert row.startswith("<record")
    assert row.endswith("</record>")
    assert "<name>harbor-link</name>" in row
    assert {"harbor-link", "3070", "tcp"} <= {*entry["texts"]}
    assert entry["named"] == ["Chiyo_Specimen"]
    answer = files["answer.txt"].decode()
    assert "On 2025-03-01 the newest release was that of 2025-02-11." in answer
    assert "named: Chiyo_Specimen" in answer
    assert "status: assigned since the release of 2025-01-14" in answer
    assert "bears" not in answer
    assert f"    served from: {facts['release']['origin']}\n" in answer
    assert f"    id: {facts['release']['id']} (of the content)\n" in answer
    assert f"    evidence.json has the chain of all {len(releases)} releases\n" in answer
    assert [part.split("\n")[0].partition(":")[0] for part in answer.split("\n\n")] == [
        "What did ports say about 3070/tcp? (2025-03-01)",
        "On 2025-03-01 the newest release was that of 2025-02-11. It says",
        "  entry harbor-link 3070 tcp",
        "  contact Chiyo_Specimen",
        "The release",
        "The releases around it",
        "When was the registry checked?",
    ]


def test_the_verifier_needs_nothing_but_python_and_is_short(bundle: Path, tmp_path: Path) -> None:
    files = read_bundle(bundle)
    source = files["verify.py"].decode()
    assert len(source.splitlines()) <= 40
    assert all(len(line) <= 120 for line in source.splitlines())
    assert "import watcher" not in source
    (tmp_path / "verify.py").write_text(source)
    digest = hashlib.sha256(files["SHA256SUMS"]).hexdigest()
    for arguments in ([str(bundle)], [str(bundle), digest]):
        result = run_verifier(tmp_path, *arguments)
        assert (result.returncode, result.stderr) == (0, "")
        assert result.stdout == f"verified: 6 files, 1 entries; SHA256SUMS has the SHA-256 {digest}\n"
    damaged = tmp_path / "damaged.zip"
    damaged.write_bytes(bundle.read_bytes().replace(b"harbor-link", b"harbor-lynk"))
    for arguments in (
        [str(damaged)],
        [str(bundle), "0" * 64],
        [str(tmp_path / "none.zip")],
        [str(tmp_path / "verify.py")],
    ):
        result = run_verifier(tmp_path, *arguments)
        assert (result.returncode, result.stdout) == (1, "")
        assert result.stderr.startswith("REFUSED: ")
    sums = subprocess.run(
        ["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=unpack(bundle, tmp_path / "x"), check=False
    )
    assert sums.returncode == 0


def unpack(bundle: Path, folder: Path) -> Path:
    with zipfile.ZipFile(bundle) as archive:
        archive.extractall(folder)
    return folder


def is_refused(data: bytes, digest: str = "") -> bool:
    try:
        verify.verify(data, digest)
    except Exception:  # noqa: BLE001 - as the program does
        return True
    return False


@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_changed_byte_anywhere_is_refused(bundle: Path, place: float, bit: int) -> None:
    data = bytearray(bundle.read_bytes())
    data[int(place * len(data))] ^= 1 << bit
    assert is_refused(bytes(data))


def test_a_changed_byte_in_every_file_and_between_the_files_is_refused(bundle: Path) -> None:
    data = bundle.read_bytes()
    assert not is_refused(data)
    places = {*range(64), *range(len(data) - 600, len(data))}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for member in archive.infolist():
            begin = member.header_offset
            first = begin + 30 + len(member.filename)
            places |= {*range(begin, first + 8), first + member.file_size // 2, first + member.file_size - 1}
    for place in places:
        changed = bytearray(data)
        changed[place] ^= 1 << place % 8
        assert is_refused(bytes(changed)), place
    assert is_refused(data + b"\n")
    assert is_refused(b"#!" + data)
    assert is_refused(data[:-1])


def forge(bundle: Path, change: Callable[[Evidence], object]) -> bytes:
    """Return a bundle whose files were changed by somebody who made SHA256SUMS and the comment again."""
    files = read_bundle(bundle)
    change(files)
    del files["SHA256SUMS"]
    sums = "".join(f"{verify.sha256(data)}  {name}\n" for name, data in files.items())
    return verify.pack({**files, "SHA256SUMS": sums.encode()})


def replace_text(name: str, before: str, after: str) -> Callable[[Evidence], None]:
    def change(files: Evidence) -> None:
        assert before.encode() in files[name]
        files[name] = files[name].replace(before.encode(), after.encode())

    return change


@pytest.mark.parametrize(
    "change",
    [
        replace_text("answer.txt", "harbor-link", "evil-link"),
        replace_text("evidence.json", '"harbor-link"', '"evil-link"'),
        replace_text("release.xml", "harbor-link", "evil-link"),
        replace_text("evidence.json", '"2025-03-04"', '"2025-03-05"'),
        replace_text("evidence.json", '"on": "2025-03-01"', '"on": "2025-03-31"'),
    ],
)
def test_a_forger_who_makes_the_sums_again_must_keep_answer_release_and_chain_consistent(
    bundle: Path, change: Callable[[Evidence], None]
) -> None:
    assert not is_refused(forge(bundle, dict.copy))
    assert is_refused(forge(bundle, change))


def test_only_the_digest_refuses_what_a_forger_made_consistent(bundle: Path) -> None:
    digest = verify.sha256(read_bundle(bundle)["SHA256SUMS"])
    forged = forge(bundle, replace_text("README.txt", "Evidence", "evidence"))
    assert not is_refused(forged)
    assert is_refused(forged, digest)
    assert "who can change the whole bundle can change both" in read_bundle(bundle)["README.txt"].decode()


def test_the_same_history_gives_the_same_file(bundle: Path, run_in_demo: RunCli, tmp_path: Path) -> None:
    again = tmp_path / "again.zip"
    result = run_in_demo("evidence", "ports", "3070/tcp", "--at", "2025-03-01", "--out", str(again), "--format", "json")
    assert again.read_bytes() == bundle.read_bytes()
    document = json.loads(result.out)
    assert document["sha256"] == verify.sha256(read_bundle(bundle)["SHA256SUMS"])
    assert (document["published"], document["entries"], document["timestamp"]) == ("2025-02-11", 1, None)


def test_the_day_of_a_release_is_its_own_and_the_day_before_that_of_the_last(
    run_in_demo: RunCli, tmp_path: Path
) -> None:
    for day, published in (("2025-02-11", "2025-02-11"), ("2025-02-10", "2025-01-14")):
        out = tmp_path / f"{day}.zip"
        assert run_in_demo("evidence", "ports", "3070/tcp", "--at", day, "--out", str(out)).code == 0
        assert json.loads(read_bundle(out)["evidence.json"])["release"]["published"] == published
        assert not is_refused(out.read_bytes())


def test_a_bundle_says_that_nobody_is_named(run_in_demo: RunCli, tmp_path: Path) -> None:
    assert run_in_demo("evidence", "ports", "3063", "--out", str(tmp_path / "x.zip")).code == 0
    files = read_bundle(tmp_path / "x.zip")
    assert "named: nobody: the entry names no person or organisation" in files["answer.txt"].decode()
    entries = json.loads(files["evidence.json"])["entries"]
    assert {(entry["key"]["protocol"], entry["status"], *entry["named"]) for entry in entries} == {
        ("tcp", "reserved"),
        ("udp", "reserved"),
    }
    assert not is_refused((tmp_path / "x.zip").read_bytes())


@pytest.mark.parametrize(
    ("what", "day", "searched", "others"),
    [
        ("64999/tcp", "2025-03-01", "64999", ["  in other releases: no entry about this"]),
        ("64000-65023", "2025-03-01", "64000, …, 65023", ["  in other releases: no entry about this"]),
        ("no-such(service", "latest", "no-such(service", ["  in other releases: no entry about this"]),
        ("harbor-link", "2024-11-30", "harbor-link",
         ["  in the releases from 2025-02-11 on: 3070/tcp  harbor-link  Harbor Synchronisation"]),
    ],
)  # fmt: skip
def test_a_bundle_proves_that_no_entry_is_about_a_port_or_a_name(
    run_in_demo: RunCli, tmp_path: Path, what: str, day: str, searched: str, others: list[str]
) -> None:
    result = run_in_demo("evidence", "ports", what, "--at", day, "--out", str(tmp_path / "x.zip"))
    assert (result.code, result.err) == (0, "")
    files = read_bundle(tmp_path / "x.zip")
    assert [*files] == FILES
    answer = files["answer.txt"].decode().splitlines()
    assert answer[2].endswith("It has no entry about this, so it names nobody.")
    assert answer[4] == f"  searched for: {searched} (as a whole word, in any case of letters)"
    assert answer[5] == "  in the text of release.xml: at no place"
    assert answer[6:8] == [*others, ""]
    facts = json.loads(files["evidence.json"])
    assert (facts["entries"], facts["contacts"], facts["mentions"]) == ([], [], 0)
    assert len(facts["words"]) == (1024 if what == "64000-65023" else 1)
    assert verify.verify((tmp_path / "x.zip").read_bytes()).startswith("6 files, 0 entries")


def test_the_answer_says_that_a_former_name_is_followed(run_in_demo: RunCli, tmp_path: Path) -> None:
    for what, sentence in (
        (
            "harbor-sync",
            "It has no row for exactly this. It says of the range that has it, or of what the entry is called",
        ),
        ("harbor-link", "It says:"),
    ):
        assert run_in_demo("evidence", "ports", what, "--at", "2025-03-01", "--out", str(tmp_path / "x")).code == 0
        answer = read_bundle(tmp_path / "x")["answer.txt"].decode()
        assert sentence in answer
        assert "  entry harbor-link 3070 tcp\n" in answer


def test_other_mentions_of_what_no_entry_is_about_are_shown_and_counted(run_in_demo: RunCli, tmp_path: Path) -> None:
    out = tmp_path / "x.zip"
    assert run_in_demo("evidence", "ports", "3070/sctp", "--at", "2025-03-01", "--out", str(out)).code == 0
    files = read_bundle(out)
    answer, text = files["answer.txt"].decode(), verify.plain(files["release.xml"])
    begin = text.index(" 3070 udp ") + 1
    assert f"    … {text[begin - 50 : begin + 54]} …\n" in answer
    assert "  in the text of release.xml: at 2 places, none of them an entry about this\n" in answer
    assert "  in the releases from 2025-01-14 on: 3070/udp  Reserved\n" in answer
    facts = json.loads(files["evidence.json"])
    assert (facts["words"], facts["mentions"]) == (["3070"], 2)
    assert {version["key"]["protocol"] for version in facts["others"]} == {"tcp", "udp", ""}
    assert not is_refused(forge(out, dict.copy))
    assert is_refused(forge(out, replace_text("evidence.json", '"mentions": 2', '"mentions": 1')))
    with pytest.raises(ValueError, match="the release has other mentions"):
        verify.verify(forge(out, forge_release))


def forge_release(files: Evidence) -> None:
    """Remove a mention from the release, in the chain and in the facts too."""
    old = files["release.xml"]
    files["release.xml"] = old.replace(b"<number>3070<", b"<number>3071<", 1)
    assert files["release.xml"] != old
    facts = json.loads(files["evidence.json"])
    link, digests = "", (verify.sha256(old), verify.sha256(files["release.xml"]))
    for row in facts["chain"]:
        row[2] = row[2].replace(*digests)
        link = row[5] = verify.sha256(json.dumps([link, *row[:-1]]).encode())
    files["evidence.json"] = json.dumps(facts).replace(*digests).encode()


def test_mentions_are_whole_words_and_no_part_of_a_date_or_of_another_name() -> None:
    text = "ssh 22, ssh-2 2019-01-22 C12.22 SSH. (22) 22/tcp 22-25 x22 ssh"
    assert [match.start() for match in verify.find_mentions(["22"], text)] == [4, 38, 42]
    assert len(verify.find_mentions(["ssh", "22"], text)) == 6
    assert verify.find_mentions([], text) == []


def test_the_first_twenty_of_many_mentions_are_shown(run: RunCli, tmp_path: Path) -> None:
    with open_environment(tmp_path) as env:
        env.check(release([tcp(f"a{number}", str(number), description="of the beacon") for number in range(1, 26)]))
        assert run("--config", str(env.servers.config), "evidence", "ports", "beacon", "--out", "x.zip").code == 0
    answer = read_bundle(tmp_path / "x.zip")["answer.txt"].decode()
    assert "at 25 places" in answer
    assert answer.count("    … ") == 20
    assert "    and 5 more\n" in answer


@pytest.mark.parametrize(
    ("what", "row", "day"),
    [
        ("0x13,0x50", "0x13,0x06-FF", "latest"),
        ("0x1350", "0x13,0x06-FF", "latest"),
        ("0x13,0x05", "0x13,0x05-FF", "2020-01-01"),
        ("77777", "66000-80000", "latest"),
        ("192.0.2.7", "192.0.2.0/24", "latest"),
    ],
)
def test_a_code_point_without_a_row_of_its_own_is_answered_by_its_range(
    run: RunCli, tmp_path: Path, what: str, row: str, day: str
) -> None:
    (tmp_path / "config.toml").write_text(
        '[[source]]\nname = "tls"\nurl = "https://example.org/tls"\nregistry = "iana"\n'
    )
    others = [
        record(value="66000-80000", description="Unassigned"),
        record(value="192.0.2.0/24", description="Reserved"),
    ]
    before = [
        record("rfc8446", value="0x13,0x01", description="A"),
        record(value="0x13,0x05-FF", description="Unassigned"),
    ]
    after = [
        before[0],
        record(value="0x13,0x05", description="B"),
        record(value="0x13,0x06-FF", description="Unassigned"),
    ]
    for published, rows in (("2020-01-01", before), ("2020-02-01", after)):
        (tmp_path / f"{published}.xml").write_bytes(
            group(registry("tls-4", *rows), registry("tls-5", *others), updated=published)
        )
        assert run("import", "tls", f"{published}.xml").code == 0
    assert run("evidence", "tls", what, "--at", day, "--out", "x.zip").code == 0
    facts = json.loads(read_bundle(tmp_path / "x.zip")["evidence.json"])
    assert [entry["key"]["value"] for entry in facts["entries"]] == [row]
    assert "It has no row for exactly this." in read_bundle(tmp_path / "x.zip")["answer.txt"].decode()
    assert f"value: {row}" in read_bundle(tmp_path / "x.zip")["answer.txt"].decode()
    shown = run("show", "tls", what, *(("--at", day) if day != "latest" else ()))
    assert (shown.code, row in shown.out) == (0, True)


def test_what_is_not_there_is_an_error_and_writes_nothing(run_in_demo: RunCli, tmp_path: Path) -> None:
    for arguments, message in (
        (("64000-65024",), "no entry '64000-65024'; evidence that nobody is named is of at most 1024 ports"),
        (("",), "name an entry: a port, a value or a name"),
        (("3070/tpc",), "unknown protocol 'tpc'; did you mean 'tcp'?"),
        (("3070/tcp", "--at", "1999-01-01"), "no release published on or before 1999-01-01"),
        (("3070/tcp", "--timestamp"), "no time-stamping authority is configured"),
    ):
        result = run_in_demo("evidence", "ports", *arguments, "--out", str(tmp_path / "x.zip"))
        assert (result.code, result.out) == (2, "")
        assert message in result.err
    assert [*tmp_path.iterdir()] == []


def test_code_points_of_other_registries_and_other_formats_have_evidence(run: RunCli, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(
        "".join(
            f'[[source]]\nname = "{name}"\nurl = "https://example.org/{name}"\nregistry = "iana"\nformat = "{form}"\n'
            for name, form in (("tls", "xml"), ("table", "csv"), ("records", "json"))
        )
    )
    rows = [record("rfc8446", value=f"0x13,0x0{number}", description=f"TLS_{number}", dtls="Y") for number in range(3)]
    (tmp_path / "2020-01-01.xml").write_bytes(group(registry("tls-4", *rows), registry("tls-5", *rows)))
    (tmp_path / "2020-01-01.csv").write_text('code,name\nAA,"Alpha, the ""first"""\nBB,Beta\n')
    (tmp_path / "2020-01-01.json").write_text('[{"code": "AA", "name": "Alph\\u00e4"}, {"code": "BB", "name": "Beta"}]')
    for name, suffix, what, whole in (
        ("tls", "xml", "0x1301", False),
        ("table", "csv", "AA", False),
        ("records", "json", "BB", True),
    ):
        assert run("import", name, f"2020-01-01.{suffix}").code == 0
        result = run("evidence", name, what, "--out", f"{name}.zip")
        assert (result.code, result.err) == (0, "")
        verify.verify((tmp_path / f"{name}.zip").read_bytes())
        files = read_bundle(tmp_path / f"{name}.zip")
        assert files[f"release.{suffix}"] == (tmp_path / f"2020-01-01.{suffix}").read_bytes()
        facts = json.loads(files["evidence.json"])
        assert len(facts["entries"]) == (2 if name == "tls" else 1)
        for entry in facts["entries"]:
            assert entry["whole_document"] is whole
            piece = files[f"release.{suffix}"][slice(*entry["bytes"])].decode()
            assert {"tls": "TLS_1", "table": 'AA,"Alpha', "records": "Beta"}[name] in piece
        assert len({tuple(entry["bytes"]) for entry in facts["entries"]}) == len(facts["entries"])
        assert "an import, not a check of this watcher" in files["answer.txt"].decode()
        assert "This source was never checked." in files["answer.txt"].decode()
        assert whole == ("somewhere; rows of this format have no range" in files["answer.txt"].decode())


def test_the_answer_says_when_nobody_checked(run: RunCli, tmp_path: Path) -> None:
    with open_environment(tmp_path) as env:
        ann = [person("Ann", "Ann Example")]
        env.now -= timedelta(days=20)
        env.check(release([tcp("a", "1", contact="Ann")], "2021-01-01", ann))
        begin = env.now
        env.now += timedelta(days=19)
        env.check(release([tcp("a", "1", contact="Ann"), tcp("b", "2")], "2021-01-18", ann))
        end = env.now
        bob = [*ann, person("Bob", "Bob Example")]
        env.now += timedelta(days=1)
        env.check(release([tcp("a", "1", contact="Ann"), udp("a", "1", contact="Bob")], "2021-01-19", bob))
        env.now += timedelta(days=19)  # a gap of another release
        env.check()
        run_here = lambda *words: run("--config", str(env.servers.config), *words)  # noqa: E731
        assert run_here("evidence", "ports", "1/tcp", "--at", "2021-01-10", "--out", "x.zip").code == 0
        files = read_bundle(tmp_path / "x.zip")
        answer = files["answer.txt"].decode()
        times = f"{begin:%Y-%m-%dT%H:%M:%SZ} and {end:%Y-%m-%dT%H:%M:%SZ}"
        assert answer.count("Nobody checked between") == 1
        assert f"Nobody checked between {times}." in answer
        assert "Ann Example" in answer
        (contact,) = json.loads(files["evidence.json"])["contacts"]
        assert files["release.xml"][slice(*contact["bytes"])].decode().startswith('<person id="Ann">')
        verify.verify((tmp_path / "x.zip").read_bytes())
        assert run_here("evidence", "ports", "1/tcp", "--at", "2021-01-18", "--out", "x.zip").code == 0
        assert f"Nobody checked between {times}." not in read_bundle(tmp_path / "x.zip")["answer.txt"].decode()
        assert run_here("evidence", "ports", "1", "--out", "x.zip").code == 0
        assert "    No later release is known.\n" in read_bundle(tmp_path / "x.zip")["answer.txt"].decode()
        entries = json.loads(read_bundle(tmp_path / "x.zip")["evidence.json"])["entries"]
        assert {entry["key"]["protocol"]: entry["named"] for entry in entries} == {"tcp": ["Ann"], "udp": ["Bob"]}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TimestampServer]:
    if shutil.which("openssl") is None:
        pytest.skip("the program openssl is not installed")
    with serve_timestamps(tmp_path_factory.mktemp("tsa") / "authority") as server:
        yield server


@pytest.fixture
def stamped_config(demo_folder: Path, authority: TimestampServer, tmp_path: Path) -> Path:
    folder = tmp_path / "demo"
    shutil.copytree(demo_folder, folder)
    config = folder / "config.toml"
    config.write_text(f'{config.read_text()}\n[evidence]\ntsa = "{authority.url}"\nroots = "{authority.roots}"\n')
    authority.answer = None
    return config


def test_a_time_stamp_is_verified_by_openssl(
    run: RunCli, stamped_config: Path, authority: TimestampServer, tmp_path: Path
) -> None:
    out = tmp_path / "stamped.zip"
    result = run(
        "--config", str(stamped_config), "evidence", "ports", "3070/tcp", "--out", str(out), "--format", "json"
    )
    assert (result.code, result.err) == (0, "")
    assert json.loads(result.out)["timestamp"]
    files = read_bundle(out)
    assert [*files] == [*FILES, "SHA256SUMS.tsr"]
    folder = unpack(out, tmp_path / "x")
    command = ["openssl", "ts", "-verify", "-in", "SHA256SUMS.tsr", "-CAfile", str(authority.roots), "-data"]
    good, bad = (
        subprocess.run([*command, name], cwd=folder, capture_output=True, text=True, check=False, timeout=60)
        for name in ("SHA256SUMS", "README.txt")
    )
    assert (good.returncode, "Verification: OK" in good.stdout) == (0, True)
    assert bad.returncode != 0
    data = out.read_bytes()
    verify.verify(data)
    begin = data.index(files["SHA256SUMS.tsr"])
    for place in range(begin, begin + len(files["SHA256SUMS.tsr"]), 17):
        changed = bytearray(data)
        changed[place] ^= 1
        assert is_refused(bytes(changed)), place
    assert "openssl ts -verify" in files["README.txt"].decode()


def test_without_a_valid_time_stamp_nothing_is_written(
    run: RunCli, stamped_config: Path, authority: TimestampServer, tmp_path: Path
) -> None:
    out = tmp_path / "x.zip"
    command = ("--config", str(stamped_config), "evidence", "ports", "3070/tcp", "--out", str(out))
    assert run(*command).code == 0
    old = (authority.folder / "response.tsr").read_bytes()
    out.unlink()
    for answer, message in (
        ((200, old), "the answer is no valid time stamp: Nonce mismatch"),
        ((200, b"<html>"), "the answer is no valid time stamp"),
        ((503, b""), "the authority answered HTTP 503"),
        ((302, b""), "the authority answered HTTP 302"),
        ((200, b"0" * 300_000), "no answer of the authority: more than 262144 bytes"),
    ):
        authority.answer = answer
        result = run(*command)
        assert (result.code, result.out) == (2, "")
        assert message in result.err
        assert not out.exists()
    assert run(*command, "--no-timestamp").code == 0
    other = tmp_path / "other.pem"
    authority.answer = None
    authority.openssl(
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        str(tmp_path / "k"),
        "-out",
        str(other),
        "-subj",
        "/CN=Other",
    )
    stamped_config.write_text(stamped_config.read_text().replace(str(authority.roots), str(other)))
    result = run(*command)
    assert (result.code, "the answer is no valid time stamp" in result.err) == (2, True)
    other.write_text("nothing")
    assert "other.pem: not a file of certificates in PEM format" in run(*command).err
