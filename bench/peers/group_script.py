"""Compare two registry groups as a short script does: `group_script.py OLD NEW` prints added, removed records."""

import argparse

from lxml import etree

parser = argparse.ArgumentParser()
parser.add_argument("old")
parser.add_argument("new")
given = parser.parse_args()


def records(path: str) -> set[tuple[tuple[str, str], ...]]:
    found = etree.parse(path).iter("{http://www.iana.org/assignments}record")
    return {tuple((str(child.tag), str(child.text)) for child in record) for record in found}


old, new = records(given.old), records(given.new)
print(len(new - old), len(old - new))
