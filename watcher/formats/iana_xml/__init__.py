"""IANA's XML vocabulary, the format with the most information: every registry group is published in it."""
