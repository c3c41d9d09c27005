"""The rules for every IANA registry that has none of its own."""
