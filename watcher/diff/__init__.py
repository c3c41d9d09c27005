"""Reads a release into keyed items, compares two of them, and decides what the differences mean. Pure."""
