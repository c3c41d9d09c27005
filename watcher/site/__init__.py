"""The history as plain files: pages, feeds, JSON and lists of deltas. `build.py` tells how they are written."""
