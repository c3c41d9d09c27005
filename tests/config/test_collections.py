"""Collections in the configuration: what is valid, and how mistakes are reported."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import jsonschema
import pytest

from tests.config.test_load import Write, loaded, problems, write  # noqa: F401 - the fixture
from watcher.config import load
from watcher.config.settings import CollectionSettings
from watcher.formats.catalog import FORMATS

BRACES = "source[0].url: must contain {group} where the id of a group goes, and no other braces"
HEAD = '[[source]]\nname = "iana"\ntype = "collection"\n'
LIST = HEAD + 'groups = ["tls-parameters", "_6lowpan-parameters", "ip-over-IEEE1394"]\n'


def test_a_list_of_groups_is_enough(write: Write) -> None:  # noqa: F811
    settings = loaded(write(LIST))
    (collection,) = settings.collections
    assert settings.registries == ()
    assert collection.groups == ("tls-parameters", "_6lowpan-parameters", "ip-over-IEEE1394")
    assert collection.url == "https://www.iana.org/assignments/{group}/{group}.xml"
    assert (collection.every, collection.registry, collection.enabled) == (timedelta(hours=24), "iana", True)
    assert collection.wants("anything")


def test_every_setting_of_a_collection_is_read(write: Write) -> None:  # noqa: F811
    (collection,) = loaded(
        write(
            HEAD
            + 'index = "https://example.org/protocols/"\nurl = "https://example.org/a/{group}.xml"\nevery = "6h"\n'
            + 'include = ["tls-*", "dns-*"]\nexclude = ["*-old"]\nenabled = false\n'
        )
    ).collections
    assert (collection.index, collection.every, collection.enabled) == (
        "https://example.org/protocols/",
        timedelta(hours=6),
        False,
    )
    assert [collection.wants(name) for name in ("tls-parameters", "dns-old", "ssh")] == [True, False, False]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('folder = "mirror"\n', "mirror"),
        ('folder = "/srv/iana"\n', "/srv/iana"),
        ('rsync = "rsync://example.org/assignments"\n', "snapshots.mirror/iana"),
        ('index = "https://example.org/"\n', None),
    ],
)
def test_the_folder_of_the_documents_follows_from_the_settings(
    write: Write,  # noqa: F811
    tmp_path: Path,
    text: str,
    place: str | None,
) -> None:
    settings = loaded(write("[fetch]\nallow_files = true\n" + HEAD + text))
    assert settings.folder_of(settings.collections[0]) == (tmp_path / place if place else None)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "source[0]: must have exactly one of groups, index, folder and rsync; has none"),
        (
            'groups = ["a"]\nindex = "https://example.org/"\n',
            "source[0]: must have exactly one of groups, index, folder and rsync; has groups and index",
        ),
        (
            'rsync = "rsync://example.org/a/"\nurl = "https://example.org/{group}"\n',
            "source[0]: url cannot be combined with rsync, which has the documents itself",
        ),
        ("groups = []\n", "source[0].groups: must list at least one value"),
        (
            'groups = ["../x"]\n',
            "source[0].groups: '../x' is not a group id: letters, digits and . _ -, at most 64 characters",
        ),
        ('groups = ["a", "a"]\n', "source[0].groups: a group is listed twice"),
        (
            'groups = ["a", "A"]\n',
            "source[0].groups: 'A' differs from 'a' only in case",
        ),
        ('groups = ["a"]\nurl = "https://example.org/x.xml"\n', BRACES),
        ('groups = ["a"]\nurl = "https://example.org/{group}/{id}"\n', BRACES),
        (
            'groups = ["a"]\nurl = "ftp://example.org/{group}"\n',
            "source[0].url: must begin with http:, https:, file:",
        ),
        ('rsync = "example.org::assignments"\n', "source[0].rsync: must begin with rsync:"),
        (
            'rsync = "rsync://u:p@example.org/a/"\n',
            "source[0].rsync: a URL must not contain user and password: it would appear in logs",
        ),
        (
            'rsync = "rsync://example.org/"\n',
            "source[0].rsync: must be rsync://HOST/MODULE/ or rsync://HOST/MODULE/FOLDER/",
        ),
        (
            'rsync = "rsync://example.org/a/ --x"\n',
            "source[0].rsync: must be rsync://HOST/MODULE/ or rsync://HOST/MODULE/FOLDER/",
        ),
        ('folder = "mirror"\n', "source[0].folder: a folder needs allow_files = true in [fetch]"),
        ('index = "file:///srv/index.html"\n', "source[0].index: file: URLs need allow_files = true in [fetch]"),
        (
            'groups = ["a"]\nurl = "file:///srv/{group}.xml"\n',
            "source[0].url: file: URLs need allow_files = true in [fetch]",
        ),
        ('groups = ["a"]\nregistry = "ianna"\n', "source[0].registry: unknown 'ianna'; did you mean 'iana'?"),
        ('groups = ["a"]\nfoldr = "x"\n', "source[0].foldr: unknown; did you mean 'folder'?"),
        (
            'groups = ["a"]\nevery = "5s"\n',
            "source[0].every: must be at least one minute (1m): registries change every few days",
        ),
    ],
)
def test_a_mistake_in_a_collection_is_reported_with_its_place(write: Write, text: str, problem: str) -> None:  # noqa: F811
    assert problems(write(HEAD + text)) == [problem]


def test_an_unknown_type_is_answered_with_the_known_ones(write: Write) -> None:  # noqa: F811
    assert problems(write('[[source]]\nname = "x"\ntype = "tree"\n')) == [
        'source[0].type: must be "registry" (the default) or "collection"'
    ]


def test_a_registry_may_state_its_type(write: Write) -> None:  # noqa: F811
    text = '[[source]]\nname = "x"\ntype = "registry"\nurl = "https://example.org/"\n'
    assert [source.name for source in loaded(write(text)).registries] == ["x"]


def test_a_source_must_not_be_named_like_a_group_of_a_collection(write: Write) -> None:  # noqa: F811
    text = LIST + '[[source]]\nname = "iana.ports"\nurl = "https://example.org/"\n' + LIST
    assert problems(write(text)) == [
        "source: the name 'iana' is used twice",
        *["source[1].name: 'iana.ports' would be a group of the collection 'iana'"] * 2,
    ]


def test_the_schema_knows_collections(write: Write) -> None:  # noqa: F811
    schema = load.json_schema(FORMATS)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for source in (
        {"name": "x", "url": "https://example.org/"},
        {"name": "x", "type": "collection", "groups": ["a"]},
        {"name": "x", "type": "collection", "rsync": "rsync://example.org/a/"},
    ):
        validator.validate({"source": [source]})
    assert list(validator.iter_errors({"source": [{"name": "x", "type": "collection", "groups": []}]}))
    assert CollectionSettings.__name__ in schema["$defs"]
