"""Get the bytes of a release: over HTTP, from a file or folder, through rsync."""
