#!/usr/bin/env bash
# Build a Debian package with everything that it needs but Python: `build_deb.sh [FOLDER]` (default: dist).
#
# The libraries are in the package, because Debian has older ones. It fits the Python of the machine that builds it.
# PYTHON names another one. The same sources and libraries give the same bytes (SOURCE_DATE_EPOCH).
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
out=${1:-$root/dist}
python=${PYTHON:-/usr/bin/python3}
pip=("${PIP_PYTHON:-python3}" -m pip --quiet --disable-pip-version-check)

for program in dpkg-deb dpkg "$python"; do
  command -v "$program" >/dev/null || { echo "build_deb.sh: $program is missing" >&2; exit 1; }
done
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$root" log -1 --format=%ct 2>/dev/null || echo 0)}
version=$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' "$root/watcher/__init__.py")
minor=$("$python" -c 'import sys; print(sys.version_info.minor)')
architecture=$(dpkg --print-architecture)
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
chmod 755 "$stage"
umask 022

libraries=$stage/usr/lib/registry-watcher
"${pip[@]}" --python "$python" install --no-compile --target "$libraries" "$root"
rm -rf "$libraries/bin"
mv "$libraries/share" "$stage/usr/share"

install -d "$stage/usr/bin" "$stage/lib/systemd/system" "$stage/etc/registry-watcher" "$stage/DEBIAN"
cat >"$stage/usr/bin/watcher" <<'END'
#!/usr/bin/python3 -I
import sys

sys.path.insert(0, "/usr/lib/registry-watcher")
from watcher.__main__ import main

sys.exit(main())
END
chmod 755 "$stage/usr/bin/watcher"
for unit in "$root"/systemd/*; do
  sed 's,/opt/registry-watcher/bin/watcher,/usr/bin/watcher,' "$unit" >"$stage/lib/systemd/system/${unit##*/}"
done
sed -e 's,^path = "history.db",path = "/var/lib/registry-watcher/history.db",' \
  -e 's,^snapshots = "snapshots",snapshots = "/var/lib/registry-watcher/snapshots",' \
  "$root/config.toml" >"$stage/etc/registry-watcher/config.toml"
echo /etc/registry-watcher/config.toml >"$stage/DEBIAN/conffiles"
cat >"$stage/DEBIAN/control" <<END
Package: registry-watcher
Version: $version
Architecture: $architecture
Maintainer: the authors of registry-watcher
Section: net
Priority: optional
Installed-Size: $(du -sk --exclude=DEBIAN "$stage" | cut -f1)
Depends: python3 (>= 3.$minor), python3 (<< 3.$((minor + 1)))
Suggests: rsync, git
Description: keeps every release of IANA's registries and explains what changed
 registry-watcher fetches every release of public registries, keeps it byte for
 byte, says exactly what changed and what it means, and sends alerts.
END
cat >"$stage/DEBIAN/postinst" <<'END'
#!/bin/sh
set -e
if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
END
chmod 755 "$stage/DEBIAN/postinst"
find "$stage" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
mkdir -p "$out"
dpkg-deb --root-owner-group --build "$stage" "$out/registry-watcher_${version}_${architecture}.deb" >/dev/null
echo "$out/registry-watcher_${version}_${architecture}.deb"
