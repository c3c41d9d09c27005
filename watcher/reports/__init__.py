"""Answers to what people ask about the history, as values: commands print them, web pages show them."""
