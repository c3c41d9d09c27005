"""How a comparison is shown: one module a rendering. Values in, text out; registry text is hostile in all of them."""
