"""The texts of a bundle: the answer in words, and what the bundle proves and what it does not."""

from __future__ import annotations

from collections.abc import Iterator

from watcher.core.model import MARKUP, Section
from watcher.core.times import LATEST
from watcher.registries.item_lines import describe_item
from watcher.render.safe_text import visible
from watcher.reports.evidence.collect import Evidence, LocatedItem
from watcher.store.history_rows import EntryVersion, StoredRelease

README = """\
Evidence of what a registry said on a day, made by registry-watcher.

  answer.txt      the answer in words
  evidence.json   the same as data: the entry, who is named, the release, and the chain of all releases
  {file}     the release: the bytes exactly as they were served
  verify.py       checks all of this; plain Python, nothing to install
  SHA256SUMS      the SHA-256 of each of these files{stamp_line}

To verify:

  python3 verify.py FILE.zip SHA-256

SHA-256 is that of the file SHA256SUMS, which `watcher evidence` printed when it made this bundle. Take it from where it
was kept apart from the bundle, and read verify.py before you run it: who can change the whole bundle can change both.
Without the SHA-256 verify.py still finds every accidental change, and every change that leaves SHA256SUMS as it
was.{stamp_text}

What this proves

- With the SHA-256: no byte of this bundle was changed since it was made.
- The texts of the entry are in the bytes of the release, at the places that evidence.json names (`bytes`: begin and
  end). What `derived` names is in the bytes in another form: references and contacts are elements in XML.
- Without an entry: the text of the release, without markup, has the `words` at as many places as `mentions` says.
  answer.txt has the text around them, for you to judge; that no entry is about them is what the program read.
- These bytes have the SHA-256 that the chain of releases has for this day. Each link of the chain is the SHA-256 of its
  row and of the link before it, so one link stands for all releases up to it. A bundle that is made later has the same
  links, unless an older release was imported meanwhile.

What it does not prove

- That the registry served these bytes: it signs nothing. This rests on the record of who ran the watcher (where from
  and when), and on others who kept the same release: the SHA-256 can be compared with theirs.
- That nothing else was published between two checks. answer.txt lists the times without a check.
- The date in the release is the registry's own, and the times of checks are those of the watcher's clock.
{unproven_time}"""
_MOST_WORDS, _MOST_MENTIONS = 4, 20
_STAMP_LINE = "\n  SHA256SUMS.tsr  a time stamp of SHA256SUMS (RFC 3161)"
_STAMP_TEXT = """

SHA256SUMS.tsr proves, by the signature of a time-stamping authority, that SHA256SUMS existed at the time in it, and so
everything in this bundle. verify.py does not check this signature; OpenSSL does, with the certificate of the authority:

  unzip FILE.zip SHA256SUMS SHA256SUMS.tsr
  openssl ts -verify -data SHA256SUMS -in SHA256SUMS.tsr -CAfile AUTHORITY.pem
  openssl ts -reply -in SHA256SUMS.tsr -text"""
_UNPROVEN_TIME = (
    "- When this bundle was made: it has no time stamp. `watcher evidence` adds one with `[evidence] tsa`.\n"
)


def render_readme(evidence: Evidence, *, is_stamped: bool) -> str:
    return README.format(
        file=evidence.file_name.ljust(10),
        stamp_line=_STAMP_LINE if is_stamped else "",
        stamp_text=_STAMP_TEXT if is_stamped else "",
        unproven_time="" if is_stamped else _UNPROVEN_TIME,
    )


def render_answer(evidence: Evidence) -> str:
    """Return the answer in words. It has every text that verify.py looks for."""
    return "".join(f"{line}\n" for line in _list_lines(evidence))


