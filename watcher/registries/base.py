"""The contract of a registry: the functions and tables by which its entries are identified, paired and judged."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from watcher.core.errors import ParseError
from watcher.core.intervals import Interval
from watcher.core.model import RULES_VERSION, Change, Content, Fields, Item, Kind, Severity, Status
from watcher.core.read_settings import ReadSettings
from watcher.core.tables import REGISTRY_LABEL, Layout
from watcher.registries.context import NO_TABLE_SETTINGS, ChangeContext, TableSettings

if TYPE_CHECKING:
    from watcher.formats.base import FieldMap

Signature = tuple[str, ...] | None
Labels = tuple[str, ...]  # of the key columns
Rows = Callable[[], Sequence[Fields]]  # loads the rows of a registry; only called where the key depends on them
PATH = REGISTRY_LABEL
COLUMNS = "columns"  # the header field with the titles of a table, one per line
_DEFAULT_LAYOUT = Layout()


class PairingRule(Struct, frozen=True):
    """One step of pairing: a removed and an added item are one entry if no other item shares their signature.

    `removed` and `added` compute the signature of an item, None where the step does not apply to it. If
    `interchangeable`, items with one signature have the same content, and it does not matter which are paired.
    """

    name: str
    removed: Callable[[Item], Signature]
    added: Callable[[Item], Signature]
    interchangeable: bool = False


Features = Mapping[str, float]


class LinkageRule(Struct, frozen=True):
    """The step of pairing that links leftovers by evidence.

    `removed` and `added` return the scope inside which an item may be linked, None where the step does not apply to it.
    `features` returns what an item has, each with how much it counts; `rows` returns the features of all rows of a
    scope in both releases; rare ones count more.
    """

    name: str
    removed: Callable[[Item], str | None]
    added: Callable[[Item], str | None]
    features: Callable[[Item], Features]
    rows: Callable[[str], Iterable[Features]]


class Finding(Struct, frozen=True):
    """The meaning of one change. Findings with the same event and subject become one event.

    `change` is the position in the change set; `also` are further event ids that apply; `was` is the status before;
    `evidence` is the text that a status was read from, `facts` are what the texts of the entry say; `severity`
    overrides the registry's table. `registry` and `values` locate the entry in a registry group. `quiet` marks the
    change as bookkeeping although an event names it.
    """

    event: str
    change: int
    subject: tuple[str, ...]
    kind: Kind
    service: str = ""
    ports: tuple[str, ...] = ()
    protocols: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    was: str | None = None
    severity: Severity | None = None
    registry: str = ""
    values: tuple[str, ...] = ()
    evidence: str | None = None
    facts: Mapping[str, str] = {}
    quiet: bool = False


Sentence = Callable[[Sequence[Finding], ChangeContext], str]


class EventType(Struct, frozen=True):
    """One row of a registry's event table: the default severity, and the function that writes the sentence."""

    severity: Severity
    sentence: Sentence


def _nothing(*arguments: object) -> tuple[()]:  # noqa: ARG001
    return ()


def _none(item: Item) -> None:  # noqa: ARG001
    return None


def _never(change: Change, context: ChangeContext) -> bool:  # noqa: ARG001
    return False


class Registry(Struct, frozen=True, kw_only=True):
    """The rules of one registry. All functions are pure; the defaults pair nothing and mark no change as quiet.

    `document_id` is the id that the published document must have ("" for any); `may_be_empty` allows a document without
    entries. `identify` gets the document's id, the path of one of its registries and the rows there, and returns the
    labels of the key columns; `PATH` is the label of the path. `status` gets the document's id and a row. `names`
    and `interval` are what an entry is looked up by. `duplicate_order` is the field that sorts entries with equal keys.
    `pairing_rules` returns the steps for two releases. `is_bookkeeping` says whether a change is quiet unless a
    finding names it; `explained_by` returns the bookkeeping that the event of some findings caused. `leftover_names`
    returns the names by which a removed or added entry is found in another group. `table` is set by the configuration.
    """

    id: str
    document_id: str
    columns: FieldMap
    may_be_empty: bool
    identify: Callable[[str, str, Rows], Labels]
    duplicate_order: str
    status: Callable[[str, Fields], Status]
    names: Callable[[Item], Sequence[str]]
    classify: Callable[[ChangeContext], Iterable[Finding]]
    events: Mapping[str, EventType]
    interval: Callable[[Item], Interval | None] = _none
    rules_version: int = RULES_VERSION
    pairing_rules: Callable[[Content, Content], Sequence[PairingRule | LinkageRule]] = _nothing
    is_bookkeeping: Callable[[Change, ChangeContext], bool] = _never
    explained_by: Callable[[Sequence[Finding], ChangeContext], Iterable[int]] = _nothing
    leftover_names: Callable[[Change], Sequence[str]] = _nothing
    table: TableSettings = NO_TABLE_SETTINGS


def fixed_key(*labels: str) -> Callable[[str, str, Rows], Labels]:
    """Return the `identify` of a registry whose key columns are always the same."""

    def identify(*arguments: object) -> Labels:  # noqa: ARG001 - the shape of Registry.identify
        return labels

    return identify


def with_key(registry: Registry, key: Labels, layout: Layout = _DEFAULT_LAYOUT, *, renames: bool = False) -> Registry:
    """Return a registry's rules for a plain table with declared key columns; without a key, as the registry has it.

    Rows with different declared keys are two entries; `renames` allows to pair them all the same.
    Reading a table raises ParseError `no_key` if none of its rows has any of the columns.
    """
    if layout != _DEFAULT_LAYOUT:
        registry = replace(registry, columns=replace(registry.columns, layout=layout))
    if not key:
        return registry

    def identify(document: str, path: str, rows: Rows) -> Labels:  # noqa: ARG001 - the shape of Registry.identify
        if not any(row.get(label) for row in rows() for label in key):
            columns = " or ".join(map(repr, key))
            raise ParseError("no_key", f"the table has no column {columns}, its declared key")
        return key

    return replace(registry, identify=identify, pairing_rules=registry.pairing_rules if renames else _nothing)


def apply_settings(registry: Registry, settings: ReadSettings) -> Registry:
    """Return a registry's rules with the key, the layout and the columns that the settings of a source name."""
    keyed = with_key(registry, settings.key, settings.layout, renames=settings.renames)
    return replace(keyed, table=TableSettings(settings.title, settings.ignore))
