"""File formats: bytes in, rows out. One module for each format; `catalog.FORMATS` is the table of them."""
