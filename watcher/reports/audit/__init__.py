"""Compare a list with a registry: what the registry says about each entry, what changed, and what is wrong."""
