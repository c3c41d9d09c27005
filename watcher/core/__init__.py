"""Data types, errors, times and port ranges, for all other folders. Imports nothing of them."""
