# fmt: off
"""Verify a bundle of `watcher evidence`: python3 verify.py FILE.zip [SHA-256 of SHA256SUMS]. Needs Python alone."""
import hashlib, html, io, json, re, sys, zipfile  # noqa: E401,I001
def sha256(data: bytes) -> str: return hashlib.sha256(data).hexdigest()
def require(condition: object, problem: str) -> None:
    if not condition: raise ValueError(problem)  # noqa: E701
def plain(data: bytes) -> str:  # the text of a part of the release, without tags
    return " ".join(html.unescape(re.sub("<[^>]*>", " ", data.decode("utf-8", "replace"))).split())
def find_mentions(words: "list[str]", text: str) -> "list[re.Match[str]]":  # the places of whole words
    return [*re.finditer(rf"(?<![\w.-])({'|'.join(map(re.escape, words)) or '(?!)'})(?![\w-])", text, re.IGNORECASE)]
def pack(files: "dict[str, bytes]") -> bytes:  # the one zip file that these files make
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        signed = [name for name in ("SHA256SUMS", "SHA256SUMS.tsr") if name in files]
        archive.comment = "\n".join(f"{sha256(files[name])}  {name}" for name in signed).encode()
        for name, data in files.items():
            member = zipfile.ZipInfo(name)  # of 1980-01-01
            member.create_system, member.external_attr = 3, 0o644 << 16
            archive.writestr(member, data)
    return out.getvalue()
def verify(bundle: bytes, digest: str = "") -> str:
    archive = zipfile.ZipFile(io.BytesIO(bundle))
    files = {name: archive.read(name) for name in archive.namelist()}
    require(pack(files) == bundle, "a byte that is part of no file was changed")
    sums = "".join(f"{sha256(data)}  {name}\n" for name, data in files.items() if name[:10] != "SHA256SUMS").encode()
    require(files["SHA256SUMS"] == sums and digest in ("", sha256(sums)), "SHA256SUMS is of other files")
    facts, answer, link = json.loads(files["evidence.json"]), " ".join(files["answer.txt"].decode().split()), ""
    release, data = facts["release"], files[facts["release"]["file"]]
    for part in facts["entries"] + facts["contacts"]:
        require(all(text in plain(data[slice(*part["bytes"])]) and text in answer for text in part["texts"]), str(part))
    require(len(find_mentions(facts["words"], plain(data))) == facts["mentions"], "the release has other mentions")
    for row in facts["chain"]:  # [id, day, SHA-256, published, observed, link]; a link is made of the one before it
        link = sha256(json.dumps([link, *row[:-1]]).encode())
        require(link == row[-1], f"the chain is broken at {row[0]}")
    newest = [row for row in facts["chain"] if row[1] <= facts["on"]][-1]
    require(newest[:3] == [release["id"], release["dated"], sha256(data)], "the chain has another release for this day")
    return f"{len(files)} files, {len(facts['entries'])} entries; SHA256SUMS has the SHA-256 {sha256(sums)}"
if __name__ == "__main__":
    try: print("verified:", verify(open(sys.argv[1], "rb").read(), *sys.argv[2:3]))  # noqa: E701,PTH123,SIM115
    except Exception as error: sys.exit(f"REFUSED: {error or type(error).__name__}")  # noqa: BLE001,E701
