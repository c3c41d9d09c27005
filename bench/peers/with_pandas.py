"""Compare two CSVs by key with pandas: `with_pandas.py OLD NEW` prints added, removed, changed."""

import sys

import pandas as pd

KEY = ["Service Name", "Port Number", "Transport Protocol"]
old, new = (pd.read_csv(path, dtype=str, keep_default_na=False) for path in sys.argv[1:])
found = old.merge(new, on=KEY, how="outer", suffixes=("_old", ""), indicator=True)
both = found[found["_merge"] == "both"]
rest = [name for name in new.columns if name not in KEY]
changed = (both[[f"{name}_old" for name in rest]].to_numpy() != both[rest].to_numpy()).any(axis=1)
print((found["_merge"] == "right_only").sum(), (found["_merge"] == "left_only").sum(), changed.sum())
