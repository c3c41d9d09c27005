"""Packages of the optional extras, which may not be installed."""

from __future__ import annotations

from importlib.util import find_spec

POSTGRESQL_IS_MISSING = 'psycopg is not installed; install it with: pip install "registry-watcher[postgresql]"'
WORKERS_ARE_MISSING = 'procrastinate is not installed; install it with: pip install "registry-watcher[workers]"'
S3_IS_MISSING = 'obstore is not installed; install it with: pip install "registry-watcher[s3]"'
APPRISE_IS_MISSING = 'apprise is not installed; install it with: pip install "registry-watcher[apprise]"'


def is_installed(package: str) -> bool:
    """Return whether a package can be imported."""
    return find_spec(package) is not None
