"""Renderings of a comparison, one module each. Values in, text out; all of them treat registry text as hostile."""
