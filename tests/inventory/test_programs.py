"""Lists as the programs print them: rules in a network namespace, read back with iptables-save and nft."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from watcher.core.errors import ParseError
from watcher.inventory.catalog import read_list

RULES = r"""*filter
-A INPUT -p tcp -m tcp --dport 22 -m comment --comment "it\'s \"ours\" \\ --dport 23" -j ACCEPT
-A INPUT -p udp -m multiport --dports 53,5000:5001 -j ACCEPT
-A INPUT -p tcp ! --dport 24 -j DROP
-A INPUT -p sctp -m sctp --dport 3868 -m comment --comment it's -j ACCEPT
COMMIT
"""
PORTS = ["22/tcp", "53/udp", "5000-5001/udp", "3868/sctp"]


def print_rules(command: str, rules: str = RULES) -> bytes:
    """Load the rules into a network of their own, and return what a command prints there."""
    if os.geteuid() != 0:
        pytest.skip("only root can make a network namespace")
    for program in ("unshare", "iptables-restore", command.split(maxsplit=1)[0]):
        if shutil.which(program) is None:
            pytest.skip(f"the program {program} is not installed")
    script = f"iptables-restore || exit 99; {command}"
    done = subprocess.run(
        ["unshare", "--net", "sh", "-c", script], input=rules.encode(), capture_output=True, check=False, timeout=60
    )
    if done.returncode == 99:
        pytest.skip(f"no rules can be loaded here: {done.stderr.decode()[:200]}")
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_iptables_save_prints_is_read() -> None:
    inventory = read_list(print_rules("iptables-save"), file="rules")
    assert inventory.list_format == "iptables"
    assert [entry.title for entry in inventory.entries] == PORTS
    assert [entry.label for entry in inventory.entries] == [
        'INPUT: it\'s "ours" \\ --dport 23',
        "INPUT",
        "INPUT",
        "INPUT: it's",
    ]


def test_what_nft_prints_of_rules_of_iptables_is_read_or_refused_where_it_leaves_out_the_ports() -> None:
    printed = print_rules("nft -j list ruleset")
    with pytest.raises(ParseError, match=r"line 1: a rule of iptables whose ports nft does not print .match multiport"):
        read_list(printed, file="rules")
    without = print_rules("nft -j list ruleset", RULES.replace("-p udp -m multiport --dports 53,5000:5001", ""))
    with pytest.raises(ParseError, match="match sctp"):
        read_list(without, file="rules")
    plain = "".join(line for line in RULES.splitlines(keepends=True) if "multiport" not in line and "sctp" not in line)
    inventory = read_list(print_rules("nft -j list ruleset", plain), file="rules")
    assert (inventory.list_format, [entry.title for entry in inventory.entries]) == ("nftables", PORTS[:1])
