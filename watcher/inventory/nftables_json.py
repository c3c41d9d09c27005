"""The destination ports in the rules of `nft -j list ruleset`: values, ranges, sets, named sets and maps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from watcher.core.errors import ParseError
from watcher.inventory.base import ListText
from watcher.inventory.json_text import LineFinder, parse_json
from watcher.inventory.model import ListEntry
from watcher.inventory.port_words import read_port, read_protocol

_BEGIN = 4096
_MAX_DEPTH = 20
_MOST_PROTOCOLS = 16  # of one rule
_L4 = ({"key": "l4proto"}, {"key": "l4proto", "base": "th"})
_NUMBERS = {"6": "tcp", "17": "udp", "33": "dccp", "132": "sctp"}
# Matches of iptables-nft that `nft` prints by name only, so the ports in them cannot be read.
_HIDING = frozenset({"multiport", "tcp", "udp", "udplite", "sctp", "dccp"})
_BOUNDS: Mapping[str, Callable[[int], list[int]]] = {
    ">=": lambda port: [port, 65535],
    ">": lambda port: [port + 1, 65535],
    "<=": lambda port: [0, port],
    "<": lambda port: [0, port - 1],
}
_ANY_TRANSPORT = "th"  # the payload of any transport protocol: another expression says which
Json = Mapping[str, Any]


def is_nftables_json(text: ListText) -> bool:
    return text.text[:_BEGIN].lstrip("\ufeff \t\r\n").startswith("{") and '"nftables"' in text.text[:_BEGIN]


def read(text: ListText) -> Iterator[ListEntry]:
    """Yield each destination port and range of each rule; the label is its chain and comment. Raises ParseError."""
    document = parse_json(text.text)
    objects = document.get("nftables") if isinstance(document, dict) else None
    if not isinstance(objects, list) or not all(isinstance(entry, dict) for entry in objects):
        raise ParseError("not_expected_format", "not `nft -j list ruleset`: no list named nftables", line=1)
    sets = {
        (entry.get("family"), entry.get("table"), entry.get("name")): entry.get("elem", [])
        for container in objects
        for entry in (container.get("set"), container.get("map"))
        if isinstance(entry, dict)
    }
    finder = LineFinder(text.text)
    listed: set[str] = set()
    for container in objects:
        rule = container.get("rule")
        if isinstance(rule, dict) and isinstance(rule.get("expr"), list):
            line = finder.find('"rule"')
            try:
                yield from _RuleReader(text.name, line, rule, sets, listed).read()
            except RecursionError:
                raise ParseError("too_large", "a rule that is nested too deep", line=line) from None


class _RuleReader:
    """Reads the ports of one rule. `listed` has the named sets that were read, and for what.

    A hundred rules on one set have its ports a hundred times, so only the first of them yields them.
    """

    def __init__(
        self, file: str, line: int, rule: Json, sets: Mapping[tuple[Any, Any, Any], Any], listed: set[str]
    ) -> None:
        self._file, self._line, self._rule, self._sets, self._listed = file, line, rule, sets, listed
        words = (rule.get("family"), rule.get("table"), rule.get("chain"), rule.get("comment"))
        self._label = " ".join(word for word in words if isinstance(word, str))

    def read(self) -> Iterator[ListEntry]:
        for expression in self._rule["expr"]:
            hidden = expression.get("xt") if isinstance(expression, dict) else None
            if isinstance(hidden, dict) and hidden.get("name") in _HIDING:
                what = f"a rule of iptables whose ports nft does not print (match {hidden['name']})"
                hint = "read its table with iptables-save, and the others with `nft -j list table`"
                raise ParseError("not_expected_format", f"{what}; {hint}", line=self._line)
        matches = [
            match
            for expression in self._rule["expr"]
            if isinstance(expression, dict) and (match := _as_match(expression)) is not None
        ]
        texts = (protocol for left, right in matches if _is_l4(left) for protocol in self._texts(right))
        named = [*islice(dict.fromkeys(texts), _MOST_PROTOCOLS + 1)]
        if len(named) > _MOST_PROTOCOLS:
            raise ParseError("too_large", f"a rule of more than {_MOST_PROTOCOLS} protocols", line=self._line)
        for left, right in matches:
            if self._is_listed(left, right, named):
                continue
            if isinstance(left, dict) and isinstance(left.get("concat"), list):
                yield from self._read_concatenation(left["concat"], right, named)
            elif (protocol := _payload_protocol(left)) is not None:
                protocols = [protocol] if protocol != _ANY_TRANSPORT else named
                for value in self._values(right):
                    yield from self._entries(value, protocols)

    def _is_listed(self, left: Any, right: Any, named: Sequence[str]) -> bool:
        """Return whether an earlier rule has the ports of the same set already."""
        if not (isinstance(right, str) and right.startswith("@")):
            return False
        use = repr((self._rule.get("family"), self._rule.get("table"), right, left, named))
        is_known = use in self._listed
        self._listed.add(use)
        return is_known

    def _read_concatenation(self, parts: Sequence[Any], right: Any, named: Sequence[str]) -> Iterator[ListEntry]:
        places = [place for place, part in enumerate(parts) if _payload_protocol(part) is not None]
        l4 = next((place for place, part in enumerate(parts) if _is_l4(part)), None)
        for value in self._values(right):
            cells = value.get("concat") if isinstance(value, dict) else None
            if not isinstance(cells, list) or len(cells) != len(parts):
                continue
            for place in places:
                own = _payload_protocol(parts[place])
                protocols = [own] if own and own != _ANY_TRANSPORT else named
                if own == _ANY_TRANSPORT and l4 is not None:
                    protocols = [_NUMBERS.get(str(cells[l4]), str(cells[l4]))]
                yield from self._entries(cells[place], protocols)

    def _entries(self, value: Any, protocols: Sequence[str]) -> Iterator[ListEntry]:
        bounds = value.get("range") if isinstance(value, dict) else None
        if isinstance(bounds, list) and len(bounds) == 2:
            text = f"{bounds[0]}-{bounds[1]}"
        elif isinstance(value, int | str):
            text = str(value)
        else:
            return  # a prefix, a variable or an expression: no ports that could be named
        ports, name = read_port(text, self._line)
        for protocol in protocols or ("",):
            yield ListEntry(
                name=name,
                ports=ports,
                protocol=read_protocol(protocol, self._line) if protocol else "",
                label=self._label,
                file=self._file,
                line=self._line,
            )

    def _texts(self, right: Any) -> list[str]:
        return [_NUMBERS.get(str(value), str(value)) for value in self._values(right) if isinstance(value, str | int)]

    def _values(self, value: Any, depth: int = 0) -> Iterator[Any]:
        """Yield the single values of what a match or a map compares with."""
        if depth > _MAX_DEPTH:
            raise ParseError("too_large", "sets that are nested too deep", line=self._line)
        if isinstance(value, str) and value.startswith("@"):
            if depth == 0:  # a set has no sets in it
                elements = self._sets.get((self._rule.get("family"), self._rule.get("table"), value[1:]), [])
                yield from self._values(elements, depth + 1)
        elif isinstance(value, list):
            for inner in value:
                # An element of a map is a pair of a key and what it leads to.
                is_pair = isinstance(inner, list) and len(inner) == 2
                yield from self._values(inner[0] if is_pair else inner, depth + 1)
        elif isinstance(value, dict) and "set" in value:
            yield from self._values(value["set"], depth + 1)
        elif isinstance(value, dict) and isinstance(value.get("elem"), dict):
            yield from self._values(value["elem"].get("val"), depth + 1)
        else:
            yield value


def _as_match(expression: Json) -> tuple[Any, Any] | None:
    """Return what an expression compares and with what; None for others and for a negated match."""
    match = expression.get("match")
    if isinstance(match, dict):
        operator, right = match.get("op"), match.get("right")
        if isinstance(operator, str) and operator in _BOUNDS and isinstance(right, int):
            return match.get("left"), {"range": _BOUNDS[operator](right)}
        return (match.get("left"), right) if operator in ("==", "in", None) else None
    for name in ("vmap", "map"):
        lookup = expression.get(name)
        if isinstance(lookup, dict):
            return lookup.get("key"), lookup.get("data")
    return None


def _payload_protocol(left: Any) -> str | None:
    """Return the protocol of a payload that is a destination port, None for anything else."""
    payload = left.get("payload") if isinstance(left, dict) else None
    if not isinstance(payload, dict) or payload.get("field") != "dport":
        return None
    protocol = payload.get("protocol")
    return protocol if isinstance(protocol, str) else None


def _is_l4(left: Any) -> bool:
    if not isinstance(left, dict):
        return False
    payload, meta = left.get("payload"), left.get("meta")
    is_header = isinstance(payload, dict) and payload.get("field") in ("protocol", "nexthdr")
    return is_header or meta in _L4
