"""Hold a list against a registry: what the registry says of each entry, what changed, and what is wrong."""
