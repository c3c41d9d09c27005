"""Compare two CSVs by key with polars: `with_polars.py OLD NEW` prints added, removed, changed."""

import sys

import polars as pl

KEY = ["Service Name", "Port Number", "Transport Protocol"]
old, new = (pl.scan_csv(path, infer_schema=False) for path in sys.argv[1:])
rest = [name for name in new.collect_schema().names() if name not in KEY]
differs = pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"{name}_old")) for name in rest)
added, removed, changed = pl.collect_all(
    [
        new.join(old, on=KEY, how="anti", nulls_equal=True).select(pl.len()),
        old.join(new, on=KEY, how="anti", nulls_equal=True).select(pl.len()),
        new.join(old, on=KEY, suffix="_old", nulls_equal=True).filter(differs).select(pl.len()),
    ]
)
print(added.item(), removed.item(), changed.item())