def _list_lines(evidence: Evidence) -> Iterator[str]:
    release = evidence.release
    day = "the newest release" if evidence.on == LATEST else evidence.on
    yield visible(f"What did {evidence.source} say about {evidence.what}? ({day})")
    yield ""
    if evidence.is_exact:
        says = "It says:"
    elif evidence.entries:
        says = "It has no row for exactly this. It says of the range that has it, or of what the entry is called now:"
    else:
        says = "It has no entry about this, so it names nobody."
    if evidence.on == LATEST:
        yield f"The newest release is that of {_name(release)}. {says}"
    else:
        yield f"On {evidence.on} the newest release was that of {_name(release)}. {says}"
    if not evidence.entries:
        yield from _list_absence_lines(evidence)
    for version, located in zip(evidence.entry.current, evidence.entries, strict=True):
        yield ""
        yield from _list_item_lines(located, evidence.file_name)
        if version.item.section is Section.ENTRY:
            yield f"    status: {_describe_status(evidence, version)}"
            yield f"    named: {visible(', '.join(evidence.named[version.row])) or _nobody(version)}"
    for located in evidence.contacts:
        yield ""
        yield from _list_item_lines(located, evidence.file_name)
    yield ""
    yield "The release"
    yield f"    published: {release.release.published or 'it bears no date'}"
    yield f"    first seen: {release.release.observed or 'not recorded'}"
    how = "a check of this watcher" if evidence.receipt.live else "an import, not a check of this watcher"
    yield f"    brought by: {how}"
    yield visible(f"    served from: {evidence.receipt.origin}")
    yield f"    SHA-256: {release.release.sha256} ({len(evidence.data)} bytes, {evidence.file_name})"
    yield f"    id: {release.release.id} (of the content)"
    yield ""
    yield "The releases around it"
    yield f"    before: {_describe_neighbour(evidence.before)}"
    yield f"    after: {_describe_neighbour(evidence.after)}"
    yield f"    evidence.json has the chain of all {len(evidence.chain)} releases"
    yield ""
    yield "When was the registry checked?"
    yield from _list_observation_lines(evidence)


def _list_absence_lines(evidence: Evidence) -> Iterator[str]:
    """Yield where else the words occur, and which other releases have such an entry."""
    words, mentions = evidence.words, evidence.mentions
    shown = words if len(words) <= _MOST_WORDS else (words[0], "…", words[-1])
    yield ""
    yield visible(f"  searched for: {', '.join(shown)} (as a whole word, in any case of letters)")
    if not mentions:
        yield f"  in the text of {evidence.file_name}: at no place"
    else:
        places = "1 place" if len(mentions) == 1 else f"{len(mentions)} places"
        yield f"  in the text of {evidence.file_name}: at {places}, none of them an entry about this"
        for mention in mentions[:_MOST_MENTIONS]:
            yield visible(f"    … {mention} …")
        if len(mentions) > _MOST_MENTIONS:
            yield f"    and {len(mentions) - _MOST_MENTIONS} more"
    if not evidence.others:
        yield "  in other releases: no entry about this"
    for version in evidence.others:
        until = f"to the one before {version.until.day}" if version.until else "on"
        yield visible(f"  in the releases from {version.first.day} {until}: {describe_item(version.item)}")


def _list_item_lines(located: LocatedItem, file_name: str) -> Iterator[str]:
    item = located.item
    yield visible(f"  {item.section} " + " ".join(" ".join(item.key.values).split()))
    for name, text in item.fields.items():
        if text and not name.startswith(MARKUP):
            yield visible(f"    {name}: {' '.join(text.split())}")
    yield f"    in {file_name}: " + (
        "somewhere; rows of this format have no range of bytes"
        if located.is_whole
        else f"bytes {located.begin} to {located.end}"
    )


def _describe_status(evidence: Evidence, version: EntryVersion) -> str:
    standing = evidence.entry.read_standing(version)
    if standing is None:
        return str(version.item.status)
    or_before = "" if standing.is_known else " or before"
    return f"{version.item.status} since the release of {standing.since.day}{or_before}"


def _nobody(version: EntryVersion) -> str:
    if any(version.item.fields.get(name) for name in ("assignee", "contact")):
        return "no person or organisation with an entry in the list of contacts"
    return "nobody: the entry names no person or organisation"


def _name(stored: StoredRelease) -> str:
    return visible(stored.release.when)


def _describe_neighbour(stored: StoredRelease | None) -> str:
    return "no release" if stored is None else f"{_name(stored)}, SHA-256 {stored.release.sha256}"


def _list_observation_lines(evidence: Evidence) -> Iterator[str]:
    begin, end = evidence.window
    if end is None:
        yield "    Nobody recorded when this release appeared: only its own date says when it was published."
    elif begin is None:
        yield f"    This release was first seen at {end}; nobody recorded when the one before it was last seen."
    else:
        yield f"    The release before it was last seen at {begin}, and this one first at {end}."
    if not evidence.receipt.live:
        yield "    The times are those of the imported copy, which this watcher did not fetch from the registry."
    if evidence.after is None:
        yield "    No later release is known."
    elif evidence.next_window[0] is not None:
        yield f"    It was last seen as the newest release at {evidence.next_window[0]}."
    last = evidence.last_seen
    yield (
        f"    The last successful check of this source was at {last}." if last else "    This source was never checked."
    )
    times = (last, evidence.release.release.observed, evidence.after.release.observed if evidence.after else None)
    if evidence.on != LATEST and max(filter(None, times), default="") < evidence.on:
        yield f"    Nobody checked on {evidence.on} or later: a release until then may be unknown."
    for gap in evidence.gaps:
        yield f"    Nobody checked between {gap.since} and {gap.until}."
