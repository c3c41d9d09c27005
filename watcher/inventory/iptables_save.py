"""The ports in the rules that `iptables-save` and `ip6tables-save` print: `--dport`, and `--dports` of multiport."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from watcher.core.errors import ParseError
from watcher.core.patterns import regex
from watcher.inventory.base import ListText
from watcher.inventory.model import ListEntry
from watcher.inventory.port_words import read_port, read_protocol

_RULE = regex(r"(?:\[\d+:\d+\]\s+)?-[AI]\s")
_OTHER = regex(r"[*:#]|COMMIT\b|(?:\[\d+:\d+\]\s+)?-[PNEXFZ]\b")
_QUOTED = regex(r'"((?:[^"\\]|\\.)*+)"')
_ESCAPED = regex(r"\\(.)")
_WORD = regex(r'(?:[^\s"]|"(?:[^"\\]|\\.)*+")++|"')  # a `"` alone has no end
_PORT_OPTIONS = frozenset({"--dport", "--destination-port", "--dports", "--destination-ports", "--ports", "--port"})
_PROTOCOLS = {"6": "tcp", "17": "udp", "33": "dccp", "132": "sctp", "all": "", "0": ""}


def is_iptables_save(text: ListText) -> bool:
    """Return whether the first line that is no comment begins a table or is a rule."""
    first = next((line for _, line in text.lines() if not line.startswith("#")), "")
    return re.fullmatch(r"\*[a-z]+", first) is not None or _RULE.match(first) is not None


def read(text: ListText) -> Iterator[ListEntry]:
    """Yield each destination port and range of each rule; the label is its chain and comment. Raises ParseError."""
    for number, line in text.lines():
        if _RULE.match(line):
            yield from _read_rule(text.name, number, _split(line, number))
        elif not _OTHER.match(line):
            raise ParseError("not_well_formed", f"not a line of iptables-save: {line[:60]!r}", line=number)


def _split(line: str, number: int) -> list[str]:
    """Return the words of a rule as iptables-restore splits them: only `"` quotes, and `\\` counts only inside it."""
    if '"' not in line:
        return line.split()
    words = []
    for match in _WORD.finditer(line):
        word = match[0]
        if word == '"':
            raise ParseError("not_well_formed", "a rule with a quotation mark that has no end", line=number)
        words.append(_QUOTED.sub(lambda quoted: _ESCAPED.sub(r"\1", quoted[1]), word) if '"' in word else word)
    return words


def _read_rule(file: str, number: int, words: Sequence[str]) -> Iterator[ListEntry]:
    protocol = comment = chain = ""
    ports: list[str] = []
    for place, word in enumerate(words[:-1]):
        value, is_negated = words[place + 1], place > 0 and words[place - 1] == "!"
        if word in ("-A", "-I"):
            chain = value
        elif word in ("-p", "--protocol", "--proto") and not is_negated:
            protocol = _PROTOCOLS.get(value.lower(), value)
        elif word == "--comment":
            comment = value
        elif word in _PORT_OPTIONS and not is_negated:
            ports += value.split(",")
    for port in ports:
        interval, name = read_port(port, number)
        yield ListEntry(
            name=name,
            ports=interval,
            protocol=read_protocol(protocol, number) if protocol else "",
            label=": ".join(filter(None, (chain, comment))),
            file=file,
            line=number,
        )
