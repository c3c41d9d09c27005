"""Do the work that no program can avoid: hash a release, prove it well-formed, split and subtract."""

import hashlib
import sys
from pathlib import Path
from xml.parsers import expat

before, after = (Path(path).read_bytes() for path in sys.argv[1:])
print(hashlib.sha256(after).hexdigest()[:8])
expat.ParserCreate().Parse(after, True)
print(len({*after.split(b"</record>")} - {*before.split(b"</record>")}))
