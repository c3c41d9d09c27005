"""Read a release into keyed items, compare two of them, and decide what the differences mean. Pure."""
