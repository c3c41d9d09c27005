"""File formats: bytes in, rows out. One module a format; `watcher.contents.FORMATS` is the table of them."""
