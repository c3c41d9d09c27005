"""What each format looks like, character for character."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence

import daff
import jsonpatch
import pytest
from lxml import etree

from tests.support.exports import make_state, port, render, render_text, row
from watcher.core.errors import UsageError
from watcher.core.model import Item, Key, Section, Status
from watcher.registries.ports.identity import LABELS
from watcher.render.exports import csv as csv_export
from watcher.render.exports import firewalld, nmap_services, service_rows, wireshark, zeek
from watcher.render.exports.base import ExportedRelease, OldName

ITEMS = [
    port("ssh", "22", description="The Secure Shell (SSH) Protocol", references="[RFC4251]"),
    port("ssh", "22", "udp", description="The Secure Shell (SSH) Protocol"),
    port("ssh", "22", "sctp", description="SSH"),
    port("", "4", "tcp", description="Unassigned"),
    port("doom", "666"),
    port("mdqs", "666"),
    port("x11", "6000-6063"),
    port("discard", "9", "dccp", description="Discard"),
    port("z39.50", "210"),
]
OLD = {Key(LABELS, ("ssh", "22", "tcp")): (OldName(name="secure-shell", renamed="2018-03-27"),)}


def lines_of(name: str, state: ExportedRelease) -> list[str]:
    return [line for line in render_text(name, state).splitlines() if not line.startswith("# ")]


def reasons(name: str, items: list[Item]) -> set[tuple[str, str]]:
    omissions = render(name, make_state(items)).omissions
    return {(omission.entry.name or "-", omission.reason) for omission in omissions}


def test_nmap_services() -> None:
    assert lines_of("nmap-services", make_state(ITEMS)) == [
        "ssh\t22/tcp\t0.000000\t# The Secure Shell (SSH) Protocol",
        "ssh\t22/udp\t0.000000\t# The Secure Shell (SSH) Protocol",
        "ssh\t22/sctp\t0.000000\t# SSH",
        "z39.50\t210/tcp\t0.000000",
        "doom\t666/tcp\t0.000000",
    ]
    assert {("discard", nmap_services.OTHER_PROTOCOL), ("mdqs", nmap_services.OTHER_NAME)} < reasons(
        "nmap-services", ITEMS
    )


def test_wireshark() -> None:
    assert lines_of("wireshark", make_state(ITEMS)) == [
        "discard\t9/dccp\t# Discard",
        "ssh\t22/tcp/udp\t# The Secure Shell (SSH) Protocol",
        "ssh\t22/sctp\t# SSH",
        "z39.50\t210/tcp",
        "doom\t666/tcp",
        "x11\t6000-6063/tcp",
    ]
    assert ("mdqs", wireshark.OTHER_NAME) in reasons("wireshark", ITEMS)
    assert reasons("wireshark", [port("a", "1", "icmp")]) == {("a", wireshark.OTHER_PROTOCOL)}


def test_a_port_inside_a_range_has_one_name_for_wireshark() -> None:
    items = [
        port("wide", "5-9"),
        port("inner", "7"),
        port("inner", "7", "udp"),
        port("behind", "9-10"),
        port("last", "10"),
    ]
    assert lines_of("wireshark", make_state(items)) == ["wide\t5-9/tcp", "inner\t7/udp", "last\t10/tcp"]


def test_zeek() -> None:
    lines = lines_of("zeek", make_state([*ITEMS, port("a,b", "7", description="-")], old_names=OLD))
    assert lines == [
        "#separator \\x09",
        "#set_separator\t,",
        "#empty_field\t(empty)",
        "#unset_field\t-",
        "#path\tservices",
        "#fields\tp\tproto\tname\taliases\tdescription",
        "#types\tport\tstring\tstring\tset[string]\tstring",
        "7\ttcp\ta\\x2cb\t(empty)\t\\x2d",
        "22\ttcp\tssh\tsecure-shell\tThe Secure Shell (SSH) Protocol",
        "22\tudp\tssh\t(empty)\tThe Secure Shell (SSH) Protocol",
        "210\ttcp\tz39.50\t(empty)\t(empty)",
        "666\ttcp\tdoom\tmdqs\t(empty)",
    ]
    assert ("discard", zeek.OTHER_PROTOCOL) in reasons("zeek", ITEMS)


def test_every_name_of_a_port_is_in_its_set_of_zeek_once_and_escaped() -> None:
    items = [
        port("first", "1", description="(empty)"),
        port("sec\\ond", "1"),
        port("third,", "1"),
        port("n" * 255, "2"),
        port("n" * 256, "3"),
        port("sctp-one", "1", "sctp"),
    ]
    old = {
        Key(LABELS, ("first", "1", "tcp")): (OldName(name="was,first", renamed="2018-03-27"),),
        Key(LABELS, ("third,", "1", "tcp")): tuple(
            OldName(name=name, renamed="2018-03-27") for name in ("first", "old")
        ),
    }
    state = make_state(items, old_names=old)
    rendered = render("zeek", state, omitted=True)
    assert [line for line in rendered.files[""].splitlines() if not line.startswith("#")] == [
        "1\ttcp\tfirst\tsec\\x5cond,third\\x2c,was\\x2cfirst,old\t\\x28empty)",
        f"2\ttcp\t{'n' * 255}\t(empty)\t(empty)",
    ]
    assert rendered.written == 4
    assert {omission.reason for omission in rendered.omissions} == {service_rows.TOO_LONG, zeek.OTHER_PROTOCOL}
    assert "# Left out: 2\n" in rendered.files[""]
    assert "# Left out" not in render_text("zeek", state)


def test_firewalld() -> None:
    rendered = render("firewalld", make_state(ITEMS, title="A -- Title -", old_names=OLD), omitted=True)
    assert {*rendered.files} == {
        *("discard.xml", "doom.xml", "mdqs.xml", "secure-shell.xml", "ssh.xml", "x11.xml"),
        firewalld.OMITTED,
    }
    head, _, rest = rendered.files["ssh.xml"].partition("-->\n")
    assert head.startswith('<?xml version="1.0" encoding="utf-8"?>\n<!--\nA - - Title -\nsource ports, release ')
    assert rest == (
        "<service>\n  <short>ssh</short>\n"
        "  <description>The Secure Shell (SSH) Protocol; SSH</description>\n"
        '  <port protocol="tcp" port="22"/>\n  <port protocol="udp" port="22"/>\n  <port protocol="sctp" port="22"/>\n'
        "</service>\n"
    )
    assert '  <include service="ssh"/>\n' in rendered.files["secure-shell.xml"]
    assert '<port protocol="tcp" port="6000-6063"/>' in rendered.files["x11.xml"]
    assert "z39.50 210 tcp: with a name that has other characters" in rendered.files[firewalld.OMITTED]


def test_names_that_firewalld_cannot_have_are_left_out_with_their_reason() -> None:
    items = [*ITEMS, port("a_b-C", "1", "icmp"), port("a_b-C", "2"), port("n" * 200, "3"), port("n" * 201, "4")]
    old = {
        Key(LABELS, ("ssh", "22", "tcp")): tuple(
            OldName(name=name, renamed="2018-03-27") for name in ("zz", "doom", "../etc", "aa")
        )
    }
    rendered = render("firewalld", make_state(items, title="A --- B -----", old_names=old), omitted=True)
    services = ["a_b-C.xml", "discard.xml", "doom.xml", "mdqs.xml", f"{'n' * 200}.xml", "ssh.xml", "x11.xml"]
    assert [*rendered.files] == [*services, "aa.xml", "zz.xml", firewalld.OMITTED]
    assert rendered.written == 9
    assert {(omission.entry.name, omission.reason) for omission in rendered.omissions} == {
        ("", service_rows.NO_NAME),
        ("z39.50", firewalld.BAD_NAME),
        ("a_b-C", firewalld.OTHER_PROTOCOL),
        ("n" * 201, service_rows.TOO_LONG),
    }
    assert [(lost.old_name, lost.reason) for lost in rendered.lost_names] == [
        ("../etc", firewalld.BAD_NAME),
        ("doom", firewalld.TAKEN),
    ]
    assert "include" not in rendered.files["doom.xml"]
    assert "  <short>aa</short>\n  <description>old name of ssh</description>\n" in rendered.files["aa.xml"]
    listed = rendered.files[firewalld.OMITTED]
    assert "Old names left out: 2\nssh 22 tcp, old name ../etc: with a name" in listed
    for name, text in rendered.files.items():
        if name != firewalld.OMITTED:
            assert etree.fromstring(text.encode()).tag == "service"
            assert "z39.50" not in text
            assert text.count("\n") < 16


def test_markdown_has_a_section_for_each_registry_without_its_empty_columns() -> None:
    items = [
        row("a", "1", name="red", note="", registered="2020-01-01"),
        row("a", "2", name="x|y", note=""),
        row("b", "1", name="<b>", status="reserved"),
    ]
    assert render_text("markdown", make_state(items, title="Toys")).splitlines()[5:] == [
        "## a",
        "",
        "| value | name | registered | status |",
        "|---|---|---|---|",
        "| 1 | red | 2020\\-01\\-01 | assigned |",
        "| 2 | x\\|y |  | assigned |",
        "",
        "## b",
        "",
        "| value | name | status |",
        "|---|---|---|",
        "| 1 | \\<b\\> | reserved |",
    ]


def test_markdown_says_until_when_an_old_name_was_in_use() -> None:
    (line,) = [
        text for text in render_text("markdown", make_state(ITEMS, old_names=OLD)).splitlines() if "secure" in text
    ]
    assert line.endswith("| assigned | secure\\-shell \\(until 2018\\-03\\-27\\) |")


def test_csv_has_a_unique_key_and_every_column() -> None:
    state = make_state([row("a", "x|y", name="one"), row("a", "x|y", ordinal=2, other="two")])
    assert render_text("csv", state).splitlines() == [
        '"key","registry","status","value","name","other"',
        '"a|x\\|y","a","assigned","x|y","one",""',
        '"a|x\\|y|2","a","assigned","x|y","","two"',
    ]
    keys = [
        line.split('"')[1] for line in render_text("csv", make_state([row("a\\", "b"), row("a", "\\b")])).splitlines()
    ]
    assert keys == ["key", "a|\\\\b", "a\\\\|b"]


def test_raw_cells_are_as_they_are_and_markup_is_the_last_column() -> None:
    state = make_state([row("a", "=1", name="x\u202e", **{"markup:name": "m", "zeta": "z"})])
    header, cells = csv.reader(render_text("csv", state).splitlines())
    assert header == ["key", "registry", "status", "value", "name", "zeta", "markup:name"]
    assert cells[3:5] == ["'=1", "x<U+202E>"]
    assert [*csv.reader(render_text("csv", state, raw=True).splitlines())][1][3:5] == ["=1", "x\u202e"]


def test_a_table_of_too_many_cells_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_export, "_MOST_CELLS", 5)
    assert render("csv", make_state([row("a", str(number)) for number in range(5)])).written == 5
    with pytest.raises(UsageError, match=r"a table of 3 entries with 2 columns is too large; export json"):
        render("csv", make_state([row("a", str(number), name="x") for number in range(3)]))


def table_row(labels: Sequence[str], **fields: str) -> Item:
    """Return an entry of a table with these key columns."""
    key = Key(tuple(labels), tuple(fields.get(label, "a") for label in labels))
    return Item(section=Section.ENTRY, key=key, fields=fields, status=Status.ASSIGNED)


def test_a_json_patch_escapes_names_and_counts_its_operations() -> None:
    old = make_state(
        [table_row(["code"], code="1", **{"a~b": "x", "a/b": "x", "~1": "x"}), table_row(["code"], code="2")]
    )
    new = make_state([table_row(["code"], code="1", **{"a~b": "y", "c~/": "y"}), table_row(["code"], code="3")])
    rendered = render("rfc6902", old, new)
    test, *operations = json.loads(rendered.files[""])
    assert test == {"op": "test", "path": "/release/sha256", "value": old.release.sha256}
    assert rendered.written == len(operations)
    assert [(operation["op"], operation["path"]) for operation in operations if "entries/" in operation["path"]] == [
        ("remove", "/entries/0/fields/a~1b"),
        ("replace", "/entries/0/fields/a~0b"),
        ("remove", "/entries/0/fields/~01"),
        ("add", "/entries/0/fields/c~0~1"),
        ("remove", "/entries/1"),
        ("add", "/entries/1"),
    ]
    document = jsonpatch.apply_patch(json.loads(render_text("json", old)), rendered.files[""])
    assert document == json.loads(render_text("json", new))


def test_a_column_that_is_called_as_one_of_ours_has_another_title() -> None:
    state = make_state([table_row(["value"], value="1", status="active", key="k", registry="r")])
    assert render_text("csv", state).splitlines() == [
        '"key","registry","status","value","field:key","field:registry","field:status"',
        '"1","","assigned","1","k","r","active"',
    ]


def test_a_further_entry_moves_no_column_of_csv() -> None:
    def columns(*items: Item) -> list[str]:
        return render_text("csv", make_state(items)).splitlines()[0].replace('"', "").split(",")[3:]

    items = [table_row(["code"], code=str(number), alpha="x", name="y", zeta="z") for number in range(2, 4)]
    assert columns(*items) == ["name", "alpha", "code", "zeta"]
    more = table_row(["code"], code="1", beta="y", zeta="z")
    assert columns(more, *items) == ["name", "alpha", "beta", "code", "zeta"]
    other = table_row(["value"], value="1", name="x")
    assert columns(other, more, *items) == ["value", "name", "alpha", "beta", "code", "zeta"]


def test_a_cell_of_a_new_or_removed_column_of_daff_is_no_change() -> None:
    old = [table_row(["code"], code=code, gone=gone, kept="x") for code, gone in (("1", ""), ("2", "g"), ("3", "g"))]
    new = [table_row(["code"], code=code, more=more, kept="x") for code, more in (("1", "m"), ("2", ""), ("3", "n->o"))]
    old += [table_row(["code"], code="4", gone="g", kept="x")]
    new += [table_row(["code"], code="4", more="NULL", kept="y")]
    assert render_text("daff", make_state(old), make_state(new)).splitlines() == [
        '"!","","","","","---","","+++"',
        '"@@","key","registry","status","code","gone","kept","more"',
        '"+","1","","assigned","1","","x","m"',
        '"","2","","assigned","2","g","x",""',
        '"+","3","","assigned","3","g","x","n->o"',
        '"->","4","","assigned","4","g","x->y","NULL"',
    ]
    assert_patched(old, new)


def test_the_arrow_of_daff_is_one_that_no_cell_has_and_null_is_a_text() -> None:
    pairs = [("a-->b", "c"), ("NULL", "x"), ("x", "_NULL"), ("aNULL", "b"), ("d", "e->")]
    old, new = (
        [table_row(["code"], code=str(code), text=text) for code, text in enumerate(texts)]
        for texts in zip(*pairs, strict=True)
    )
    assert [
        line.split(",")[0::5] for line in render_text("daff", make_state(old), make_state(new)).splitlines()[1:]
    ] == [
        ['"--->"', '"a-->b--->c"'],
        ['"->"', '"_NULL->x"'],
        ['"->"', '"x->__NULL"'],
        ['"->"', '"aNULL->b"'],
        ['"-->"', '"d-->e->"'],
    ]
    assert_patched(old, new)


def test_entries_that_share_the_values_of_their_key_are_told_apart() -> None:
    first, second = row("a", "1", name="one"), row("a", "1", ordinal=2, name="two")
    by_name = Item(
        section=Section.ENTRY,
        key=Key(("registry", "name"), ("a", "1")),
        fields={"name": "1", "value": "9"},
        status=Status.ASSIGNED,
    )
    third = row("a", "1", ordinal=3, name="three")
    old, new = make_state([first, second, by_name]), make_state([second, third, by_name])
    operations = json.loads(render_text("rfc6902", old, new))
    document = jsonpatch.apply_patch(json.loads(render_text("json", old)), operations)
    assert document == json.loads(render_text("json", new))
    assert [each["op"] for each in operations if each["path"].startswith("/entries/")] == ["remove", "add"]
    table = list(csv.reader(render_text("daff", old, new).splitlines()))
    assert [(cells[0], cells[1]) for cells in table if cells[0] in ("+++", "---", "->")] == [
        ("---", "a|1"),
        ("+++", "a|1|3"),
    ]


def test_daff_leaves_out_rows_that_are_not_beside_a_change() -> None:
    old = [table_row(["code"], code=str(code), text="x") for code in range(10, 21)]
    new = [table_row(["code"], code=str(code), text="y" if code in (12, 18) else "x") for code in range(10, 21)]
    rendered = render("daff", make_state(old), make_state(new))
    rows = [row[:2] for row in csv.reader(rendered.files[""].splitlines())][1:]
    expected = [("...", "..."), ("", "11"), ("->", "12"), ("", "13"), ("...", "..."), ("", "17"), ("->", "18")]
    assert [*map(tuple, rows)] == [*expected, ("", "19"), ("...", "...")]
    assert rendered.written == 2


def assert_patched(old: Sequence[Item], new: Sequence[Item]) -> None:
    """Check that daff makes the newer CSV of the older one."""
    before, after = (list(csv.reader(render_text("csv", make_state(items)).splitlines())) for items in (old, new))
    patched = daff.PythonTableView(before)
    patch = list(csv.reader(render_text("daff", make_state(old), make_state(new)).splitlines()))
    assert daff.HighlightPatch(patched, daff.PythonTableView(patch)).apply()
    assert [[cell or "" for cell in cells] for cells in patched.data] == after


def test_daff_shows_new_and_removed_columns() -> None:
    old, new = make_state([row("", "1", name="a", gone="x")]), make_state([row("", "1", name="b->", more="y")])
    assert render_text("daff", old, new).splitlines() == [
        '"!","","","","","","---","+++"',
        '"@@","key","registry","status","value","name","gone","more"',
        '"-->","|1","","assigned","1","a-->b->","x","y"',
    ]


@pytest.mark.parametrize("name", ["csv", "json", "jsonl", "markdown", "services", "wireshark"])
def test_a_release_without_entries_is_an_export_without_entries(name: str) -> None:
    assert render(name, make_state([])).written == 0
